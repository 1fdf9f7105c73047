"""The documents of an image: digests, descriptors, manifests, configs, read as engines read them."""

from __future__ import annotations

from inspector.oci.digests import MAX_DOCUMENT, Digest, check_digest, digest_mismatch, digest_of, hasher
from inspector.oci.documents import (
    converted,
    decoder,
    layout_version,
    media_type,
    parse,
    parse_config,
    parse_items,
    parse_manifest,
)
from inspector.oci.model import (
    CONFIG_TYPES,
    INDEX_TYPES,
    LAYER_PREFIXES,
    MANIFEST_TYPES,
    SCHEMA1_TYPES,
    ArchiveItem,
    Descriptor,
    History,
    ImageConfig,
    Index,
    Manifest,
    RootfsIds,
    RuntimeConfig,
)
from inspector.oci.platform import Platform

__all__ = [
    "CONFIG_TYPES",
    "INDEX_TYPES",
    "LAYER_PREFIXES",
    "MANIFEST_TYPES",
    "MAX_DOCUMENT",
    "SCHEMA1_TYPES",
    "ArchiveItem",
    "Descriptor",
    "Digest",
    "History",
    "ImageConfig",
    "Index",
    "Manifest",
    "Platform",
    "RootfsIds",
    "RuntimeConfig",
    "check_digest",
    "converted",
    "decoder",
    "digest_mismatch",
    "digest_of",
    "hasher",
    "layout_version",
    "media_type",
    "parse",
    "parse_config",
    "parse_items",
    "parse_manifest",
]
