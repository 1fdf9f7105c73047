"""Tests of tables of contents."""
