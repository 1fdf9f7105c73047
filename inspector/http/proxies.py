"""Proxies as the environment names them: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, in either case."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import msgspec

from inspector.errors import UsageError
from inspector.http.address import Origin


class Proxy(msgspec.Struct, frozen=True):
    """A proxy, and the `user:password` for it, which nothing prints."""

    origin: Origin
    login: str = ""

    @property
    def url(self) -> str:
        """Its address, for messages."""
        return f"{self.origin.scheme}://{self.origin.authority}"

    def __repr__(self) -> str:
        return f"Proxy({self.url!r})"


def proxy_for(origin: Origin, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that leads there; None to go straight, as to this machine always. Raises `UsageError`."""
    excepted = _value("no_proxy", environment).split(",")
    if origin.is_loopback() or any(_fits(origin, item.strip().lower()) for item in excepted):
        return None
    variable = f"{origin.scheme}_proxy"
    if origin.scheme == "http" and environment.get("REQUEST_METHOD"):  # CGI: a client sets HTTP_PROXY by its header
        return None
    text = _value(variable, environment) or _value("all_proxy", environment)
    return _parsed(text, variable.upper()) if text else None


def _value(name: str, environment: Mapping[str, str]) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _parsed(text: str, variable: str) -> Proxy:
    wrong = UsageError(f"{variable}: names no http or https proxy; write http://HOST:PORT")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if not host or parts.scheme not in ("http", "https"):
        raise wrong
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username is not None else ""
    return Proxy(Origin(parts.scheme, host, port or (443 if parts.scheme == "https" else 80)), login)


def _fits(origin: Origin, item: str) -> bool:
    """Tell whether an item of NO_PROXY means the host: `*`, a domain and all below it, an address, or a network."""
    if item in ("", "*"):
        return item == "*"
    if "/" in item:
        try:
            return ipaddress.ip_address(origin.host) in ipaddress.ip_network(item, strict=False)
        except ValueError:
            return False
    name, colon, port = item.rpartition(":") if item.count(":") == 1 else (item, "", "")
    if colon and port != str(origin.port):
        return False
    name = name.strip("[]").lstrip("*").lstrip(".")
    return origin.host == name or origin.host.endswith(f".{name}")
