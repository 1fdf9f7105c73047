"""Bytes that are counted and hashed as they go by."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from inspector.oci import digest_mismatch, hasher


class HashedChunks:
    """Passes chunks on unchanged; once they are used up, `digest` is that of them all.

    The algorithm is that of the digest expected, SHA-256 where none is.
    """

    def __init__(self, chunks: Iterator[bytes], expected: str | None) -> None:
        self._chunks = chunks
        self._expected = expected
        self._algorithm = expected.partition(":")[0] if expected else "sha256"
        self._hash = hasher(self._algorithm)
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self._hash.update(chunk)
        self.size += len(chunk)
        return chunk

    @property
    def digest(self) -> str:
        """`algorithm:hex` of the bytes passed on so far."""
        return f"{self._algorithm}:{self._hash.hexdigest()}"

    def check(self, what: str) -> None:
        """Raise `DigestMismatch` if the bytes, all of them read, are not those expected; `what` names them."""
        if self._expected and not hmac.compare_digest(self.digest, self._expected):
            raise digest_mismatch(what, self._expected, self.digest)
