"""The end by a signal: soon, whatever is read, quietly, with its exit code, and with nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.stop import SCENES, failure_told, interrupted, large_image, slowly
from inspector.testing.registry import Answer, FakeRegistry
from tests.cli.program import ROOT, clean_environment, start
from tests.effort import THOROUGH, some

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are otherwise there")

SOON = 8.0
"""Seconds, on the slowest machine; a second is the target, which `bench.stop` measures."""


SIGNALS = (signal.SIGINT, signal.SIGTERM)
SENT = [
    (name, number) for at, name in enumerate(some(SCENES)) for number in (SIGNALS if THOROUGH else (SIGNALS[at % 2],))
]
"""The handler of both is one: a test for each scene and signal is for CI."""


@pytest.mark.parametrize(("name", "number"), SENT, ids=[f"{name}-{number.name}" for name, number in SENT])
def test_a_signal_ends_what_is_read(name: str, number: signal.Signals) -> None:
    with SCENES[name]() as scene:
        ended = interrupted(scene, number)
    assert (ended.code, ended.errors.strip(), ended.left) == (128 + number, "", [])
    assert ended.seconds < SOON


def test_a_layer_that_is_missing_is_reported_while_others_come_slowly() -> None:
    assert failure_told() < SOON


def test_what_the_system_holds_is_ended_too() -> None:
    """The main thread is in a query of SQLite, during which Python runs no handler."""
    query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    program = (
        "import sqlite3\nfrom inspector.cli import signals\nsignals.obey()\nprint(flush=True)\n"
        f"sqlite3.connect(':memory:').execute('{query}').fetchall()"
    )
    held = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=clean_environment(), cwd=ROOT)
    assert held.stdout is not None
    held.stdout.readline()
    time.sleep(0.2)
    held.send_signal(signal.SIGTERM)
    assert held.wait(SOON) == 143
    held.stdout.close()


def test_a_signal_that_was_ignored_from_the_beginning_stays_so() -> None:
    """As in the background of a shell, or under nohup."""
    program = (
        "import os, signal\nfrom inspector.cli import signals\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "signals.obey()\nos.kill(os.getpid(), signal.SIGHUP)\nos._exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, env=clean_environment()).returncode == 7


def test_a_silent_image_ends_with_its_time_and_holds_no_other(tmp_path: Path) -> None:
    pipe = f"{tmp_path}/silent"
    os.mkfifo(pipe)
    done = start("show", pipe, f"{tmp_path}/missing.tar", "--image-timeout", "1")
    assert done.returncode == 3
    assert b"reading it took more than 1 seconds for 0 bytes; --image-timeout allows more" in done.stderr
    assert b"missing.tar: no such file" in done.stderr


def test_the_environment_sets_the_time_too(tmp_path: Path) -> None:
    pipe = f"{tmp_path}/silent"
    os.mkfifo(pipe)
    done = start("show", pipe, environment={"INSPECTOR_IMAGE_TIMEOUT": "1"})
    assert done.returncode == 3
    assert b"--image-timeout allows more" in done.stderr


def test_a_layer_that_drips_ends_with_its_time_and_holds_no_audit(tmp_path: Path) -> None:
    """One of two images has a layer that would take a minute, at a rate that no registry is given up for."""
    with FakeRegistry() as fake:
        fake.push("team/api", "good", large_image("good", layers=2, size=100))
        fake.push("team/api", "slow", large_image("slow", layers=2))
        large = max(fake.blobs, key=lambda digest: len(fake.blobs[digest]))
        content = fake.blobs[large]

        def drip(_: object) -> Answer:
            return Answer(200, slowly(content, 100, 0.15), length=len(content))

        fake.route("GET", f"/v2/.*/blobs/{large}", drip)
        words = ["audit", f"{fake.host}/team/api", "--no-policy", "--image-timeout", "3", "--format", "json"]
        done = start(*words, "--cache-dir", tmp_path)
    results = {result["image"].rpartition(":")[2]: result for result in json.loads(done.stdout)["results"]}
    assert results["good"]["error"] is None
    assert results["slow"]["error"]["kind"] == "limit-exceeded"
    assert "--image-timeout allows more" in results["slow"]["error"]["message"]
    assert done.returncode == 3


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_signal_during_a_finalizer_is_quiet_and_ends_the_work(number: str) -> None:
    """Where Python ignores what is raised, as it does in the callbacks of its imports."""
    program = (
        "import os, signal, sys\nfrom inspector import work\nfrom inspector.cli import signals\n"
        "class Last:\n    def __del__(self):\n        os.kill(os.getpid(), signal.SIG)\n"
        "signals.obey()\nLast()\nassert signals.exit_code() == 128 + signal.SIG\n"
        "try:\n    work.check()\nexcept work.Stopped:\n    os._exit(signals.exit_code())\n"
    )
    words = [sys.executable, "-c", program.replace("signal.SIG", f"signal.{number}")]
    done = subprocess.run(words, check=False, env=clean_environment(), capture_output=True)
    assert (done.returncode, done.stderr) == (128 + signal.Signals[number], b"")
