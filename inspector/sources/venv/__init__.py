"""From `venv:` to images."""
