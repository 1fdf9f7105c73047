"""Registries: a client of the OCI distribution specification 1.1, which reads and never writes."""
