"""Lists that come in pages: tags of a repository, repositories of a registry (`Link`, RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from inspector.errors import LimitExceeded, Malformed, NotFound
from inspector.registry.address import Address, parse_address
from inspector.registry.bodies import read_document, words_of
from inspector.registry.failures import error_code, refusal
from inspector.registry.session import Session

MAX_PAGE = 32 << 20
"""The largest page taken in, in bytes: there are registries that know no pages, and send 200,000 tags in one."""
MAX_PAGES = 10_000
MAX_NAMES = 1_000_000
_SIZE = 1000
_NEXT = re.compile(r'<([^<>"\s]{1,8192})>\s*;(?:[^,<"]|"[^"]*")*?\brel\s*=\s*"?next"?', re.IGNORECASE | re.ASCII)


def listed(
    session: Session, path: str, key: str, is_lawful: Callable[[str], bool], where: str, *, repository: str = ""
) -> Iterator[str]:
    """What the pages from `path` on list under `key`, each once, page after page as it is asked for.

    Raises `Malformed` for unlawful names and pages that go round, `NotFound`, `LimitExceeded`.
    """
    target = f"{path}?n={_SIZE}"
    visited: set[str] = set()
    seen: set[str] = set()
    while target:
        if target in visited:
            raise Malformed(f"{where}: the pages of its list go round in a circle")
        visited.add(target)
        if len(visited) > MAX_PAGES:
            raise LimitExceeded(f"{where}: a list of more than {MAX_PAGES} pages")
        names, target = _page(session, target, key, where, repository)
        for name in names:
            if not is_lawful(name):
                raise Malformed(f"{where}: lists {name[:200]!a}, which is no lawful name")
            if name not in seen:
                seen.add(name)
                yield name
        if len(seen) > MAX_NAMES:
            raise LimitExceeded(f"{where}: a list of more than {MAX_NAMES} names")


def _page(session: Session, path: str, key: str, where: str, repository: str) -> tuple[list[str], str]:
    """The names of one page, and the path of the next; an empty one at the end."""
    reply = session.ask("GET", path, where, repository=repository)
    if reply.status != 200:
        code = error_code(words_of(reply.response, session.pacing.patience, where))
        if reply.status == 404:
            raise NotFound(f"{where}: {'no such repository' if repository else 'the registry lists no repositories'}")
        raise refusal(where, reply.status, code)
    link = ", ".join(reply.response.headers.getlist("Link"))
    content = read_document(reply.response, MAX_PAGE, session.pacing.patience, where)
    if content.count(b",") > MAX_NAMES:  # before the names are made: these take twenty times their bytes
        raise LimitExceeded(f"{where}: a list of more than {MAX_NAMES} names")
    try:
        document = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        names = msgspec.json.decode(document.get(key, b"null"), type=list[str] | None)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Malformed(f"{where}: its list is no JSON with a list of {key}") from None
    return names or [], _next(link, Address(session.origin(), path), where)


def _next(link: str, page: Address, where: str) -> str:
    """The path that `rel="next"` leads to, which must be at the registry itself."""
    found = _NEXT.search(link[: 64 << 10])
    if found is None:
        return ""
    address = parse_address(found[1], where, base=page)
    if address.origin != page.origin:
        raise Malformed(f"{where}: the next page of its list would be at {address.origin}, which is not asked")
    return address.path
