"""From `container:` to images."""
