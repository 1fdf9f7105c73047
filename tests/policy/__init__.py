"""Tests of policies, and of judging by them."""
