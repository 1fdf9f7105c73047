"""Tests against the lab: a real engine, a real registry, real images."""
