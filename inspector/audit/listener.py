"""Where a registry's notifications are taken: one address, one kind of request, and bounds on all of it."""

from __future__ import annotations

import hmac
import ipaddress
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import msgspec

from inspector.audit.notices import ENVELOPE_TYPES, MAX_ENVELOPE, parse_notices
from inspector.errors import InspectorError, LimitExceeded, Malformed, UsageError
from inspector.policy.audited import Notice

PATH = "/events"
PORT = 8077
MAX_CONNECTIONS = 32
"""Requests at once; who comes beyond them finds the door shut, and registries come again."""

_SILENCE = 10.0
_WHOLE = 30.0
"""Seconds that one request may take in all."""
_PAUSE = "5"


class Address(msgspec.Struct, frozen=True):
    """Where to listen; port 0 takes any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_listen(text: str) -> Address:
    """`[HOST]:PORT`, `HOST` or `PORT`; this machine alone where no host is named. Raises `UsageError`."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = ("", text) if text.isdecimal() else (text, str(PORT))
    host = host.strip("[]") or "127.0.0.1"
    usable = port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 0xFFFF
    if not usable or not all(char.isalnum() or char in ".-:" for char in host) or not host.isascii():
        raise UsageError(f"--watch {text[:200]!a}: no HOST:PORT to listen at; names of repositories go before --watch")
    return Address(host, int(port))


class Listener:
    """Listens from its start to its stop, in threads of its own. What comes is given to `offer`, False being "no room".

    With a `token`, every request must show it as `Authorization: Bearer TOKEN`.
    """

    def __init__(self, address: Address, offer: Callable[[list[Notice]], bool], token: str | None) -> None:
        if token is None and not address.is_loopback():
            raise UsageError(
                f"--watch {address}: others than this machine could send there; give a token with "
                "--watch-token-file or INSPECTOR_WATCH_TOKEN, and have the registry send `Authorization: Bearer TOKEN`"
            )
        try:
            self._server = _Server(address, offer, token)
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "no such address"
            raise UsageError(f"--watch {address}: can't listen there: {why}") from None
        self.address = Address(address.host, int(self._server.server_address[1]))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="inspector-listener")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: Address, offer: Callable[[list[Notice]], bool], token: str | None) -> None:
        self.offer = offer
        self.expected = f"Bearer {token}".encode() if token is not None else None
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        super().__init__((address.host, address.port), _Requests)

    def server_bind(self) -> None:
        """As its parent, but without asking name servers what this machine is called."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve it in a thread, if there is one."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve it, but not for ever."""
        timer = threading.Timer(_WHOLE, _hang_up, (request,))
        timer.daemon = True
        timer.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            timer.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SILENCE
    server: _Server

    def do_POST(self) -> None:
        """Take one envelope."""
        try:
            status = self._taken()
        except LimitExceeded:
            status = 413
        except InspectorError:
            status = 400
        self.send_response(status)
        if status == 503:
            self.send_header("Retry-After", _PAUSE)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def _taken(self) -> int:
        """The status to answer with. Raises `InspectorError` for what is no envelope."""
        refused = self._refusal()
        if refused:
            return refused
        length = int(self.headers["Content-Length"])
        content = self.rfile.read(length)
        if len(content) < length:
            raise Malformed("a notification is cut off")
        return 202 if self.server.offer(parse_notices(content)) else 503

    def _refusal(self) -> int:
        """The status for a request that is refused by its headers; else 0."""
        shown = self.headers.get("Authorization", "").encode("latin-1", "replace")
        media_type = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        length = self.headers.get("Content-Length", "")
        is_number = length.isascii() and length.isdecimal() and len(length) < 16
        if self.server.expected is not None and not hmac.compare_digest(shown, self.server.expected):
            return 401
        if self.path != PATH:
            return 404
        if media_type not in ENVELOPE_TYPES:
            return 415
        if not is_number or self.headers.get("Transfer-Encoding"):
            return 411
        return 413 if int(length) > MAX_ENVELOPE else 0

    def version_string(self) -> str:
        """What the header `Server` says."""
        return "inspector"

    def log_message(self, *_: object) -> None:
        """Say nothing: what comes is untrusted, and standard error is for people."""


def _hang_up(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
