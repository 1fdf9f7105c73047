"""Formats: facts and findings in, text out."""
