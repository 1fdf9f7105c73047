"""Ways to a server by TCP, with or without TLS and a proxy."""

from __future__ import annotations

import base64
import ipaddress
import socket
from collections.abc import Mapping
from contextlib import closing
from ssl import SSLSocket
from typing import Any

from inspector.http.address import Origin, Reach, reach_of, refused_address
from inspector.http.connections import Route
from inspector.http.exchange import Head
from inspector.http.failures import Explained
from inspector.http.proxies import Proxy
from inspector.http.timed import closed_on_error, connected, timed
from inspector.http.tls import Tls

_MAX_ADDRESSES = 8
"""Addresses of one name that are tried."""


class Tcp(Route, frozen=True):
    """To a host, by TLS if there is a `tls`, by way of a proxy if there is one; no further inward than `reach`."""

    tls: Tls | None = None
    proxy: Proxy | None = None
    reach: Reach = Reach.ANY

    def open(self, seconds: float) -> Any:
        """See `Route`. Raises `Refused` for a host that lies too far inward, `UsageError` for unusable certificates."""
        context = self.tls.context() if self.tls else None
        if self.proxy is None:
            one = _tcp(self.host, self.port, self.reach, seconds)
        else:
            one = _tcp(self.proxy.origin.host, self.proxy.origin.port, Reach.ANY, seconds)  # a proxy is the user's own
            if self.proxy.origin.scheme == "https":
                one = _secured(one, Tls().context(), self.proxy.origin.host)
            if context is not None:
                _tunnel(one, Origin("https", self.host, self.port), self.proxy)
        return one if context is None else _secured(one, context, self.host)

    def address(self, path: str) -> str:
        """See `Route`. A proxy is asked for the whole address, unless it is only to pass on what is encrypted."""
        return f"{Origin('http', self.host, self.port)}{path}" if self.proxy and not self.tls else path

    def headers(self) -> Mapping[str, str]:
        """See `Route`."""
        return _login(self.proxy) if self.proxy and not self.tls else {}

    def default_port(self) -> int:
        """See `Route`."""
        return 443 if self.tls else 80


def _tcp(host: str, port: int, reach: Reach, seconds: float) -> Any:
    """Connect to one of the addresses that the name has now; those are checked that are connected to."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    reaches = [reach_of(ipaddress.ip_address(each[4][0])) for each in found]
    allowed = [each for each, its in zip(found, reaches, strict=True) if its >= reach][:_MAX_ADDRESSES]
    if not allowed:
        raise refused_address(f"{host}:{port}", min(reaches))
    failed: OSError = ConnectionRefusedError()
    for family, kind, protocol, _, address in allowed:
        try:
            one = connected(family, kind, protocol, address, seconds)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            failed = error
        else:
            return one
    raise failed


def _secured(one: Any, context: Any, host: str) -> Any:
    """Return the same by TLS; inside of TLS, which a proxy may be asked by, the standard library has no sockets."""
    with closed_on_error(one):
        if isinstance(one, SSLSocket):
            from urllib3.util.ssltransport import SSLTransport  # 25 ms, and hardly anybody needs it

            with timed(one):
                return SSLTransport(one, context, server_hostname=host)
        secure = context.wrap_socket(one, server_hostname=host, do_handshake_on_connect=False)
    with closed_on_error(secure), timed(secure):
        secure.do_handshake()
    return secure


def _tunnel(one: Any, target: Origin, proxy: Proxy) -> None:
    """Have the proxy pass on what follows. Raises `Explained` where it does not."""
    authority = target.authority
    login = [f"{name}: {value}" for name, value in _login(proxy).items()]
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *login, "", ""]
    with closed_on_error(one):
        one.sendall("\r\n".join(lines).encode("ascii"))
        with closing(Head(one, "CONNECT")) as head:
            head.begin()
        if head.status != 200:
            raise Explained(f"the proxy answers {head.status}")


def _login(proxy: Proxy) -> dict[str, str]:
    encoded = base64.b64encode(proxy.login.encode()).decode()
    return {"Proxy-Authorization": f"Basic {encoded}"} if proxy.login else {}
