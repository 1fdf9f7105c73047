"""Tests of the images that other tests are built with."""
