"""The Docker SDK's session for an address that is no socket of this machine; imported late: it takes 0.2 s."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docker import APIClient
from docker.tls import TLSConfig

from inspector.engine.endpoint import Endpoint
from inspector.engine.sockets import OnePool, ssh_adapter, time_tcp
from inspector.engine.tls import Tls

_UNUSED = "unix:///unused"
_ANY_VERSION = "1.41"
"""The SDK wants one; our paths carry their own."""


def open_session(endpoint: Endpoint, seconds: float) -> tuple[APIClient, str]:
    """A session, and the beginning of all its URLs; nothing is sent yet. Raises `OSError`, `ValueError`."""
    adapter = _adapter(endpoint)
    address = _UNUSED if adapter else endpoint.address
    client = APIClient(address, version=_ANY_VERSION, timeout=seconds, tls=_tls(endpoint.tls))
    if adapter:
        client.mount("http+docker://", adapter)
    elif address.startswith("tcp://"):
        time_tcp(client)
    client.trust_env = not endpoint.is_local
    client.auth = _no_authentication
    client.headers["Accept-Encoding"] = "identity"  # else an engine packs archives, at 40 MB/s
    return client, client.base_url


def _adapter(endpoint: Endpoint) -> OnePool | None:
    return ssh_adapter(endpoint) if endpoint.address.startswith("ssh://") else None


def _no_authentication(request: Any) -> Any:
    """In place of what requests would read from ~/.netrc and send along."""
    return request


def _tls(tls: Tls | None) -> TLSConfig | bool:
    if tls is None:
        return False
    missing = [path for path in (tls.ca, tls.certificate, tls.key) if path and not Path(path).is_file()]
    if missing:
        raise ValueError(f"no such file: {missing[0]}")
    pair = (tls.certificate, tls.key) if tls.certificate and tls.key else None
    return TLSConfig(client_cert=pair, ca_cert=tls.ca or None, verify=tls.verify)
