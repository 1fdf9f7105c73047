"""HTTP without any judgement: one request, one answer, connections kept for the next; from any thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from ssl import create_default_context
from typing import TYPE_CHECKING

from inspector.http.timed import TimedTls, within
from inspector.registry.address import Address, Origin
from inspector.registry.failures import mapped
from inspector.registry.proxies import Proxy, proxy_for
from inspector.registry.reach import Reach
from inspector.registry.redirects import Limits
from inspector.registry.settings import Settings
from inspector.registry.trust import Trust

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

    from inspector.registry.connections import Live

USER_AGENT = "inspector"
CONNECTIONS = 16
"""Connections to one host that are kept open at most."""


class Transport:
    """Requests by way of the proxy and the certificates that the settings name. Nothing is followed or repeated."""

    def __init__(self, settings: Settings, gate: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._gate = gate
        self._pools: dict[tuple[Trust, Proxy | None, Reach], PoolManager] = {}
        self._reached: dict[tuple[str, int], Reach] = {}
        self._live: Live | None = None
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        address: Address,
        trust: Trust,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        seconds: float | None = None,
        reach: Reach = Reach.ANY,
    ) -> BaseHTTPResponse:
        """The answer, its body not read yet, whose head is whole within `seconds`, the connection included.

        No address is connected to that lies further inward than `reach`; where a proxy looks the name up, only hosts
        that are written as addresses can be checked, which is the caller's part. Raises `Unreachable`, `Refused`,
        `LimitExceeded`, `UsageError` for unusable certificates or proxies.
        """
        from urllib3 import Timeout  # 80 ms, and only registries need it

        self._gate()
        patience = self._settings.patience
        proxy = proxy_for(address.origin, self._settings.environment)
        pool = self._pool(trust, proxy, reach)
        where = f"{address.origin} by way of the proxy {proxy.url}" if proxy else str(address.origin)
        with mapped(where), within(seconds or patience.answer):
            return pool.request(
                method,
                address.url,
                body=body,
                headers={"Accept-Encoding": "identity", "User-Agent": USER_AGENT, **headers},
                timeout=Timeout(connect=patience.connect, read=seconds or patience.silence),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )

    def limits(self, registry: Origin, *, to_private: bool) -> Limits:
        """How far a registry that was asked before may send us: to the public internet, and to hosts the user named.

        With `to_private`, one of a private network may send us to others in private networks, too.
        """
        found = self._reached.get((registry.host, registry.port), registry.reach())
        reach = Reach.PRIVATE if to_private and found is Reach.PRIVATE else Reach.PUBLIC
        return Limits(registry, reach, self._is_named)

    def _is_named(self, origin: Origin) -> bool:
        """Whether the user allows it to be asked without trusted TLS, and so knows it."""
        return not self._settings.insecure.isdisjoint({origin.named, f"{origin.named}:{origin.port}"})

    def close(self) -> None:
        """Give all connections back; what is asked just now breaks off."""
        with self._lock:
            if self._live is not None:
                self._live.cut()
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()

    def _pool(self, trust: Trust, proxy: Proxy | None, reach: Reach) -> PoolManager:
        from inspector.registry.connections import Live, bound  # brings urllib3

        with self._lock:
            pool = self._pools.get((trust, proxy, reach))
            if pool is None:
                pool = self._pools[trust, proxy, reach] = _new_pool(trust, proxy)
                self._live = self._live or Live()
                bound(pool, self._live, reach, self._found)
            return pool

    def _found(self, host: str, port: int, reach: Reach) -> None:
        self._reached[host, port] = reach


def _new_pool(trust: Trust, proxy: Proxy | None) -> PoolManager:
    from urllib3 import PoolManager, ProxyManager, disable_warnings, make_headers
    from urllib3.exceptions import InsecureRequestWarning

    _hide_queries()
    context = trust.context()
    context.sslsocket_class = TimedTls
    if not trust.verify:
        disable_warnings(InsecureRequestWarning)  # the user's own choice, of which urllib3 would warn at each request
    if proxy is None:
        return PoolManager(maxsize=CONNECTIONS, ssl_context=context)
    login = make_headers(proxy_basic_auth=proxy.login) if proxy.login else None
    to_proxy = create_default_context()
    to_proxy.sslsocket_class = TimedTls
    return ProxyManager(
        proxy.url, maxsize=CONNECTIONS, ssl_context=context, proxy_ssl_context=to_proxy, proxy_headers=login
    )


class _WithoutQueries(logging.Filter):
    """Cuts addresses off at their query: that of a signed one is a credential, and urllib3 logs it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(each.partition("?")[0] if isinstance(each, str) else each for each in record.args)
        return True


_WITHOUT_QUERIES = _WithoutQueries()


def _hide_queries() -> None:
    logging.getLogger("urllib3.connectionpool").addFilter(_WITHOUT_QUERIES)  # once: a filter is added only anew
