"""Tests of many images at once."""
