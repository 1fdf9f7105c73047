"""Ways to a server: by a proxy, by TLS inside of TLS, and whose certificates count. Certificates are openssl's."""

from __future__ import annotations

import shutil
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from inspector import work
from inspector.errors import Unreachable, UsageError
from inspector.http.address import Origin
from inspector.http.bodies import read_document
from inspector.http.connections import Pool, Route
from inspector.http.failures import mapped
from inspector.http.local import Program
from inspector.http.proxies import Proxy
from inspector.http.routes import Tcp
from inspector.http.timed import Patience, within
from inspector.http.tls import Tls
from inspector.testing.registry import Answer, FakeRegistry
from tests.registry.certificates import Authority

PATIENCE = Patience(connect=2.0, silence=2.0, whole=5.0)
GREETING = Answer(200, b"hello")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have the operating system trust the authority."""
    if sys.platform in ("darwin", "win32"):
        pytest.skip("its certificates are in no file")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


def secured(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("127.0.0.1"))
    return context


@contextmanager
def greeting(context: ssl.SSLContext | None = None) -> Iterator[FakeRegistry]:
    with FakeRegistry(context) as fake:
        fake.route("GET", ".*", GREETING)
        yield fake


class _ProxyServer(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    heads: list[str]
    refuses: bytes
    context: ssl.SSLContext | None


class _ProxyHandler(StreamRequestHandler):
    server: _ProxyServer

    def handle(self) -> None:
        context = self.server.context
        with (
            suppress(OSError),
            context.wrap_socket(self.request, server_side=True) if context else self.request as ours,
        ):
            self._serve(ours)

    def _serve(self, ours: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += ours.recv(1)
        self.server.heads.append(head.decode())
        if self.server.refuses:
            ours.sendall(self.server.refuses)
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(port))) as there:
            ours.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ours.settimeout(0.02)
            there.settimeout(0.02)
            while _passed_on(ours, there) and _passed_on(there, ours):
                pass


def _passed_on(one: socket.socket, other: socket.socket) -> bool:
    try:
        content = one.recv(1 << 16)
    except TimeoutError:
        return True
    other.sendall(content)
    return bool(content)


@contextmanager
def proxy(context: ssl.SSLContext | None = None, *, refuses: bytes = b"") -> Iterator[tuple[Proxy, list[str]]]:
    """A proxy that passes on what is tunneled, and the heads of the requests that it got."""
    with _ProxyServer(("127.0.0.1", 0), _ProxyHandler) as server:
        server.heads, server.refuses, server.context = [], refuses, context
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        origin = Origin("https" if context else "http", "127.0.0.1", server.server_address[1])
        yield Proxy(origin, "anna:geheim"), server.heads
        server.shutdown()


def asked(route: Route, pool: Pool | None = None) -> bytes:
    with mapped("there"):
        response = (pool or Pool()).request(route, "GET", "/x", headers={}, patience=PATIENCE)
    return read_document(response, 1000, "there")


def to(fake: FakeRegistry, tls: Tls | None = None, by: Proxy | None = None) -> Tcp:
    return Tcp("127.0.0.1", int(fake.host.rpartition(":")[2]), tls, by)


def test_by_a_proxy_tls_reaches_to_the_server_itself(authority: Authority) -> None:
    tls = Tls((str(authority.certificate),))
    with greeting(secured(authority)) as fake, proxy() as (by, heads):
        pool = Pool()
        assert [asked(to(fake, tls, by), pool) for _ in range(2)] == [b"hello"] * 2
        assert len(heads) == 1, "the connection was kept"
        assert heads[0].startswith(f"CONNECT {fake.host} HTTP/1.1\r\nHost: {fake.host}\r\n")
        assert "Proxy-Authorization: Basic YW5uYTpnZWhlaW0=" in heads[0]
        assert not any("proxy-authorization" in one.headers for one in fake.asked)
        pool.close()


@pytest.mark.usefixtures("trusted")
def test_by_a_proxy_that_speaks_tls_itself(authority: Authority) -> None:
    with greeting(secured(authority)) as fake, proxy(secured(authority)) as (by, heads):
        pool = Pool()
        assert [asked(to(fake, Tls(), by), pool) for _ in range(2)] == [b"hello"] * 2
        assert len(heads) == 1
        pool.close()


def test_a_proxy_s_certificate_counts_too(authority: Authority) -> None:
    tls = Tls((str(authority.certificate),))
    with greeting(secured(authority)) as fake, proxy(secured(authority)) as (by, _):
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            asked(to(fake, tls, by))
        assert fake.asked == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"HTTP/1.1 407 No\r\nContent-Length: 6\r\n\r\ngeheim", "the proxy answers 407"),
        (b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1/\r\n\r\n", "the proxy answers 302"),
        (b"SSH-2.0-OpenSSH_9\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, "still to come"),
    ],
)
def test_a_proxy_that_refuses(said: bytes, told: str) -> None:
    with proxy(refuses=said) as (by, _), pytest.raises(Exception, match=told) as caught:
        asked(Tcp("127.0.0.1", 1, Tls(), by))
    assert "geheim" not in str(caught.value)


@pytest.mark.usefixtures("trusted")
def test_the_certificates_of_the_operating_system_count(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    own = (str(other.certificate),)
    with greeting(secured(authority)) as fake:
        assert asked(to(fake, Tls())) == b"hello"
        assert asked(to(fake, Tls(own))) == b"hello", "own ones count beside them"
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            asked(to(fake, Tls(own, system=False)))
    with greeting(secured(other)) as fake:
        assert asked(to(fake, Tls(own))) == b"hello"
        assert asked(to(fake, Tls(own, system=False))) == b"hello"


def test_a_certificate_that_is_no_root_vouches_if_it_is_named(authority: Authority) -> None:
    with greeting(secured(authority)) as fake:
        assert asked(to(fake, Tls((str(authority.issue("127.0.0.1")[0]),)))) == b"hello"


def test_a_server_that_nobody_vouches_for(authority: Authority) -> None:
    with greeting(secured(authority)) as fake:
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            asked(to(fake, Tls()))
        assert asked(to(fake, Tls(verify=False))) == b"hello"


def test_files_of_certificates_are_read_before_anybody_is_asked() -> None:
    with pytest.raises(UsageError, match="/not/there: no usable certificate or key: No such file"):
        asked(Tcp("127.0.0.1", 1, Tls(("/not/there",))))


def _ended(act: Callable[[], object]) -> float:
    """Act in a thread, stop that after a moment, and return how long it took to end."""
    token = work.Token()
    ended: list[float] = []

    def acting() -> None:
        with token.entered(), suppress(OSError, work.Stopped):
            act()
        ended.append(time.monotonic())

    thread = threading.Thread(target=acting)
    thread.start()
    time.sleep(0.2)
    began = time.monotonic()
    token.stop()
    thread.join(10)
    return ended[0] - began


def test_a_handshake_ends_at_the_deadline_and_on_a_stop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        route = Tcp("127.0.0.1", server.getsockname()[1], Tls())
        began = time.monotonic()
        with within(0.2), pytest.raises(TimeoutError):
            route.open(10)
        assert time.monotonic() - began < 2
        assert _ended(lambda: route.open(10)) < 1


@pytest.mark.skipif(sys.platform == "win32", reason="no socket can be a program's input there")
def test_a_program_is_ended_with_its_connection(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = f"import signal, sys, time; signal.signal(15, lambda *_: (open({str(told)!r}, 'w'), sys.exit())); print()\n"
    one = Program(words=(sys.executable, "-c", f"{code}time.sleep(60)")).open(5)
    one.recv(1)
    one.close()
    assert told.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no socket can be a program's input there")
def test_a_program_that_ends_tells_why() -> None:
    route = Program(words=(sys.executable, "-c", "import sys; sys.stdin.read(1); sys.exit('no \\x1b[1mway')"))
    with pytest.raises(Unreachable, match=r"there: .* ends: no \\x1b\[1mway"):
        asked(route)
