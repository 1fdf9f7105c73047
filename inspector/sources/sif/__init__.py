"""From `sif:` to images."""
