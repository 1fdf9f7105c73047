"""Images of a containerd that has no engine above it."""
