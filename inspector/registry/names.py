"""The names that `inspector.names` holds, for modules that still import them from here."""

from __future__ import annotations

from inspector.names import DOCKER_HUB, api_host, is_host, is_repository, is_tag, parse_host, parse_name
from inspector.names import ImageName as RegistryName

__all__ = ["DOCKER_HUB", "RegistryName", "api_host", "is_host", "is_repository", "is_tag", "parse_host", "parse_name"]
