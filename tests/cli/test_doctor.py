"""`inspector doctor`: what is found on a machine, what to do, and when that is a failure."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector.cli import probes_of_engines
from inspector.sources.containerd.places import Place
from inspector.testing import FakeEngine, Image, Step
from tests.cli.program import run
from tests.schemas import validate
from tests.sources.containerd.nodes import Node

IMAGE = Image(steps=[Step("COPY app", {"app/main.py": b"print(1)"})], tags=["api:1"])

_OURS = ("INSPECTOR_", "DOCKER_", "CONTAINER", "REGISTRY_", "SSL_CERT")


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without anything: no settings, no logins, and no engine that was named."""
    for name in list(os.environ):
        if name.startswith(_OURS) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(probes_of_engines, "_KINDS", ("docker",))  # a store of Podman's may lie on this machine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    with FakeEngine(images=[IMAGE]) as fake:
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        yield fake


def diagnosed() -> dict[str, list[dict[str, str]]]:
    """The lines by topic; the document fits the schema, and the exit code what it says."""
    done = run("doctor", "--format", "json")
    document = json.loads(done.stdout)
    validate(document)
    assert done.exit_code == (1 if document["outcome"] == "fail" else 0)
    found: dict[str, list[dict[str, str]]] = {}
    for each in document["probes"]:
        found.setdefault(each["topic"], []).append(each)
    return found


def test_all_is_well(engine: FakeEngine, tmp_path: Path) -> None:
    found = diagnosed()
    assert {each["state"] for topic, lines in found.items() for each in lines if topic != "gpu"} == {"ok"}
    assert "docker" in found["docker"][0]["message"]
    assert found["docker"][0]["message"].endswith("named images: 1")
    assert found["docker access"][0]["message"].startswith("files: storage can't be used: ")
    assert str(tmp_path / "cache") in found["cache"][0]["message"]
    assert not (tmp_path / "cache").exists(), "nothing is changed"
    assert {each.method for each in engine.requests} == {"GET"}


def test_an_engine_that_was_named_and_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/engine.sock")
    assert diagnosed()["docker"][0]["state"] == "fail"


@pytest.mark.usefixtures("engine")
def test_a_containerd_that_no_engine_stands_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(tmp_path / "containerd")
    node.put(IMAGE, "api:1", "api:2")
    node.put(IMAGE, "api:1", namespace="team")
    places = [Place(node.write()), Place(tmp_path)]
    monkeypatch.setattr(probes_of_engines, "find_places", lambda: places)
    read, unread = diagnosed()["containerd"]
    assert "images: 2, below" in read["message"]
    assert "namespaces: k8s.io, team" in read["message"]
    assert ("not read: there is no" in unread["message"], unread["state"]) == (True, "ok")


@pytest.mark.usefixtures("engine")
@pytest.mark.skipif(sys.platform != "linux", reason="containerd keeps its files on Linux alone")
def test_a_containerd_that_was_named_and_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINERD_ADDRESS", "/nowhere/containerd.sock")
    (line,) = diagnosed()["containerd"]
    assert (line["state"], "no process there" in line["message"]) == ("fail", True)


def test_a_cache_that_cannot_be_used(engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("INSPECTOR_CACHE_DIR", str(tmp_path / "file" / "cache"))
    (line,) = diagnosed()["cache"]
    assert (line["state"], "--cache-dir" in line["advice"]) == ("fail", True)
    monkeypatch.setenv("INSPECTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("INSPECTOR_CACHE_SIZE", "much")
    (line,) = diagnosed()["cache"]
    assert (line["state"], "INSPECTOR_CACHE_SIZE" in line["message"]) == ("fail", True)
    assert engine.requests


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [("JOBS", "x", "fail"), ("JOBBS", "1", "warn"), ("LIMITS", "entries=x", "fail"), ("JOBS", "2", "ok")],
)
def test_variables(name: str, value: str, state: str, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    monkeypatch.setenv(f"INSPECTOR_{name}", value)
    lines = [each for each in diagnosed()["environment"] if f"INSPECTOR_{name}" in each["message"]]
    assert lines[0]["state"] == state
    assert engine.requests


@pytest.mark.parametrize(
    ("text", "state"),
    [("jobs = 2", "ok"), ("jobs = 0", "fail"), ("jbos = 1", "fail"), ("cache-dir = 'x'", "fail"), ("", "ok")],
)
def test_settings(text: str, state: str, tmp_path: Path, engine: FakeEngine) -> None:
    (tmp_path / "inspector.toml").write_text(f"[settings]\n{text}\n")
    (line,) = diagnosed()["settings"]
    assert line["state"] == state
    assert str(tmp_path / "inspector.toml") in line["message"]
    assert engine.requests


def test_credentials_are_told_without_secrets(tmp_path: Path, engine: FakeEngine) -> None:
    file = tmp_path / "home" / ".docker" / "config.json"
    file.parent.mkdir(parents=True)
    document = {"auths": {"ghcr.io": {"auth": "aGlkZGVuOmhpZGRlbg=="}}, "credHelpers": {"gcr.io": "no-such-helper"}}
    file.write_text(json.dumps(document))
    (line,) = diagnosed()["credentials"]
    assert line["state"] == "warn"
    assert "docker-credential-no-such-helper" in line["advice"]
    assert "ghcr.io" in line["message"]
    assert "aGlkZGVu" not in run("doctor").stdout
    assert engine.requests


def test_what_is_configured_and_wrong(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, tmp_path: Path) -> None:
    for name, value in {"HTTPS_PROXY": "ftp://x", "SSL_CERT_FILE": "/nowhere.pem", "REGISTRY_AUTH_FILE": "/no"}.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "config" / "docker" / "certs.d" / "registry.example.com"
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_text("no certificate")
    found = diagnosed()
    assert found["proxy"][0]["state"] == "fail"
    assert [each["state"] for each in found["certificates"]] == ["fail", "fail", "ok"]
    assert found["credentials"][0]["state"] == "fail"
    assert engine.requests


def test_for_people_each_is_a_line_and_its_advice_below(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    monkeypatch.setenv("INSPECTOR_JOBBS", "1\x1b[31m")
    lines = run("doctor").stdout.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("warn  environment"))
    assert lines[at + 1].strip() == "Correct or unset it"
    assert "\x1b" not in "".join(lines)
    assert engine.requests
