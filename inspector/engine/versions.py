"""Which version of the engine's API is spoken, and whether it is Podman that answers."""

from __future__ import annotations

from inspector.engine.documents import Version
from inspector.engine.endpoint import Endpoint
from inspector.engine.failures import own_words
from inspector.engine.transport import Answer
from inspector.errors import Malformed, Refused
from inspector.oci import parse

Api = tuple[int, int]
OLDEST: Api = (1, 24)
NEWEST: Api = (1, 55)
"""The versions that this client is written for: Docker 1.12 to 29."""


def negotiated(endpoint: Endpoint, answer: Answer) -> tuple[Api, bool]:
    """Return the newest version that both sides speak, and whether the other one is Podman.

    Raises `Refused` where there is none, `Malformed` where the answer is no engine's.
    """
    if answer.status != 200:
        words = own_words(answer.body)
        raise Refused(f"{endpoint} ({endpoint.origin}): no engine, it answers {answer.status}: {words or 'nothing'}")
    where = f"the engine {endpoint} on its version"
    said = parse(answer.body, Version, where)
    newest = _parsed(said.api_version, where)
    oldest = _parsed(said.min_api_version, where) if said.min_api_version else OLDEST
    engine = f"the engine {endpoint} ({ascii(said.version[:60])[1:-1]}) speaks API"
    if newest < OLDEST:
        raise Refused(f"{engine} {_shown(newest)} at most, and {_shown(OLDEST)} is the oldest spoken here: update it")
    if oldest > NEWEST:
        raise Refused(
            f"{engine} {_shown(oldest)} at least, and {_shown(NEWEST)} is the newest spoken here: update inspector"
        )
    named = any(part.name.startswith("Podman") for part in said.components or ())
    return min(newest, NEWEST), named or "libpod-api-version" in answer.headers


def _parsed(text: str, where: str) -> Api:
    major, _, minor = text.partition(".")
    if len(text) > 12 or not all(part.isascii() and part.isdigit() for part in (major, minor)):
        raise Malformed(f"{where}: {text[:60]!a} is no version of an engine's API")
    return int(major), int(minor)


def _shown(api: Api) -> str:
    return f"{api[0]}.{api[1]}"
