"""Engines' images: names, access methods, stores."""
