"""One repository of a registry: its manifests, blobs and tags, each checked against the digest that names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice

import msgspec

from inspector.errors import InspectorError, LimitExceeded, Malformed, NotFound
from inspector.http.bodies import read_document, words_of
from inspector.http.connections import Response
from inspector.names import ImageName, is_tag
from inspector.oci import INDEX_TYPES, MANIFEST_TYPES, MAX_DOCUMENT, check_digest, digest_of, is_digest, media_type
from inspector.registry.blob import BlobStream, read_part
from inspector.registry.delegation import Lent
from inspector.registry.lists import listed
from inspector.registry.session import Session, error_code, refusal
from inspector.words import first_few

ACCEPT = {"Accept": ", ".join(sorted(INDEX_TYPES | MANIFEST_TYPES))}
"""All types at once: asked for some, registries convert to schema 1, or have nothing."""
_MAX_TAGS = 100
"""Tags that a missing one is compared with: as many as most registries list in one answer."""
_MAX_NEAR, _NEAR = 4, 0.5
"""Tags that a message names, and how alike one must be to be what was meant, of 1."""
_REPOSITORY_UNKNOWN = "NAME_UNKNOWN"


class Head(msgspec.Struct, frozen=True):
    """What a registry says of a manifest without sending it; None where it doesn't say."""

    digest: str | None
    size: int | None
    media_type: str


class Document(msgspec.Struct, frozen=True):
    """A manifest's or index's very bytes, the digest that they have, and the type that the registry states."""

    content: bytes
    digest: str
    media_type: str


