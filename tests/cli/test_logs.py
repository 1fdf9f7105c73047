"""`-v`, `-vv`, `--debug` and `--log`: events on standard error and in a file."""

from __future__ import annotations

import logging
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from inspector.cli.command import Command
from inspector.testing import FakeEngine, FakeRegistry, Image, Step
from inspector.testing.registry import Answer, Asked, answer_json
from tests.cli.program import run


def test_what_is_read_is_told(images: Path, tmp_path: Path) -> None:
    arguments: list[str | Path] = ["show", images / "worker-cpu.tar", "--cache-dir", tmp_path]
    first, second = (run(*arguments, "-v").stderr.splitlines() for _ in range(2))
    assert next(line for line in first if line.startswith("INFO: inspector.sources: ")).endswith("worker-cpu.tar")
    assert any(line.startswith("INFO: inspector.layers: sha256:") and " bytes in " in line for line in first)
    assert any(line.endswith(": known by content") for line in second)
    third = run(*arguments, "--python", "python3", "-v").stderr.splitlines()
    assert any(line.endswith(": taken from the cache") for line in third)
    assert not any(line.startswith("DEBUG") for line in first)
    assert run(*arguments).stderr == ""


def test_check_shows_passed_checks_and_events(images: Path) -> None:
    done = run("check", images / "roles.toml", images / "backend-prod.tar", "-v")
    assert done.exit_code == 0
    assert "evidence" in done.stdout
    assert "INFO: inspector.sources: " in done.stderr


def test_why_an_access_method_was_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image(steps=[Step("COPY app", {"app/main.py": b"print(1)"})], tags=["api:1"])
    with FakeEngine(images=[image]) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        done = run("show", "docker:api:1", "-vv", "--no-cache")
    lines = done.stderr.splitlines()
    assert any(line.startswith("INFO: inspector.pipeline: docker:api:1: access method passed over: ") for line in lines)
    assert any(line.startswith("DEBUG: inspector.engine: GET /") and line.endswith(": 200") for line in lines)


def test_no_secret_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, image = tmp_path / "events.log", Image(steps=[Step("COPY app", {"app/main.py": b"print(1)"})])
    with FakeRegistry() as registry:
        registry.push("team/api", "1", image)

        def guarded(asked: Asked) -> Answer:
            if "authorization" not in asked.headers:
                realm = f'Bearer realm="{registry.url}/token",service="s",scope="repository:team/api:pull"'
                return Answer(401, headers={"WWW-Authenticate": realm})
            return registry.good(asked)

        registry.route("GET", "/token.*", lambda _: answer_json({"token": "hidden-token", "expires_in": 300}))
        registry.route("GET", "/v2/team/.*", guarded)
        for name, value in {"USER": "anna", "PASSWORD": "hidden-word", "HOST": registry.host}.items():
            monkeypatch.setenv(f"INSPECTOR_REGISTRY_{name}", value)
        done = run("show", f"docker://{registry.host}/team/api:1", "--debug", "--no-cache", "--log", file)
        assert any("hidden" in asked.headers.get("authorization", "") for asked in registry.asked)
    assert done.exit_code == 0, done.output
    told = done.stderr + file.read_text()
    assert "DEBUG: inspector.registry: GET " in told
    assert "/token: 200" in told, "without its query"
    assert not any(secret in told for secret in ("hidden", "Bearer", "Basic", "scope="))


def test_events_are_appended_to_a_file(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "events.log"
    file.write_text("before\n")
    monkeypatch.setenv("INSPECTOR_LOG", str(file))
    assert run("show", images / "worker-cpu.tar").stderr == ""
    lines = file.read_text().splitlines()
    assert lines[0] == "before"
    assert any(" INFO: inspector.sources: " in line for line in lines)
    assert any(" DEBUG: inspector.layers: " in line for line in lines)
    assert logging.getLogger("inspector").level == logging.NOTSET


def test_a_file_that_cannot_be_written_is_wrong_usage(images: Path, tmp_path: Path) -> None:
    done = run("show", images / "worker-cpu.tar", "--log", tmp_path)
    assert done.exit_code == 2
    assert "--log" in done.stderr


def test_debug_shows_where_an_error_came_from(images: Path) -> None:
    assert "Traceback" not in run("check", images / "none.toml").stderr
    assert "Traceback (most recent call last)" in run("check", images / "none.toml", "--debug").stderr


def test_an_event_is_one_line_of_harmless_text() -> None:
    @click.command("loud", cls=Command, follows_file=False)
    def loud() -> None:
        logging.getLogger("inspector.x").info("%s", "a\x1b[31m\nb")

    assert CliRunner().invoke(loud, ["-v"]).stderr == "INFO: inspector.x: a\\x1b[31m\\nb\n"
