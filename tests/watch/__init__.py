"""Tests of the listener for notifications."""
