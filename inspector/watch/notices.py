"""A registry's notifications (distribution's `notifications` endpoint): what they say of images, if it is lawful."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from inspector.errors import LimitExceeded, Malformed
from inspector.names import is_host, is_repository, is_tag, parse_host
from inspector.oci import INDEX_TYPES, MANIFEST_TYPES, decoder, is_digest
from inspector.policy.audited import Notice
from inspector.registry.transport import USER_AGENT

ENVELOPE_TYPES = frozenset(f"application/vnd.docker.distribution.events.v{version}+json" for version in (1, 2))
MAX_ENVELOPE = 1 << 20
"""Bytes of one request; a registry sends one event at a time, of some 1,000."""
MAX_EVENTS = 1000
"""Events of one request."""

_TIME = re.compile(r"[0-9]{4}-[0-9T:.+Z-]{6,36}", re.ASCII)


class _Target(msgspec.Struct, rename="camel"):
    repository: str
    digest: str
    media_type: str
    tag: str = ""


class _Request(msgspec.Struct, frozen=True):
    host: str = ""
    user_agent: str = msgspec.field(default="", name="useragent")


class _Event(msgspec.Struct):
    action: Literal["push", "pull"]
    target: _Target
    request: _Request = _Request()
    timestamp: str = ""


class _Envelope(msgspec.Struct):
    events: list[msgspec.Raw] = []


def parse_notices(content: bytes) -> list[Notice]:
    """Return images pushed or pulled, in order; what else happened is left out. Raises `Malformed`, `LimitExceeded`.

    Pulls of our own are left out, too: to check an image is to pull its manifest.
    """
    try:
        events = decoder(_Envelope).decode(content).events
    except RecursionError:
        raise LimitExceeded("a notification is nested deeper than JSON is read here") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Malformed("a notification is not JSON with a list of events") from None
    if len(events) > MAX_EVENTS:
        raise LimitExceeded(f"a notification of {len(events)} events; at most {MAX_EVENTS} are taken")
    return [notice for event in events if (notice := _notice(event)) is not None]


def _notice(raw: msgspec.Raw) -> Notice | None:
    try:
        event = decoder(_Event).decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    target, host = event.target, event.request.host
    if event.action == "pull" and event.request.user_agent == USER_AGENT:
        return None
    lawful = is_repository(target.repository) and is_digest(target.digest)
    if not lawful or (target.tag and not is_tag(target.tag)) or target.media_type not in MANIFEST_TYPES | INDEX_TYPES:
        return None
    return Notice(
        action=event.action,
        host=parse_host(host) if is_host(host) else None,
        repository=target.repository,
        tag=target.tag or None,
        digest=target.digest,
        when=event.timestamp if _TIME.fullmatch(event.timestamp) else None,
    )
