"""Registries as a medium: manifests and configs are fetched, layers are read as they arrive."""
