"""The ways to an engine's socket: SSH by the `ssh` program, TLS, and neither proxies nor passwords."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from inspector.engine.client import Engine, connect
from inspector.engine.endpoint import Endpoint
from inspector.engine.transport import ssh_words
from inspector.errors import LimitExceeded, Unreachable
from inspector.http.tls import Tls
from inspector.testing import faults
from inspector.testing.engine import FakeEngine
from tests.engine.images import SMALL

posix = pytest.mark.skipif(os.name == "nt", reason="no socket can be a program's input on Windows")


def _words(address: str, kind: str = "docker") -> tuple[str, ...]:
    return ssh_words(Endpoint(address, "test", kind=kind))  # type: ignore[arg-type]


@posix
@pytest.mark.parametrize(
    ("address", "kind", "words"),
    [
        ("ssh://h", "docker", ("--", "h", "docker system dial-stdio")),
        ("ssh://me@h:2222", "docker", ("-l", "me", "-p", "2222", "--", "h", "docker system dial-stdio")),
        ("ssh://h/run/d.sock", "docker", ("--", "h", "docker --host unix:///run/d.sock system dial-stdio")),
        ("ssh://h/run/p.sock", "podman", ("--", "h", "podman --url unix:///run/p.sock system dial-stdio")),
    ],
)
def test_the_command_over_ssh(address: str, kind: str, words: tuple[str, ...]) -> None:
    assert _words(address, kind) == ("ssh", "-o", "ConnectTimeout=10", "-T", *words)


@posix
@pytest.mark.parametrize(
    "address",
    ["ssh://", "ssh://-oProxyCommand=x", "ssh://-l@h", "ssh://u:p@h", "ssh://h/a;rm", "ssh://h/$(x)", "ssh://h:x"],
)
def test_an_address_that_would_be_read_as_something_else(address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        _words(address)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `ssh` that joins its input and output to the socket which the environment names, or fails."""
    script = f"""\
        #!{sys.executable}
        import os, socket, sys, threading
        if os.environ["THERE"] == "":
            sys.exit("me@h: Permission denied (publickey).")
        there = socket.socket(socket.AF_UNIX)
        there.connect(os.environ["THERE"])
        def outwards():
            while data := os.read(0, 1 << 16):
                there.sendall(data)
            there.shutdown(socket.SHUT_WR)
        threading.Thread(target=outwards, daemon=True).start()
        while data := there.recv(1 << 16):
            os.write(1, data)
        """
    path = tmp_path / "ssh"
    path.write_text(textwrap.dedent(script))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("THERE", "")
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@h")
    return path


@posix
@pytest.mark.usefixtures("program")
def test_an_engine_behind_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeEngine("containerd", [SMALL]) as fake:
        monkeypatch.setenv("THERE", fake.address.removeprefix("unix://"))
        with connect("docker") as engine:
            assert engine.inspect("small:1").described
            with engine.save("small:1") as stream:
                assert stream.read() == fake.store.archive(SMALL)
            assert engine.inspect("small:1").described
            assert len({request.connection for request in fake.requests}) == 1
            fake.misbehave("GET", "/info", faults.hang)
            before = time.monotonic()
            engine._transport._seconds = 0.2
            with pytest.raises(Unreachable, match="no answer in time"):
                _ = engine.info
            assert time.monotonic() - before < 3


@posix
@pytest.mark.usefixtures("program")
def test_what_ssh_says_is_told() -> None:
    with pytest.raises(Unreachable, match=r"ssh://h \(DOCKER_HOST\): ssh ends: me@h: Permission denied \(publickey\)"):
        connect("docker")


@posix
def test_without_an_ssh_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "ssh://h")
    with pytest.raises(Unreachable, match="there is no ssh program"):
        connect("docker")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `cert.pem` and `key.pem` of 127.0.0.1, and the same as `ca.pem`."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl command")
    folder = tmp_path_factory.mktemp("tls")
    words = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*words, *names], cwd=folder, check=True, capture_output=True)
    shutil.copy(folder / "cert.pem", folder / "ca.pem")
    return folder


def _secured(fake: FakeEngine, folder: Path, *, mutual: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / "ca.pem")
    fake._server.socket = context.wrap_socket(fake._server.socket, server_side=True)


@pytest.mark.parametrize("mutual", [False, True])
def test_an_engine_behind_tls(certificate: Path, monkeypatch: pytest.MonkeyPatch, *, mutual: bool) -> None:
    fake = FakeEngine("graph", [SMALL], tcp=True)
    _secured(fake, certificate, mutual=mutual)
    with fake:
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        monkeypatch.setenv("DOCKER_CERT_PATH", str(certificate))
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        assert connect("docker", offline=True).inspect("small:1").described


def test_a_certificate_of_nobody_known_is_refused(certificate: Path) -> None:
    fake = FakeEngine("graph", [SMALL], tcp=True)
    _secured(fake, certificate, mutual=False)
    with fake, pytest.raises(Unreachable, match="its certificate is not trusted"):
        Engine(Endpoint(fake.address, "test", Tls()))


def test_an_engine_with_tls_that_is_asked_without(certificate: Path) -> None:
    fake = FakeEngine("graph", [SMALL], tcp=True)
    _secured(fake, certificate, mutual=False)
    with fake, pytest.raises(Unreachable):
        Engine(Endpoint(fake.address, "test"))


def test_a_certificate_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"ca\.pem"):
        Engine(Endpoint("tcp://127.0.0.1:1", "test", Tls((str(tmp_path / "ca.pem"),))))


def test_no_password_of_a_netrc_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text(
        "machine 127.0.0.1 login me password hunter2\nmachine localhost login me password x\n"
    )
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    for tcp in (False, True):
        with FakeEngine("graph", [SMALL], tcp=tcp) as fake:
            Engine(Endpoint(fake.address, "test")).images()
            assert not any("authorization" in request.headers for request in fake.requests)


def test_no_redirect_is_followed() -> None:
    with FakeEngine("graph", [SMALL]) as fake:
        fake.misbehave("GET", "/images/json", faults.body(b"", 302, Location="http://127.0.0.1:1/"))
        with pytest.raises(Exception, match="302"):
            Engine(Endpoint(fake.address, "test")).images()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, "still to come"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200, "more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, "of more than 65536 bytes"),
    ],
    ids=["informational", "headers", "line"],
)
def test_a_head_without_end(said: bytes, told: str) -> None:
    with FakeEngine("graph", [SMALL]) as fake:
        engine = Engine(Endpoint(fake.address, "test"))
        fake.misbehave("GET", "/images/json", lambda handler: handler.connection.sendall(said))
        with pytest.raises(LimitExceeded, match=told):
            engine.images()
        engine.close()