class Repository:
    """What a registry has by one name; from any thread."""

    def __init__(self, session: Session, name: ImageName) -> None:
        self.session = session
        self.name = ImageName(name.host, name.repository)
        self.where = str(self.name) if session.host == name.host else f"{self.name} (by way of {session.host})"

    def head(self, target: str) -> Head | None:
        """Return what the registry says of a tag or digest; None where it answers HEAD with no more than a refusal.

        That goes for 404, too: there are registries that have a manifest, and say so to GET alone.
        """
        where = f"{self.where}: {target}"
        reply = self._ask("HEAD", f"manifests/{target}", where, ACCEPT)
        words_of(reply)
        if reply.status != 200:
            return None
        digest, size = reply.header("Docker-Content-Digest"), _number(reply.header("Content-Length"))
        if size is not None and size > MAX_DOCUMENT:
            raise LimitExceeded(f"{where}: a manifest of {size} bytes; documents past {MAX_DOCUMENT} are refused")
        return Head(digest if is_digest(digest) else None, size, _media_type(reply))

    def manifest(self, target: str) -> Document:
        """Fetch the manifest of a tag or digest, checked against the digest asked for, or else the one stated."""
        where = f"{self.where}: {target}"
        reply = self._ask("GET", f"manifests/{target}", where, ACCEPT)
        if reply.status != 200:
            words = words_of(reply)
            raise self._missing(target, words) if reply.status == 404 else refusal(where, reply.status, words)
        content = read_document(reply, MAX_DOCUMENT, where)
        stated = reply.header("Docker-Content-Digest")
        asked = target if is_digest(target) else stated if is_digest(stated) else ""
        if asked:
            check_digest(content, asked, f"{where}: manifest")
        _check_type(content, _media_type(reply), where)
        return Document(content, asked or digest_of(content), _media_type(reply))

    def document(self, digest: str) -> bytes:
        """Return a small blob, such as a config, checked against its digest."""
        where = f"{self.where}: blob {digest}"
        reply = self._ask("GET", f"blobs/{digest}", where)
        if reply.status != 200:
            raise self._no_blob(reply, where)
        content = read_document(reply, MAX_DOCUMENT, where)
        check_digest(content, digest, f"{self.where}: blob")
        return content

    def chunks(self, digest: str, size: int) -> Iterator[bytes]:
        """Return a blob's bytes as they arrive, exactly `size`, resumed where they break off.

        The caller hashes them.
        """
        where = f"{self.where}: blob {digest}"
        return BlobStream(lambda at: self._blob(digest, at), self.session.pacing, where, size).chunks()

    def part(self, digest: str, start: int, end: int, size: int) -> bytes | None:
        """Return bytes of a blob of `size`, `end` not included, held in memory.

        None where the registry sends no parts.
        """
        where = f"{self.where}: blob {digest}"
        reply = self._ask("GET", f"blobs/{digest}", where, {"Range": f"bytes={start}-{end - 1}"})
        if reply.status not in (200, 206, 416):
            raise self._no_blob(reply, where)
        return read_part(reply, start, end, size, where)

    def tags(self, stack: ExitStack | None = None) -> Iterator[str]:
        """Return all tags, as the registry orders them, each once; for `stack` see `listed`.

        Raises `NotFound` where there is no such repository.
        """
        path = f"/v2/{self.name.repository}/tags/list"
        return listed(self.session, path, "tags", is_tag, self.where, repository=self.name.repository, stack=stack)

    def lend(self, *, with_token: bool = True) -> Lent:
        """See `Session.lend`."""
        return self.session.lend(self.name.repository, with_token=with_token)

    def _blob(self, digest: str, at: int) -> Response:
        where = f"{self.where}: blob {digest}"
        headers = {"Range": f"bytes={at}-"} if at else {}
        reply = self._ask("GET", f"blobs/{digest}", where, headers)
        if reply.status not in (200, 206, 416):
            raise self._no_blob(reply, where)
        return reply

    def _ask(self, method: str, path: str, where: str, headers: dict[str, str] | None = None) -> Response:
        return self.session.ask(
            method,
            f"/v2/{self.name.repository}/{path}",
            where,
            repository=self.name.repository,
            headers=headers,
            redirects="blob" if path.startswith("blobs/") else "manifest",
        )

    def _no_blob(self, reply: Response, where: str) -> InspectorError:
        words = words_of(reply)
        if reply.status == 404:
            return NotFound(f"{where}: the registry does not have it, though a manifest lists it; push the image again")
        return refusal(where, reply.status, words)

    def _missing(self, target: str, words: bytes) -> NotFound:
        """Tell whether the repository is not there, or just this of it: the list of its tags tells."""
        no_repository = NotFound(f"{self.where}: no such repository at {self.session.host}")
        if error_code(words) == _REPOSITORY_UNKNOWN:
            return no_repository
        what = "manifest" if is_digest(target) else "tag"
        try:
            tags = list(islice(self.tags(), _MAX_TAGS))
        except NotFound:
            return no_repository
        except InspectorError:
            return NotFound(f"{self.where}: no such {what} {target}, or no such repository")
        missing = NotFound(f"{self.where}: no such {what}: {target}; the repository is there")
        return missing if what == "manifest" else self._with_tags(missing, target, tags)

    def _with_tags(self, missing: NotFound, target: str, tags: list[str]) -> NotFound:
        """Return the error with what the repository has, the tags nearest to the missing one first."""
        import difflib  # most runs miss no tag

        close = difflib.get_close_matches(target, tags, n=1, cutoff=_NEAR)
        found = list(dict.fromkeys([*close, *tags]))
        if not found:
            return missing
        meant = f"did you mean {close[0]}? " if close else ""
        near = tuple(self.name.tagged(tag).familiar for tag in found[:_MAX_NEAR])
        return NotFound(f"{missing}; {meant}it has {first_few(found, _MAX_NEAR)}", near=near)


def _check_type(content: bytes, stated: str, where: str) -> None:
    """Raise `Malformed` where header and document name different types: readers would differ (CVE-2021-41190)."""
    try:
        own = media_type(content, where)
    except InspectorError:
        return  # the parser says what is wrong
    if own and stated in INDEX_TYPES | MANIFEST_TYPES and own != stated:
        raise Malformed(f"{where}: served as {stated}, but calls itself {own[:100]!a}")


def _media_type(reply: Response) -> str:
    return reply.header("Content-Type").partition(";")[0].strip().lower()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
