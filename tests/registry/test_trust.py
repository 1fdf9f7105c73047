"""TLS: whose certificates count, what we show of our own, and when it may be left out. Certificates are openssl's."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector.errors import Unreachable, UsageError
from inspector.registry.settings import Settings
from inspector.testing.registry import Answer, FakeRegistry
from tests.registry.certificates import Authority
from tests.registry.conftest import Opener, renamed
from tests.sources.samples import API


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command")
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def secure(authority: Authority, *, clients: bool = False) -> Iterator[FakeRegistry]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("127.0.0.1"))
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.certificate)
    with FakeRegistry(context) as fake:
        fake.push("a/b", "1", API)
        yield fake


def folder_of(fake: FakeRegistry, base: Path, *parts: str) -> Path:
    folder = base.joinpath(*parts, fake.host)
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("base", ["etc/docker", "etc/containers", "home/.config/containers", "home/.config/docker"])
def test_an_authority_of_ones_own(base: str, authority: Authority, repository: Opener, tmp_path: Path) -> None:
    with secure(authority) as fake:
        shutil.copy(authority.certificate, folder_of(fake, tmp_path / base, "certs.d") / "ca.crt")
        repository(host=fake.host).manifest("1")


def test_a_certificate_that_nobody_vouches_for(authority: Authority, repository: Opener) -> None:
    """Not even on this machine is a wrong certificate the same as none."""
    with secure(authority) as fake, pytest.raises(Unreachable, match="its certificate is not trusted"):
        repository(host=fake.host).manifest("1")


def test_a_certificate_for_another_host(authority: Authority, repository: Opener, tmp_path: Path) -> None:
    with secure(authority) as fake:
        port = fake.host.rpartition(":")[2]
        folder = tmp_path / "etc" / "docker" / "certs.d" / f"localhost:{port}"
        folder.mkdir(parents=True)
        shutil.copy(authority.certificate, folder / "ca.crt")
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            repository(host=f"localhost:{port}").manifest("1")


def test_by_choice_nobody_needs_to_vouch(authority: Authority, repository: Opener) -> None:
    with secure(authority) as fake:
        repository(host=fake.host, insecure=frozenset({fake.host})).manifest("1")


def test_a_certificate_of_our_own_is_shown(authority: Authority, repository: Opener, tmp_path: Path) -> None:
    with secure(authority, clients=True) as fake:
        folder = folder_of(fake, tmp_path, "etc", "docker", "certs.d")
        shutil.copy(authority.certificate, folder / "ca.crt")
        with pytest.raises(Unreachable):
            repository(host=fake.host).manifest("1")
        certificate, key = authority.issue("anna")
        shutil.copy(certificate, folder / "client.cert")
        shutil.copy(key, folder / "client.key")
        repository(host=fake.host).manifest("1")


def test_it_is_not_shown_to_others(authority: Authority, repository: Opener, tmp_path: Path) -> None:
    """The storage that a registry sends us to may be anybody's."""
    with secure(authority, clients=True) as fake, secure(authority, clients=True) as elsewhere:
        folder = folder_of(fake, tmp_path, "etc", "docker", "certs.d")
        shutil.copy(authority.certificate, folder / "ca.crt")
        for source, name in zip(authority.issue("anna"), ("client.cert", "client.key"), strict=True):
            shutil.copy(source, folder / name)
        fake.route("GET", ".*/blobs/.*", Answer(307, headers={"Location": f"{elsewhere.url}/x"}))
        with pytest.raises(Unreachable):
            repository(host=fake.host, insecure=frozenset({elsewhere.host})).document(API.image_id)
        assert elsewhere.asked == []


def test_the_registrys_authority_vouches_for_where_it_sends_us(
    authority: Authority, repository: Opener, tmp_path: Path
) -> None:
    with secure(authority) as fake, secure(authority) as elsewhere:
        shutil.copy(authority.certificate, folder_of(fake, tmp_path, "etc", "docker", "certs.d") / "ca.crt")
        location = f"{elsewhere.url}/v2/a/b/blobs/{API.image_id}"
        fake.route("GET", ".*/blobs/.*", Answer(307, headers={"Location": location}))
        assert repository(host=fake.host, insecure=frozenset({elsewhere.host})).document(API.image_id) == API.config


@pytest.mark.parametrize("name", ["ca.crt", "client.cert"])
def test_files_that_are_no_certificates(name: str, settings: Settings, repository: Opener, fake: FakeRegistry) -> None:
    folder = folder_of(fake, settings.etc, "docker", "certs.d")
    (folder / name).write_text("nothing")
    (folder / "client.key").write_text("nothing")
    with pytest.raises(UsageError, match=f"{name}: no usable certificate"):
        repository().manifest("1")


def test_a_key_that_asks_for_a_password_is_not_waited_for(
    authority: Authority, settings: Settings, repository: Opener, fake: FakeRegistry
) -> None:
    folder = folder_of(fake, settings.etc, "docker", "certs.d")
    certificate, key = authority.issue("bob")
    shutil.copy(certificate, folder / "client.cert")
    words = [
        "openssl",
        "rsa",
        "-aes256",
        "-passout",
        "pass:geheim",
        "-in",
        str(key),
        "-out",
        str(folder / "client.key"),
    ]
    subprocess.run(words, check=True, capture_output=True)
    with pytest.raises(UsageError, match="no usable certificate or key"):
        repository().manifest("1")


def test_without_tls_only_on_this_machine_or_by_choice(fake: FakeRegistry, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    repository().manifest("1")
    port = fake.host.rpartition(":")[2]
    repository(host=f"localhost:{port}").manifest("1")


def test_without_tls_elsewhere_is_refused(
    fake: FakeRegistry, repository: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.push("a/b", "1", API)
    host = renamed("r.test", fake, monkeypatch)
    with pytest.raises(Unreachable):
        repository(host=host).manifest("1")
    assert fake.asked == []
    repository(host=host, insecure=frozenset({host})).manifest("1")
