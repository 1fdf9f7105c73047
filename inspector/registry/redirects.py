"""Where a registry may send us on to, and what goes along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from inspector.errors import Refused
from inspector.registry.address import Address, Origin, parse_address
from inspector.registry.bodies import words_of
from inspector.registry.settings import Patience

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

MAX_HOPS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})

Send = Callable[[Address, Mapping[str, str]], "BaseHTTPResponse"]


def follow(
    send: Send, start: Address, headers: Mapping[str, str], patience: Patience
) -> tuple[BaseHTTPResponse, Origin]:
    """The answer at the end of the way, and who gave it. Raises `Refused` for a way that none should go.

    `Authorization` goes no further than the first origin, and is not shown to that again on the way back
    (signed addresses refuse a second credential, too).
    """
    address, left = start, dict(headers)
    shown = str(start)  # where we are sent to may hold a signature in its path, or what we showed ourselves
    seen = {address}
    for _ in range(MAX_HOPS + 1):
        response = send(address, left)
        if response.status not in REDIRECTS:
            return response, address.origin
        words_of(response, patience, shown)
        target = next_address(response, address, start.origin, shown)
        shown = str(target.origin)
        if target in seen:
            raise Refused(f"{start}: sends us round in a circle, by {target.origin}")
        seen.add(target)
        if target.origin != start.origin:
            left.pop("Authorization", None)
        address = target
    raise Refused(f"{start}: sends us on more than {MAX_HOPS} times")


def next_address(response: BaseHTTPResponse, address: Address, registry: Origin, shown: str) -> Address:
    """Where the answer points. Raises `Refused` for the way out of TLS, and inward to our own machine or link.

    `shown` is what errors call who answered.
    """
    location = response.headers.get("Location", "")
    if not location:
        raise Refused(f"{shown}: answers {response.status} without saying where else to ask")
    target = parse_address(location, shown, base=address)
    if address.origin.scheme == "https" and target.origin.scheme != "https":
        raise Refused(f"{shown}: sends us from TLS to {target.origin}, which is not followed")
    if target.origin.is_inward() and not registry.is_inward() and target.origin.host != registry.host:
        raise Refused(f"{shown}: sends us to {target.origin}, an address of this machine or its link")
    return target
