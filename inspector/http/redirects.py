"""Where a registry may send us on to, and what goes along."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from inspector.errors import Refused
from inspector.http.address import NAME_IT, Address, Origin, Reach, parse_address, refused_address
from inspector.http.bodies import words_of
from inspector.http.connections import Response

MAX_HOPS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})

Send = Callable[[Address, Mapping[str, str], Reach], Response]


class Limits(msgspec.Struct, frozen=True):
    """How far redirects may lead from a registry: `reach` for hosts that it names, ANY for those that the user does."""

    registry: Origin
    reach: Reach
    is_named: Callable[[Origin], bool]

    def reach_to(self, target: Origin, shown: str) -> Reach:
        """Return what the connection to `target` may reach. Raises `Refused` where none is to be made.

        `shown` is what errors call the sender.
        """
        if target == self.registry or self.is_named(target):
            return Reach.ANY
        found = target.reach()
        if found is not None and found < self.reach:
            raise refused_address(f"{shown}: {target}", found)
        if target.scheme != "https":
            raise Refused(f"{shown}: {target} would be asked without TLS, which is refused; {NAME_IT}")
        return self.reach


def follow(send: Send, start: Address, headers: Mapping[str, str], limits: Callable[[], Limits] | None) -> Response:
    """Return the answer at the end of the way. Raises `Refused` for a way that none should go.

    `limits` are asked for once the registry has answered, since where it lies is known only then; without, nothing is
    followed.
    `Authorization` goes no further than the first origin, and is not shown to that again on the way back
    (signed addresses refuse a second credential, too).
    """
    address, left, reach = start, dict(headers), Reach.ANY
    shown = str(start)  # where we are sent to may hold a signature in its path, or what we showed ourselves
    seen = {address}
    for _ in range(MAX_HOPS + 1):
        response = send(address, left, reach)
        if limits is None or response.status not in REDIRECTS:
            response.is_own = address.origin == start.origin
            return response
        words_of(response)
        target = next_address(response, address, shown)
        reach = limits().reach_to(target.origin, shown)
        shown = str(target.origin)
        if target in seen:
            raise Refused(f"{start}: sends us round in a circle, by {target.origin}")
        seen.add(target)
        if target.origin != start.origin:
            left.pop("Authorization", None)
        address = target
    raise Refused(f"{start}: sends us on more than {MAX_HOPS} times")


def next_address(response: Response, address: Address, shown: str) -> Address:
    """Say where the answer points. Raises `Refused` for what is no address, and for the way out of TLS.

    `shown` is what errors call who answered.
    """
    location = response.header("Location")
    if not location:
        raise Refused(f"{shown}: answers {response.status} without saying where else to ask")
    target = parse_address(location, shown, base=address)
    if address.origin.scheme == "https" and target.origin.scheme != "https":
        raise Refused(f"{shown}: sends us from TLS to {target.origin}, which is not followed")
    return target
