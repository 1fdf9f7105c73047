"""Connections and their bounds, shared by the clients of engines and registries."""
