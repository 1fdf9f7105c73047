"""What descriptors point at in a registry: documents fetched once and remembered, layers where they lie."""

from __future__ import annotations

import threading
from typing import Protocol

from inspector.errors import NotFound
from inspector.oci import Descriptor
from inspector.registry.repository import Document, Repository
from inspector.sources.contents import Described
from inspector.sources.registry.blob import RegistryBlob
from inspector.sources.store import Stored

MAX_HELD = 32 << 20
"""Bytes of documents that one run keeps in memory."""

_MANIFEST, _BLOB = "manifests/", "blobs/"


class Kept(Protocol):
    """Documents kept between runs, by digest."""

    def get(self, digest: str) -> bytes | None:
        """Return the document of that digest, checked against it."""

    def put(self, digest: str, content: bytes) -> None:
        """Keep a document that was checked."""


class Documents:
    """The documents of one run by digest, in memory and from what earlier runs kept; from any thread."""

    def __init__(self, kept: Kept | None) -> None:
        self._kept = kept
        self._held: dict[str, bytes] = {}
        self._size = 0
        self._lock = threading.Lock()

    def find(self, digest: str) -> bytes | None:
        """Return the document, if it was met before."""
        with self._lock:
            content = self._held.get(digest)
        if content is None and self._kept is not None and (content := self._kept.get(digest)) is not None:
            self._hold(digest, content)
        return content

    def keep(self, digest: str, content: bytes) -> bytes:
        """Return the document, which was checked, remembered."""
        self._hold(digest, content)
        if self._kept is not None:
            self._kept.put(digest, content)
        return content

    def _hold(self, digest: str, content: bytes) -> None:
        with self._lock:
            if digest not in self._held:
                self._held[digest] = content
                self._size += len(content)
            while self._size > MAX_HELD:
                self._size -= len(self._held.pop(next(iter(self._held))))


class RegistryStore:
    """The documents of one repository, as a `DocumentStore` whose names are the paths of the API."""

    def __init__(self, repository: Repository, documents: Documents) -> None:
        self.repository = repository
        self.where = repository.where
        self._documents = documents

    def top(self, target: str) -> Document:
        """Fetch the manifest of a tag or digest: the registry says which it is, and sends it if it is new."""
        head = self.repository.head(target)
        digest = head.digest if head is not None else None
        content = self._documents.find(digest) if digest is not None else None
        if head is not None and digest is not None and content is not None:
            return Document(content, digest, head.media_type)
        document = self._fetched(target, digest)
        self._documents.keep(document.digest, document.content)
        return document

    def _fetched(self, target: str, digest: str | None) -> Document:
        """By the digest, so that the tag can't move in between; by the tag where a registry knows only that."""
        try:
            return self.repository.manifest(digest or target)
        except NotFound:
            if digest in (None, target):
                raise
            return self.repository.manifest(target)

    def document(self, name: str) -> bytes:
        """See `BlobStore.document`."""
        is_manifest = name.startswith(_MANIFEST)
        digest = name.removeprefix(_MANIFEST).removeprefix(_BLOB)
        content = self._documents.find(digest)
        if content is not None:
            return content
        fetched = self.repository.manifest(digest).content if is_manifest else self.repository.document(digest)
        return self._documents.keep(digest, fetched)


class RegistryContents(Described):
    """What descriptors point at in one repository. `sparse` says to look whether listed manifests are there."""

    def __init__(self, store: RegistryStore, *, sparse: bool) -> None:
        super().__init__(store, _manifest_path, _blob_path)
        self._repository = store.repository
        self._documents = store
        self._sparse = sparse

    def has_manifest(self, descriptor: Descriptor) -> bool:
        """See `Described.has_manifest`; what is there is fetched with that, since it is wanted next."""
        if descriptor.data or not self._sparse:
            return True
        try:
            self._documents.document(_MANIFEST + descriptor.digest)
        except NotFound:
            return False
        return True

    def stored(self, descriptor: Descriptor) -> Stored:
        """See `Described.stored`. Whether it is packed shows only beside the config; until then it is said to be."""
        blob = RegistryBlob(self._repository, descriptor)
        return Stored(blob, descriptor.size, compressed=True)


def _manifest_path(algorithm: str, digits: str) -> str:
    return f"{_MANIFEST}{algorithm}:{digits}"


def _blob_path(algorithm: str, digits: str) -> str:
    return f"{_BLOB}{algorithm}:{digits}"
