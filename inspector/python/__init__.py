"""What the image's Python is, what it would find, and what is installed for it."""
