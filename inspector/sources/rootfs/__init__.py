"""From `rootfs:` to images."""
