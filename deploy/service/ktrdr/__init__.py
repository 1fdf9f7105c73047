"""Trends of price series, as a service."""
