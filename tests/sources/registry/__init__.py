"""Images in registries: names, platforms, layers."""
