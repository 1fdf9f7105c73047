"""HTTP without any judgement: one request, one answer, connections kept for the next; from any thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from inspector.registry.address import Address
from inspector.registry.failures import mapped
from inspector.registry.proxies import Proxy, proxy_for
from inspector.registry.settings import Settings
from inspector.registry.trust import Trust

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

USER_AGENT = "inspector"
CONNECTIONS = 16
"""Connections to one host that are kept open at most."""


class Transport:
    """Requests by way of the proxy and the certificates that the settings name. Nothing is followed or repeated."""

    def __init__(self, settings: Settings, gate: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._gate = gate
        self._pools: dict[tuple[Trust, Proxy | None], PoolManager] = {}
        self._cuts: list[Callable[[], None]] = []
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
    ) -> BaseHTTPResponse:
        """The answer, its body not read yet, which may be silent for `seconds`.

        Raises `Unreachable`, `UsageError` for unusable certificates or proxies.
        """
        from urllib3 import Timeout  # noqa: PLC0415 - 80 ms, and only registries need it

        self._gate()
        patience = self._settings.patience
        proxy = proxy_for(address.origin, self._settings.environment)
        pool = self._pool(trust, proxy)
        with mapped(f"{address.origin} by way of the proxy {proxy.url}" if proxy else str(address.origin)):
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

    def close(self) -> None:
        """Give all connections back; what is asked just now breaks off."""
        with self._lock:
            for cut in self._cuts:
                cut()
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()
            self._cuts.clear()

    def _pool(self, trust: Trust, proxy: Proxy | None) -> PoolManager:
        from inspector.registry.watch import watch  # noqa: PLC0415 - brings urllib3

        with self._lock:
            pool = self._pools.get((trust, proxy))
            if pool is None:
                pool = self._pools[trust, proxy] = _new_pool(trust, proxy)
                self._cuts.append(watch(pool, self._settings.patience.whole))
            return pool


def _new_pool(trust: Trust, proxy: Proxy | None) -> PoolManager:
    from urllib3 import PoolManager, ProxyManager, disable_warnings, make_headers  # noqa: PLC0415 - as above
    from urllib3.exceptions import InsecureRequestWarning  # noqa: PLC0415 - as above

    _hide_queries()
    context = trust.context()
    if not trust.verify:
        disable_warnings(InsecureRequestWarning)  # the user's own choice, of which urllib3 would warn at each request
    if proxy is None:
        return PoolManager(maxsize=CONNECTIONS, ssl_context=context)
    login = make_headers(proxy_basic_auth=proxy.login) if proxy.login else None
    return ProxyManager(proxy.url, maxsize=CONNECTIONS, ssl_context=context, proxy_headers=login)


class _WithoutQueries(logging.Filter):
    """Cuts addresses off at their query: that of a signed one is a credential, and urllib3 logs it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(each.partition("?")[0] if isinstance(each, str) else each for each in record.args)
        return True


_WITHOUT_QUERIES = _WithoutQueries()


def _hide_queries() -> None:
    logging.getLogger("urllib3.connectionpool").addFilter(_WITHOUT_QUERIES)  # once: a filter is added only anew
