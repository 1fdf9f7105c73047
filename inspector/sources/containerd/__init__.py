"""From `containerd:` to images."""
