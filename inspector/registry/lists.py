"""Lists that come in pages: tags of a repository, repositories of a registry (`Link`, RFC 8288)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from urllib.parse import unquote

import msgspec

from inspector import work
from inspector.errors import LimitExceeded, Malformed, NotFound
from inspector.http.address import Address, parse_address
from inspector.http.bodies import read_document, words_of
from inspector.oci import decoder
from inspector.registry.session import Session, refusal

MAX_PAGE = 16 << 20
"""The largest page taken in, in bytes: registries that know no pages send 200,000 tags in one, of 40 bytes each."""
MAX_PAGES = 10_000
MAX_NAMES = 250_000
MAX_LIST = 128 << 20
"""Bytes of all pages together."""
LONG = 2_000
"""Names from which on a list is long, as it is with a page past `bodies.LARGE`: each of the longest takes 60 MB."""
MAX_STALE = 10
"""Pages in a row that may bring no new name."""
_SIZE = 1000
_LONG_LIST = threading.Lock()
_M_MMAP_THRESHOLD = -3  # malloc.h
_NEXT = re.compile(r'<([^<>"\s]{1,8192})>\s*;(?:[^,<"]|"[^"]*")*?\brel\s*=\s*"?next"?', re.IGNORECASE | re.ASCII)


class _Long(Exception):
    """A page is large, and other long lists may be held."""


class _Alone:
    """Has one long list held at a time, until its `stack` is left; without one, there is no other."""

    def __init__(self, stack: ExitStack | None) -> None:
        self._stack = stack

    def enter(self) -> None:
        """Wait until no other long list is held, unless that was done before."""
        if self._stack is not None:
            self._stack.enter_context(work.held(_LONG_LIST))
            _return_large_blocks()
            self._stack = None

    def check(self) -> None:
        """Raise `_Long` unless this list is held alone: who waits is to keep no answer waiting."""
        if self._stack is not None:
            raise _Long


def listed(
    session: Session,
    path: str,
    key: str,
    is_lawful: Callable[[str], bool],
    where: str,
    *,
    repository: str = "",
    stack: ExitStack | None = None,
) -> Iterator[str]:
    """Yield what the pages from `path` on list under `key`, each once, page after page as it is asked for.

    Of lists with a `stack`, one that is long is held at a time, until that is left.

    Raises `Malformed` for unlawful names and pages that go round, `NotFound`, `LimitExceeded`.
    """
    target: str = f"{path}?n={_SIZE}"
    visited: set[int] = set()
    seen: set[str] = set()
    left, stale = MAX_LIST, 0
    alone = _Alone(stack)
    while target:
        _visit(target, visited, where)
        try:
            names, size, target = _page(session, path, target, key, where, repository, alone)
        except _Long:
            alone.enter()
            names, size, target = _page(session, path, target, key, where, repository, alone)
        left, stale, before = left - size, stale + 1, len(seen)
        if left < 0:
            raise LimitExceeded(f"{where}: a list of more than {MAX_LIST} bytes")
        for name in names:
            if not is_lawful(name):
                raise Malformed(f"{where}: lists {name[:200]!a}, which is not a valid name")
            if name not in seen:
                seen.add(name)
                if len(seen) == LONG:
                    alone.enter()
                yield name
        if len(seen) > MAX_NAMES:
            raise LimitExceeded(f"{where}: a list of more than {MAX_NAMES} names")
        stale = 0 if len(seen) > before else stale
        if stale > MAX_STALE:
            raise Malformed(f"{where}: {stale} pages of its list in a row bring no new name")


def _visit(target: str, visited: set[int], where: str) -> None:
    if hash(target) in visited:
        raise Malformed(f"{where}: the pages of its list go round in a circle")
    visited.add(hash(target))
    if len(visited) > MAX_PAGES:
        raise LimitExceeded(f"{where}: a list of more than {MAX_PAGES} pages")


def _return_large_blocks() -> None:
    """Have the C library return blocks past 1 MiB when they are freed.

    glibc takes to keeping those of up to 32 MiB, once it met such, for each thread: 60 MB a list. Elsewhere there is
    no such call.
    """
    import ctypes

    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 20)


class _Names(msgspec.Struct):
    """What is of interest in a page; all else, as the manifests that some registries list beside, is passed over."""

    tags: msgspec.Raw = msgspec.Raw(b"null")
    repositories: msgspec.Raw = msgspec.Raw(b"null")


def _page(
    session: Session, path: str, target: str, key: str, where: str, repository: str, alone: _Alone
) -> tuple[list[str], int, str]:
    """Return the names of the page at `target`, its size, and the path and query of the next.

    An empty one at the end.
    """
    reply = session.ask("GET", target, where, repository=repository)
    if reply.status != 200:
        words = words_of(reply)
        if reply.status == 404:
            raise NotFound(f"{where}: {'no such repository' if repository else 'the registry lists no repositories'}")
        raise refusal(where, reply.status, words)
    link = ", ".join(reply.headers.get_all("Link"))
    content = read_document(reply, MAX_PAGE, where, large=alone.check)
    names = _names(content, key, where)
    return names, len(content), _next(link, path, Address(session.origin(), target), where)


def _names(content: bytes, key: str, where: str) -> list[str]:
    try:
        raw = getattr(decoder(_Names).decode(content), key)
        if bytes(raw).count(b",") > MAX_NAMES:  # before the names are made: these take twenty times their bytes
            raise LimitExceeded(f"{where}: a list of more than {MAX_NAMES} names")
        return msgspec.json.decode(raw, type=list[str] | None) or []
    except RecursionError:
        raise LimitExceeded(f"{where}: its list is nested deeper than JSON is read here") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Malformed(f"{where}: the answer is not JSON with a list of {key}") from None


def _next(link: str, path: str, page: Address, where: str) -> str:
    """Return what `rel="next"` leads to, which must be another page of the same list at the registry itself."""
    found = _NEXT.search(link[: 64 << 10])
    if found is None:
        return ""
    address = parse_address(found[1], where, base=page)
    if address.origin != page.origin:
        raise Malformed(f"{where}: the next page of its list would be at {address.origin}, which is not asked")
    other, mark, query = address.path.partition("?")
    if unquote(other) != path:
        raise Malformed(f"{where}: the next page of its list would be one of another list, {other[:200]!a}")
    return f"{path}{mark}{query}"
