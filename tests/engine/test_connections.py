"""Podman's connections: which one is meant, and what is said of one that can't be taken."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from inspector.engine import connections
from inspector.engine.endpoint import Endpoint, endpoints
from inspector.errors import Malformed, NotFound, Unreachable
from inspector.sources.engine.open import own_store


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connections, "_MACHINE", (tmp_path / "machine",))


def _json(home: Path, default: str = "", **addresses: str) -> None:
    path = home / ".config" / "containers" / "podman-connections.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {name: {"URI": address, "Identity": "/k", "IsMachine": True} for name, address in addresses.items()}
    path.write_text(json.dumps({"Connection": {"Default": default, "Connections": made}, "Farm": {}}))


def _conf(folder: Path, name: str, address: str, default: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    active = f'active_service = "{default}"\n' if default else ""
    (folder / "containers.conf").write_text(
        f'[engine]\n{active}[engine.service_destinations.{name}]\nuri = "{address}"\n'
    )


def _podman(home: Path, **environment: str) -> list[Endpoint]:
    return endpoints("podman", environment, home)


@pytest.mark.parametrize("kept", ["json", "user", "machine", "named"])
def test_a_connection_is_found_by_its_name(kept: str, tmp_path: Path) -> None:
    environment = {"CONTAINER_CONNECTION": "build"}
    match kept:
        case "json":
            _json(tmp_path, build="tcp://10.0.0.9:99", other="unix:///x")
        case "named":
            _conf(tmp_path / "else", "build", "tcp://10.0.0.9:99")
            environment["CONTAINERS_CONF"] = str(tmp_path / "else" / "containers.conf")
        case _:
            folder = tmp_path / "machine" if kept == "machine" else tmp_path / ".config" / "containers"
            _conf(folder, "build", "tcp://10.0.0.9:99")
    (found,) = _podman(tmp_path, **environment)
    assert (found.address, found.chosen, found.kind) == ("tcp://10.0.0.9:99", True, "podman")
    assert "connection 'build'" in found.origin


def test_what_podman_wrote_last_goes_first(tmp_path: Path) -> None:
    _conf(tmp_path / ".config" / "containers", "build", "unix:///old")
    _json(tmp_path, build="unix:///new")
    (found,) = _podman(tmp_path, CONTAINER_CONNECTION="build")
    assert found.address == "unix:///new"


def test_an_address_goes_before_a_connection(tmp_path: Path) -> None:
    _json(tmp_path, build="unix:///new")
    (found,) = _podman(tmp_path, CONTAINER_CONNECTION="build", CONTAINER_HOST="unix:///host")
    assert found.address == "unix:///host"


def test_a_name_that_is_missing_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    _json(tmp_path, build="unix:///x", stage="unix:///y")
    with pytest.raises(NotFound, match=r"CONTAINER_CONNECTION: there is no connection 'biuld' .*\(build, stage\)"):
        _podman(tmp_path, CONTAINER_CONNECTION="biuld")


def test_one_by_ssh_is_refused_with_what_to_do(tmp_path: Path) -> None:
    _json(tmp_path, build="ssh://core@h:99/run/podman.sock")
    with pytest.raises(Unreachable, match="set CONTAINER_HOST=ssh://"):
        _podman(tmp_path, CONTAINER_CONNECTION="build")


@pytest.mark.parametrize(("platform", "taken"), [("linux", False), ("darwin", True)])
def test_the_default_counts_where_podman_has_a_machine(
    platform: str, taken: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    _json(tmp_path, default="build", build="unix:///x")
    assert (_podman(tmp_path)[0].address == "unix:///x") is taken
    _json(tmp_path, default="build", build="ssh://core@127.0.0.1:1/x")
    assert not _podman(tmp_path)[0].chosen


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("podman-connections.json", "[]", "list of Podman's connections"),
        ("podman-connections.json", '{"Connection": {"Connections": {"a": 3}}}', "list of Podman's connections"),
        ("containers.conf", "[engine", "invalid containers.conf"),
    ],
)
def test_a_broken_file_is_told(name: str, content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / ".config" / "containers" / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(Malformed, match=said):
        _podman(tmp_path, CONTAINER_CONNECTION="a")


def test_a_named_connection_is_meant_and_not_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINER_CONNECTION", "build")
    assert own_store() is None
