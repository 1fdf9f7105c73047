"""Digests: their form, and checking bytes against them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated

import msgspec

from inspector.errors import DigestMismatch, Unsupported

MAX_DOCUMENT = 4 << 20
"""The largest manifest, index or config taken in, in bytes (registries cap manifests at 4 MiB)."""

DIGEST_PATTERN = r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})(?![\s\S])"
Digest = Annotated[str, msgspec.Meta(pattern=DIGEST_PATTERN)]
"""`algorithm:hex`, lowercase and of full length, so that it is safe as part of a path or URL."""


def check_digest(content: bytes, digest: str, what: str) -> None:
    """Raise `DigestMismatch` unless `content` hashes to `digest`; `what` and the digest name it."""
    actual = digest_of(content, digest.partition(":")[0])
    if not hmac.compare_digest(actual, digest):
        raise digest_mismatch(what, digest, actual)


def digest_mismatch(what: str, expected: str, actual: str) -> DigestMismatch:
    """Return the error for bytes, which `what` names, that hash to another digest than the one expected."""
    return DigestMismatch(f"{what}: expected {expected}, got {actual}; the copy is damaged or was altered")


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """Return `algorithm:hex` of `content`. Raises `Unsupported` for an algorithm other than SHA-256 and SHA-512."""
    return f"{algorithm}:{hasher(algorithm, content).hexdigest()}"


def hasher(algorithm: str, content: bytes = b"") -> hashlib._Hash:
    """Return a running hash, fed with `content`. Raises `Unsupported` for an algorithm that images don't use."""
    if algorithm not in ("sha256", "sha512"):
        raise Unsupported(f"digest algorithm {algorithm!r}: sha256 and sha512 are read")
    return hashlib.new(algorithm, content)
