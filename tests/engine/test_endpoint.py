"""Where engines are looked for, and in which order."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from inspector.engine.endpoint import Endpoint, endpoints, shown_address
from inspector.errors import Malformed, NotFound
from inspector.http.tls import Tls

ANYWHERE = Path("/nowhere")


def _context(folder: Path, name: str, host: str, *, current: bool = False, **more: Any) -> Path:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / key / "meta.json"
    meta.parent.mkdir(parents=True, exist_ok=True)
    meta.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, **more}}}))
    if current:
        (folder / "config.json").write_text(json.dumps({"auths": {}, "currentContext": name}))
    return folder / "contexts" / "tls" / key / "docker"


def _docker(**environment: str) -> list[Endpoint]:
    return endpoints("docker", environment, ANYWHERE)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("unix:///run/x.sock", "unix:///run/x.sock"),
        ("/run/x.sock", "unix:///run/x.sock"),
        ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
        ("10.0.0.1:99", "tcp://10.0.0.1:99"),
        ("http://h:99/", "tcp://h:99"),
        ("tcp://[::1]:99", "tcp://[::1]:99"),
        ("ssh://me@h", "ssh://me@h"),
        ("npipe:////./pipe/x", "npipe:////./pipe/x"),
    ],
)
def test_docker_host_is_the_only_one(host: str, address: str) -> None:
    (found,) = _docker(DOCKER_HOST=host, DOCKER_CONTEXT="another")
    assert (found.address, found.origin, found.chosen) == (address, "DOCKER_HOST", True)


@pytest.mark.parametrize(
    "host", ["foo://x", "tcp://", "unix://", "tcp://h:port", "tcp://u:hunter2@h:1", "tcp://h:1/x?y", "tcp://h:99999999"]
)
def test_an_address_of_no_known_form_is_refused_without_its_secrets(host: str) -> None:
    with pytest.raises(Malformed, match=r"DOCKER_HOST: .* is not the address of an engine") as caught:
        _docker(DOCKER_HOST=host)
    assert "hunter2" not in str(caught.value)


def test_tls_as_the_command_line_has_it(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("x")
    ca, certificate, key = (str(tmp_path / name) for name in ("ca.pem", "cert.pem", "key.pem"))
    known = {"DOCKER_HOST": "tcp://h", "DOCKER_CERT_PATH": str(tmp_path)}
    (plain,) = _docker(**known)
    (checked,) = _docker(**known, DOCKER_TLS_VERIFY="1")
    (unchecked,) = _docker(**known, DOCKER_TLS="1")
    assert (plain.tls, plain.address) == (None, "tcp://h:2375")
    assert (checked.tls, checked.address) == (Tls((ca,), certificate, key, system=False), "tcp://h:2376")
    assert unchecked.tls == Tls((ca,), certificate, key, verify=False, system=False)


def test_a_context_by_name_beats_the_current_one(tmp_path: Path) -> None:
    tls = _context(tmp_path, "b", "tcp://h:2376", SkipTLSVerify=False)
    _context(tmp_path, "a", "unix:///a.sock", current=True)
    tls.mkdir(parents=True)
    (tls / "ca.pem").write_text("x")
    environment = {"DOCKER_CONFIG": str(tmp_path)}
    (current,) = _docker(**environment)
    (named,) = _docker(**environment, DOCKER_CONTEXT="b")
    assert (current.address, current.tls, current.chosen) == ("unix:///a.sock", None, True)
    assert (named.address, named.tls) == ("tcp://h:2376", Tls((str(tls / "ca.pem"),), system=False))
    assert "'b'" in named.origin


def test_the_default_context_means_the_usual_sockets(tmp_path: Path) -> None:
    _context(tmp_path, "a", "unix:///a.sock", current=True)
    found = _docker(DOCKER_CONFIG=str(tmp_path), DOCKER_CONTEXT="default")
    assert found[0].address == "unix:///var/run/docker.sock"


def test_a_context_that_is_not_there_is_said_and_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="DOCKER_CONTEXT: there is no Docker context 'gone'"):
        _docker(DOCKER_CONFIG=str(tmp_path), DOCKER_CONTEXT="gone")


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"Endpoints": {}}', b'{"Endpoints": {"docker": {"Host": ""}}}', b"\xff"]
)
def test_a_context_that_cannot_be_read_is_said(tmp_path: Path, content: bytes) -> None:
    _context(tmp_path, "a", "x", current=True)
    next(tmp_path.rglob("meta.json")).write_bytes(content)
    with pytest.raises(Malformed, match=r"meta\.json"):
        _docker(DOCKER_CONFIG=str(tmp_path))


def test_an_endless_config_is_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b" " * (5 << 20))
    with pytest.raises(Exception, match="refused"):
        _docker(DOCKER_CONFIG=str(tmp_path))


def test_the_usual_sockets_of_docker() -> None:
    found = endpoints("docker", {"XDG_RUNTIME_DIR": "/run/user/1"}, Path("/home/u"))
    assert [endpoint.address.removeprefix("unix://") for endpoint in found] == [
        "/var/run/docker.sock",
        "/run/user/1/docker.sock",
        "/home/u/.docker/run/docker.sock",
        "/home/u/.docker/desktop/docker.sock",
        "/home/u/.colima/default/docker.sock",
    ]
    assert not any(endpoint.chosen for endpoint in found)


def test_the_usual_sockets_of_podman() -> None:
    found = endpoints("podman", {"XDG_RUNTIME_DIR": "/run/user/1", "DOCKER_HOST": "tcp://h"}, ANYWHERE)
    assert [endpoint.address for endpoint in found] == [
        "unix:///run/user/1/podman/podman.sock",
        "unix:///run/podman/podman.sock",
    ]


def test_container_host_is_podmans() -> None:
    (found,) = endpoints("podman", {"CONTAINER_HOST": "ssh://u@h:22/run/p.sock"}, ANYWHERE)
    assert (found.address, found.kind, found.chosen) == ("ssh://u@h:22/run/p.sock", "podman", True)


@pytest.mark.parametrize(
    ("platform", "kind", "address"),
    [
        ("win32", "docker", "npipe:////./pipe/docker_engine"),
        ("win32", "podman", "npipe:////./pipe/podman-machine-default"),
        ("darwin", "podman", "unix:///t/podman/podman-machine-default-api.sock"),
    ],
)
def test_the_usual_places_elsewhere(monkeypatch: pytest.MonkeyPatch, platform: str, kind: Any, address: str) -> None:
    monkeypatch.setattr("inspector.engine.endpoint.sys.platform", platform)
    assert endpoints(kind, {"TMPDIR": "/t/"}, ANYWHERE)[0].address == address


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("unix:///x", True),
        ("npipe:////./pipe/x", True),
        ("tcp://127.0.0.1:1", True),
        ("tcp://localhost:1", True),
        ("tcp://[::1]:1", True),
        ("tcp://10.0.0.1:1", False),
        ("tcp://127.0.0.1.example:1", False),
        ("tcp://localhost.example:1", False),
        ("ssh://localhost", False),
    ],
)
def test_what_lies_on_this_machine(address: str, *, local: bool) -> None:
    assert Endpoint(address, "").is_local is local


@pytest.mark.parametrize("address", ["ssh://u:hunter2@h/x", "tcp://hunter2@h:1", "tcp://h:1/?token=hunter2"])
def test_an_address_is_shown_without_secrets(address: str) -> None:
    assert "hunter2" not in shown_address(address)
    assert "hunter2" not in str(Endpoint(address, "x"))


def test_an_address_is_shown_escaped() -> None:
    assert shown_address("unix:///\x1b[31m/ü") == r"unix:///\x1b[31m/\xfc"


@pytest.mark.parametrize(
    "environment",
    [
        {"DOCKER_HOST": "unix:///host.sock"},
        {"DOCKER_HOST": "unix:///host.sock", "DOCKER_CONTEXT": "other"},
        {"DOCKER_CONTEXT": "other"},
        {},
    ],
)
def test_the_order_is_that_of_dockers_command_line(tmp_path: Path, environment: dict[str, str]) -> None:
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("there is no docker command")
    _context(tmp_path, "other", "unix:///other.sock")
    _context(tmp_path, "mine", "unix:///mine.sock", current=True)
    environment = {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path), **environment}
    said = subprocess.run([docker, "version"], env=environment, capture_output=True, text=True, check=False).stderr
    (found,) = _docker(**environment)
    assert f"at {found.address}. " in said
