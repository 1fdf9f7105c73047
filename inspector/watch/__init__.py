"""Images checked as a registry notifies of them."""
