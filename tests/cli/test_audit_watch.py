"""`inspector audit --watch` and `--cluster`, from arguments to exit code."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.roles import right_images
from inspector.cli.audit_watch import read_token
from inspector.errors import UsageError
from inspector.testing.registry import Answer, Asked, FakeRegistry
from tests.cli.program import ROOT, clean_environment, run
from tests.schemas import validate
from tests.watch.test_listener import TYPE
from tests.watch.test_watching import event

TOKEN = "Geheim-4711-Geheim"
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals for other processes")


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry


@contextmanager
def watching(fake: FakeRegistry, folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The program and the address that it listens at."""
    command = [
        sys.executable,
        "-m",
        "inspector",
        "audit",
        f"{fake.host}/team/api",
        "--watch=127.0.0.1:0",
        "--no-policy",
    ]
    process = subprocess.Popen(
        [*command, "--cache-dir", str(folder / "cache"), *words],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        found = re.search(rb"http://([0-9.:]+)/events", process.stderr.readline())
        assert found is not None
        yield process, found[1].decode()
    finally:
        process.kill()
        process.communicate()


def notify(address: str, digest: str) -> int:
    connection = http.client.HTTPConnection(address, timeout=10)
    body = json.dumps({"events": [event(digest)]})
    connection.request("POST", "/events", body, {"Content-Type": TYPE, "Authorization": f"Bearer {TOKEN}"})
    status = connection.getresponse().status
    connection.close()
    return status


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_lines_until_it_is_told_to_end(number: int, fake: FakeRegistry, tmp_path: Path) -> None:
    digest = fake.push("team/api", "1", right_images()["worker-gpu"])
    with watching(fake, tmp_path) as (process, address):
        assert notify(address, digest) == 202
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert line["torch"]["build"] == "cuda"
        validate(line, "Noticed")
        process.send_signal(number)
        rest, said = process.communicate(timeout=20)
    assert (process.returncode, rest, said) == (0, b"", b"")


@needs_signals
def test_told_to_end_it_finishes_what_it_is_at(fake: FakeRegistry, tmp_path: Path) -> None:
    digest = fake.push("team/api", "1", right_images()["backend-prod"])

    def late(asked: Asked) -> Answer:
        time.sleep(0.3)
        return fake.good(asked)

    with watching(fake, tmp_path) as (process, address):
        fake.route("GET", ".*/blobs/.*", late)
        notify(address, digest)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(out)["error"] is None


@needs_signals
def test_told_twice_it_ends_at_once_and_says_what_it_left(fake: FakeRegistry, tmp_path: Path) -> None:
    digest = fake.push("team/api", "1", right_images()["backend-prod"])
    with watching(fake, tmp_path) as (process, address):
        for layer in (digest for digest, content in fake.blobs.items() if not content.startswith(b"{")):
            slow = Answer(200, (b"\0" for _ in range(10_000)), length=len(fake.blobs[layer]), pause=0.05)
            fake.route("GET", f".*/blobs/{layer}", slow)
        notify(address, digest)
        time.sleep(0.5)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate(timeout=20)
    assert time.monotonic() - begun < 7
    assert (process.returncode, out) == (0, b"")
    assert b"1 image that was notified of is not checked" in said


def test_a_token_in_a_file(fake: FakeRegistry, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with watching(fake, tmp_path, "--watch-token-file", str(tmp_path / "token")) as (_, address):
        connection = http.client.HTTPConnection(address, timeout=10)
        connection.request("POST", "/events", b"{}", {"Content-Type": TYPE})
        assert connection.getresponse().status == 401
        connection.close()
        assert notify(address, f"sha256:{'4' * 64}") == 202


def test_where_tokens_come_from(tmp_path: Path) -> None:
    assert read_token(None, {}) is None
    assert read_token(None, {"INSPECTOR_WATCH_TOKEN": TOKEN}) == TOKEN
    with pytest.raises(UsageError, match="INSPECTOR_WATCH_TOKEN: no token"):
        read_token(None, {"INSPECTOR_WATCH_TOKEN": "short"})
    for content in ("", "short", "with a space in it somewhere", "ü" * 20):
        (tmp_path / "token").write_text(content, encoding="utf-8")
        with pytest.raises(UsageError, match="no token") as caught:
            read_token(tmp_path / "token", {})
        assert not content or content not in str(caught.value)
    with pytest.raises(UsageError, match="can't be read"):
        read_token(tmp_path / "nowhere", {})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--watch=0.0.0.0:0"], "give a token with --watch-token-file"),
        (["--watch=nonsense:x"], "not HOST:PORT to listen on"),
        (["--watch", "--plan"], "--plan and --watch exclude each other"),
        (["--watch", "--format", "junit"], "--format junit and --watch exclude each other"),
        (["--watch", "--max-bytes", "1 GB"], "--max-bytes and --watch"),
        (["--watch", "--max-requests", "1"], "--max-requests and --watch"),
        (["--watch", "--cluster", "tls://a:1"], "--cluster and --watch"),
        (["--watch=127.0.0.1:0", "--newest", "3"], "--newest is about a list of tags"),
        (["--cluster", "http://a"], "not the address of a Dask scheduler"),
    ],
)
def test_what_makes_no_sense(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    done = run("audit", "registry.example.com/team/api", "--no-policy", *words)
    assert done.exit_code == 2
    assert told in " ".join((done.stderr + capsys.readouterr().err).split())


def test_nothing_to_watch() -> None:
    done = run("audit", "--watch=127.0.0.1:0", "--no-policy")
    assert done.exit_code == 2
    assert "nothing to watch" in done.stderr
