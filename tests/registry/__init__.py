"""The client of registries, and a registry that misbehaves."""
