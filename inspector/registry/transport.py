"""Single requests to registries, by the proxies and certificates that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inspector import log
from inspector.http.address import Address, Origin, Reach, reach_of_peer
from inspector.http.connections import Pool, Response
from inspector.http.failures import mapped
from inspector.http.proxies import proxy_for
from inspector.http.redirects import Limits
from inspector.http.routes import Tcp
from inspector.http.timed import within
from inspector.http.tls import Tls
from inspector.registry.settings import Settings

USER_AGENT = "inspector"


class Transport:
    """One request, one answer, from any thread. Nothing is followed or repeated; `gate` is called before each."""

    def __init__(self, settings: Settings, gate: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._gate = gate
        self._pool = Pool()
        self._reached: dict[tuple[str, int], Reach] = {}

    def send(
        self,
        method: str,
        address: Address,
        tls: Tls,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        seconds: float | None = None,
        reach: Reach = Reach.ANY,
    ) -> Response:
        """Return the answer, its body not read yet, whose head is whole within `seconds`, the connection included.

        No address is connected to that lies further inward than `reach`; where a proxy looks the name up, only hosts
        that are written as addresses can be checked, which is the caller's part. Raises `Unreachable`, `Refused`,
        `LimitExceeded`, `UsageError` for unusable certificates or proxies.
        """
        self._gate()
        origin, patience = address.origin, self._settings.patience
        proxy = proxy_for(origin, self._settings.environment)
        secure = tls if origin.scheme == "https" else None
        route = Tcp(origin.host, origin.port, secure, proxy, reach)
        headers = {"User-Agent": USER_AGENT, **headers}
        where = f"{origin} by way of the proxy {proxy.url}" if proxy else str(origin)
        with mapped(where), within(seconds or patience.answer):
            response = self._pool.request(route, method, address.path, headers=headers, body=body, patience=patience)
        path = address.path.partition("?")[0]  # a query may be a signature that gives access
        log.debug("registry", "%s %s%s: %d", method, where, path, response.status)
        if proxy is None:
            self._reached[origin.host, origin.port] = reach_of_peer(response.peer[0])
        return response

    def limits(self, registry: Origin, *, to_private: bool) -> Limits:
        """Say how far a registry asked before may send us: to the public internet, and to hosts the user named.

        With `to_private`, one of a private network may send us to others in private networks, too.
        """
        found = self._reached.get((registry.host, registry.port), registry.reach())
        reach = Reach.PRIVATE if to_private and found is Reach.PRIVATE else Reach.PUBLIC
        return Limits(registry, reach, self._is_named)

    def close(self) -> None:
        """Give all connections back."""
        self._pool.close()

    def _is_named(self, origin: Origin) -> bool:
        """Tell whether the user allows it to be asked without trusted TLS, and so knows it."""
        return not self._settings.insecure.isdisjoint({origin.named, origin.authority})
