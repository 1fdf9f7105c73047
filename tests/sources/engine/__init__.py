"""Engines' images: names, lanes, stores."""
