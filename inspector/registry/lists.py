"""Lists that come in pages: tags of a repository, repositories of a registry (`Link`, RFC 8288)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from urllib.parse import unquote

import msgspec

from inspector import work
from inspector.errors import LimitExceeded, Malformed, NotFound
from inspector.oci import decoder
from inspector.registry.address import Address, parse_address
from inspector.registry.bodies import read_document, words_of
from inspector.registry.failures import error_code, refusal
from inspector.registry.session import Session

MAX_PAGE = 32 << 20
"""The largest page taken in, in bytes: there are registries that know no pages, and send 200,000 tags in one."""
MAX_PAGES = 10_000
MAX_NAMES = 250_000
MAX_LIST = 128 << 20
"""Bytes of all pages together."""
MAX_STALE = 10
"""Pages in a row that may bring no new name."""
_SIZE = 1000
_LARGE_PAGE = threading.Lock()  # held from the moment that a page turns out large until its names are taken
_NEXT = re.compile(r'<([^<>"\s]{1,8192})>\s*;(?:[^,<"]|"[^"]*")*?\brel\s*=\s*"?next"?', re.IGNORECASE | re.ASCII)


def listed(
    session: Session, path: str, key: str, is_lawful: Callable[[str], bool], where: str, *, repository: str = ""
) -> Iterator[str]:
    """What the pages from `path` on list under `key`, each once, page after page as it is asked for.

    Raises `Malformed` for unlawful names and pages that go round, `NotFound`, `LimitExceeded`.
    """
    target: str = f"{path}?n={_SIZE}"
    visited: set[int] = set()
    seen: set[str] = set()
    left, stale = MAX_LIST, 0
    while target:
        if hash(target) in visited:
            raise Malformed(f"{where}: the pages of its list go round in a circle")
        visited.add(hash(target))
        if len(visited) > MAX_PAGES:
            raise LimitExceeded(f"{where}: a list of more than {MAX_PAGES} pages")
        names, size, target = _page(session, path, target, key, where, repository)
        left, stale, before = left - size, stale + 1, len(seen)
        if left < 0:
            raise LimitExceeded(f"{where}: a list of more than {MAX_LIST} bytes")
        for name in names:
            if not is_lawful(name):
                raise Malformed(f"{where}: lists {name[:200]!a}, which is no lawful name")
            if name not in seen:
                seen.add(name)
                yield name
        if len(seen) > MAX_NAMES:
            raise LimitExceeded(f"{where}: a list of more than {MAX_NAMES} names")
        stale = 0 if len(seen) > before else stale
        if stale > MAX_STALE:
            raise Malformed(f"{where}: {stale} pages of its list in a row bring no new name")


class _Names(msgspec.Struct):
    """What is of interest in a page; all else, as the manifests that some registries list beside, is passed over."""

    tags: msgspec.Raw = msgspec.Raw(b"null")
    repositories: msgspec.Raw = msgspec.Raw(b"null")


def _page(
    session: Session, path: str, target: str, key: str, where: str, repository: str
) -> tuple[list[str], int, str]:
    """The names of the page at `target`, its size, and the path and query of the next; an empty one at the end."""
    reply = session.ask("GET", target, where, repository=repository)
    if reply.status != 200:
        code = error_code(words_of(reply.response, session.pacing.patience, where))
        if reply.status == 404:
            raise NotFound(f"{where}: {'no such repository' if repository else 'the registry lists no repositories'}")
        raise refusal(where, reply.status, code)
    link = ", ".join(reply.response.headers.getlist("Link"))
    with ExitStack() as alone:
        large = partial(alone.enter_context, work.held(_LARGE_PAGE))
        content = read_document(reply.response, MAX_PAGE, session.pacing.patience, where, large=large)
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
        raise Malformed(f"{where}: its list is no JSON with a list of {key}") from None


def _next(link: str, path: str, page: Address, where: str) -> str:
    """What `rel="next"` leads to, which must be another page of the same list at the registry itself."""
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
