"""What descriptors point at in a registry: documents fetched once and remembered, layers where they lie."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from inspector import work
from inspector.errors import NotFound
from inspector.oci import Descriptor
from inspector.registry.repository import Document, Head, Repository
from inspector.sources.contents import Described
from inspector.sources.image import Layer
from inspector.sources.registry.blob import RegistryBlob

MAX_HELD = 32 << 20
"""Bytes of documents that one run keeps in memory."""

_MANIFEST, _BLOB = "manifests/", "blobs/"


class PutOff(Exception):
    """Another thread fetches a document that this one needs, or it is large, and this one was not to wait."""


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
        self._fetching: dict[str, threading.Lock] = {}
        self.heads: dict[tuple[str, str], Head | None] = {}

    @contextmanager
    def fetching(self, digest: str, *, waits: bool) -> Iterator[None]:
        """Let the first thread in that wants a document; the others wait until it has it or failed, then all go on.

        Raises `PutOff` where this one is to wait, and `waits` is not set.
        """
        mine = threading.Lock()
        with self._lock:
            first = self._fetching.setdefault(digest, mine)
            if first is mine:
                mine.acquire()
        if first is not mine:
            if not waits:
                raise PutOff
            with work.held(first):
                pass
            yield
            return
        try:
            yield
        finally:
            with self._lock:
                del self._fetching[digest]
            mine.release()

    def is_fetched(self, digest: str) -> bool:
        """Tell whether a thread has a document, and what it leads to, under way."""
        return digest in self._fetching

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
    """The documents of one repository, as a `DocumentStore` whose names are the paths of the API.

    Where it does not wait for what another thread fetches, it raises `PutOff`; what the registry said of the
    manifest by then, the next one that is asked for that knows. Others wait for a manifest that is new until `opening`
    is left: what it leads to is there, too, by then.
    """

    def __init__(self, repository: Repository, documents: Documents, *, waits: bool = True) -> None:
        self.repository = repository
        self.where = repository.where
        self._documents = documents
        self._waits = waits
        self.opening = ExitStack()
        self._said: tuple[tuple[str, str], Head | None] | None = None

    def top(self, target: str) -> Document:
        """Fetch the manifest of a tag or digest: the registry says which it is, and sends it if it is new."""
        key = (self.where, target)
        head = self._documents.heads.pop(key) if key in self._documents.heads else self.repository.head(target)
        self._said = key, head
        if head is None or head.digest is None:
            return self._fetched(target, None)
        content = self._documents.find(head.digest)
        if content is None or self._documents.is_fetched(head.digest):  # with its config, which may be still to come
            self.opening.enter_context(self._alone(head.digest))
            content = self._documents.find(head.digest)
            if content is None:
                return self._fetched(target, head.digest)
        return Document(content, head.digest, head.media_type)

    @contextmanager
    def _alone(self, digest: str) -> Iterator[None]:
        try:
            with self._documents.fetching(digest, waits=self._waits):
                yield
        except PutOff:
            raise self.put_off() from None

    def put_off(self) -> PutOff:
        """Return the error, once what the registry said is remembered for the next who asks."""
        if self._said is not None:
            self._documents.heads[self._said[0]] = self._said[1]
        return PutOff()

    def _fetched(self, target: str, digest: str | None) -> Document:
        """By the digest, so that the tag can't move in between; by the tag where a registry knows only that."""
        try:
            document = self.repository.manifest(digest or target)
        except NotFound:
            if digest in (None, target):
                raise
            document = self.repository.manifest(target)
        self._documents.keep(document.digest, document.content)
        return document

    def document(self, name: str) -> bytes:
        """See `DocumentStore.document`."""
        is_manifest = name.startswith(_MANIFEST)
        digest = name.removeprefix(_MANIFEST).removeprefix(_BLOB)
        content = self._documents.find(digest)
        if content is None:
            with self._alone(digest):
                content = self._documents.find(digest)
                if content is None:
                    whole = self.repository
                    content = whole.manifest(digest).content if is_manifest else whole.document(digest)
                    self._documents.keep(digest, content)
        return content


class RegistryContents(Described):
    """What descriptors point at in one repository. `sparse` says to look whether listed manifests are there."""

    def __init__(self, store: RegistryStore, *, sparse: bool) -> None:
        super().__init__(store, f"{_MANIFEST}{{}}:{{}}".format, f"{_BLOB}{{}}:{{}}".format)
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

    def stored(self, descriptor: Descriptor) -> Layer:
        """See `Described.stored`. Whether it is packed shows only beside the config; until then it is said to be."""
        blob = RegistryBlob(self._repository, descriptor)
        return Layer(blob=blob, stored_size=descriptor.size, compressed=True)
