"""`inspector audit`, from arguments to exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from fixtures.roles import right_images
from inspector.cli import audit_sink
from inspector.cli.destinations import Destination
from inspector.pipeline import Progress
from inspector.pipeline.audit import Event
from inspector.policy.audited import Planned
from inspector.testing import gzipped
from inspector.testing.image import Step, sha256
from inspector.testing.registry import Answer, Asked, FakeRegistry
from tests.cli.program import ROOT, clean_environment, run
from tests.report.test_audit import told_of
from tests.schemas import validate

RIGHT = right_images()
WRONG = RIGHT["backend-prod"].with_steps(Step("RUN last", {"srv/last": b"last"}))
LAST = f"sha256:{sha256(gzipped(WRONG.layers[-1]))}"
POLICY = """
[roles.api]
match = ["*/api:*"]
torch = "absent"
[roles.worker]
match = ["*/worker:*"]
torch = "cpu"
"""


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """A registry with two repositories, in one of which an image is wrong."""
    with FakeRegistry() as registry:
        registry.push("team/api", "1.0", RIGHT["backend-prod"])
        registry.push("team/api", "latest", RIGHT["backend-prod"])
        registry.push("team/worker", "1.0", RIGHT["worker-cpu"])
        registry.push("team/worker", "1.1", WRONG)
        yield registry


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy for both."""
    path = tmp_path / "roles.toml"
    path.write_text(POLICY)
    return path


def test_the_table_is_grouped_by_repository(fake: FakeRegistry, policy: Path) -> None:
    done = run("audit", "--catalog", fake.host, "--policy", policy)
    assert done.exit_code == 1
    worker, api = done.stdout.split(f"{fake.host}/team/api  1 image: 1 pass")
    assert "✔ 1 image passes: 1.0, latest" in api
    assert "✘ FAIL" in worker
    assert "1 image: 1.1" in worker
    assert "plan: 2 repositories, 4 tags, 3 images; " in done.stderr
    assert "3 images: 2 passed, 1 failed in " in done.stderr
    assert "\x1b" not in done.output


def test_only_failed(fake: FakeRegistry, policy: Path) -> None:
    done = run("audit", "--catalog", fake.host, "--policy", policy, "--only-failed")
    assert "PASS" not in done.stdout
    assert "✘ FAIL" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["team/api"], 0),
        (["team/worker:1.1"], 1),
        (["team/none"], 3),
        (["team/none", "team/worker"], 1),
        (["team/api", "--max-bytes", "1 B"], 3),
        (["team/worker", "--include", "none"], 3),
        (["team/none", "--plan"], 3),
        (["team/worker", "--plan"], 0),
        (["docker:api"], 2),
        (["team/api", "--semver", "^1"], 2),
        (["team/api", "--max-bytes", "many"], 2),
        (["team/api", "--from", "none.txt"], 2),
        ([], 2),
    ],
)
def test_exit_codes(arguments: list[str], code: int, fake: FakeRegistry, policy: Path) -> None:
    named = [f"{fake.host}/{each}" if each.startswith("team") else each for each in arguments]
    done = run("audit", *named, "--policy", policy, "--no-cache")
    assert done.exit_code == code, done.output


def test_a_line_for_each_image_as_it_comes(fake: FakeRegistry, policy: Path, tmp_path: Path) -> None:
    done = run("audit", "--catalog", fake.host, "--policy", policy, "--format", "jsonl")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for line in lines:
        validate(line)
    assert {(line["image"].partition("/")[2], line["outcome"]) for line in lines} == {
        ("team/api:1.0", "pass"),
        ("team/worker:1.0", "pass"),
        ("team/worker:1.1", "fail"),
    }
    path = tmp_path / "lines"
    assert run("audit", "--catalog", fake.host, "--policy", policy, "--format", "jsonl", "-o", path).stdout == ""
    assert len(path.read_text().splitlines()) == 3


def test_one_run_writes_every_format(fake: FakeRegistry, policy: Path, tmp_path: Path) -> None:
    lines, whole, cases = tmp_path / "r.jsonl", tmp_path / "r.json", tmp_path / "r.xml"
    files = ("-f", f"json={whole}", "-f", f"junit={cases}", "-f", "table", "-o", tmp_path / "r.txt")
    done = run("audit", "--catalog", fake.host, "-p", policy, "-f", f"jsonl={lines}", *files)
    assert (done.exit_code, done.stdout) == (1, "")
    assert len(lines.read_text(encoding="utf-8").splitlines()) == 3
    results = json.loads(whole.read_text(encoding="utf-8"))["results"]
    assert {finding["outcome"] for each in results for finding in each["findings"]} == {"pass", "fail"}
    assert len(ET.parse(cases).getroot()) == 3
    assert "✘ FAIL" in (tmp_path / "r.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--exit-zero"], 0),
        (["--exit-zero", "--fail-on", "warn"], 0),
        (["--ignore", "torch,torch-build"], 0),
        (["--select", "torch"], 1),
        (["--select", "size"], 0),
        (["--select", "tsize"], 2),
        (["--no-policy", "--select", "size"], 2),
    ],
)
def test_what_counts_and_the_exit_code(options: list[str], code: int, fake: FakeRegistry, policy: Path) -> None:
    role: list[str | Path] = [] if "--no-policy" in options else ["--policy", policy]
    done = run("audit", "--catalog", fake.host, *role, *options)
    assert done.exit_code == code, done.output


def test_a_policy_among_repositories_gets_a_hint(fake: FakeRegistry, policy: Path) -> None:
    done = run("audit", policy, f"{fake.host}/team/api")
    assert done.exit_code == 2
    assert "name it by -p FILE" in done.stderr


def test_json_is_one_valid_document(fake: FakeRegistry, policy: Path) -> None:
    whole = json.loads(run("audit", "--catalog", fake.host, "--policy", policy, "--format", "json").stdout)
    validate(whole)
    assert (whole["outcome"], len(whole["results"]), whole["plan"]["images"]) == ("fail", 3, 3)
    plan = json.loads(run("audit", "--catalog", fake.host, "--plan", "--format", "json").stdout)
    validate(plan)
    assert (plan["ended"], plan["results"]) == (None, [])


def test_junit_and_markdown(fake: FakeRegistry, policy: Path) -> None:
    arguments = ["audit", "--catalog", fake.host, "--policy", str(policy), "--no-cache", "--format"]
    suites = ET.fromstring(run(*arguments, "junit").stdout)
    assert (len(suites), suites.get("failures")) == (3, "1")
    left = ET.fromstring(run(*arguments, "junit", "--max-bytes", "1 B").stdout)
    assert left.get("errors") == "1"
    text = run(*arguments, "markdown").stdout
    assert text.count("| Tags | Role |") == 1
    assert "❌ FAIL" in text


def test_the_plan_is_told_and_nothing_fetched(fake: FakeRegistry) -> None:
    done = run("audit", "--catalog", fake.host, "--plan", "--no-policy")
    assert done.exit_code == 0
    assert done.stdout.startswith("plan: 2 repositories, 4 tags, 3 images; ")
    assert "to fetch" in done.stdout


def test_names_from_a_file_and_from_standard_input(fake: FakeRegistry, policy: Path, tmp_path: Path) -> None:
    names = f"# both\n{fake.host}/team/api\n{fake.host}/team/worker:1.0 # one\n"
    path = tmp_path / "names.txt"
    path.write_text(names)
    for done in (
        run("audit", "--from", path, "--policy", policy, "--format", "json"),
        run("audit", "-", "--policy", policy, "--format", "json", stdin=names.encode()),
        run("audit", "--from", "-", "--policy", policy, "--format", "json", stdin=names.encode()),
    ):
        assert done.exit_code == 0, done.output
        assert len(json.loads(done.stdout)["results"]) == 2


def test_the_policy_is_found_upwards_and_missed(
    fake: FakeRegistry, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "a"
    below.mkdir()
    monkeypatch.chdir(below)
    done = run("audit", f"{fake.host}/team/api")
    assert (done.exit_code, "--no-policy" in done.stderr) == (2, True)
    policy.rename(tmp_path / "inspector.toml")
    assert run("audit", f"{fake.host}/team/api").exit_code == 0
    bare = run("audit", f"{fake.host}/team/api", "--no-policy")
    assert bare.exit_code == 0
    assert "PASS" not in bare.stdout
    assert "absent" in bare.stdout


def test_quiet(fake: FakeRegistry, policy: Path) -> None:
    assert run("audit", f"{fake.host}/team/api", "--policy", policy, "-q").stderr == ""


def test_a_reader_that_goes_away_ends_it_quietly(fake: FakeRegistry, policy: Path) -> None:
    words = [sys.executable, "-m", "inspector", "audit", "--catalog", fake.host, "--policy", str(policy)]
    command = subprocess.list2cmdline([*words, "--format", "jsonl", "--no-cache", "-q"])
    done = subprocess.run(
        ["/bin/sh", "-c", f"{command} | true"], cwd=ROOT, capture_output=True, check=False, env=clean_environment()
    )
    assert done.stderr == b""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are otherwise sent there")
@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.thorough)]
)
def test_an_interrupted_audit_goes_on_where_it_stopped(
    sent: signal.Signals, code: int, fake: FakeRegistry, policy: Path, tmp_path: Path
) -> None:
    """One layer never comes; the others are in the cache when the audit is ended."""
    fake.route("GET", f"/v2/.*/blobs/{LAST}", Answer(200, fake.blobs[LAST], pause=0.05))
    names = ["--catalog", fake.host, "--policy", str(policy), "--cache-dir", str(tmp_path / "cache")]
    words = [sys.executable, "-m", "inspector", "audit", *names, "-q", "--format", "jsonl"]
    process = subprocess.Popen(
        words, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(2)]
    begun = time.monotonic()
    process.send_signal(sent)
    _, said = process.communicate(timeout=20)
    assert time.monotonic() - begun < 5
    assert (process.returncode, b"Traceback" in said) == (code, False), said
    assert all(json.loads(line)["outcome"] == "pass" for line in lines)
    fake.asked.clear()
    fake.route("GET", f"/v2/.*/blobs/{LAST}", fake.good)
    assert run("audit", *names).exit_code == 1
    blobs = [one.path.rpartition("/")[2] for one in fake.asked if "/blobs/" in one.path]
    assert [digest for digest in blobs if not fake.blobs[digest].startswith(b"{")] == [LAST]


def wait_until_idle(pid: int) -> None:
    """Wait until every thread of the process waits: what could be judged is judged then, however busy the machine."""
    idle = 0
    while idle < 10 and Path("/proc/self/stat").exists():
        time.sleep(0.05)
        states = [each.read_text().rpartition(") ")[2][0] for each in Path(f"/proc/{pid}/task").glob("*/stat")]
        idle = idle + 1 if set(states) <= {"S"} else 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals are otherwise sent there")
@pytest.mark.parametrize("form", ["table", "json"])
def test_what_was_judged_is_printed_after_an_interruption(form: str, fake: FakeRegistry, policy: Path) -> None:
    fake.route("GET", f"/v2/.*/blobs/{LAST}", Answer(200, fake.blobs[LAST], pause=0.05))
    names = ["--catalog", fake.host, "--policy", str(policy), "--no-cache", "-j", "2", "--format", form]
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", "audit", *names],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until = time.monotonic() + 20
    while time.monotonic() < until and not any(each.path.endswith(LAST) for each in list(fake.asked)):
        time.sleep(0.05)
    wait_until_idle(process.pid)
    process.send_signal(signal.SIGINT)
    told, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert b"Traceback" not in said
    if form == "json":
        shown = json.loads(told)
        assert shown["outcome"] == "unknown"
        assert shown["ended"]["left"]["why"] == "the interruption"
        assert shown["ended"]["requests"] > 0
    assert b"the same command goes on from here" in (told if form == "table" else said)
    assert b"2 passed, 1 image left" in said


def test_of_very_many_images_only_those_that_fail_are_printed_after_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever interrupts waits for it."""
    monkeypatch.setattr(audit_sink, "MAX_AT_ONCE", 1)

    def events() -> Iterator[Event]:
        yield Planned(images=9)
        yield told_of("1")
        yield told_of("2", "fail")
        raise KeyboardInterrupt

    sink = audit_sink.Sink((Destination("table", None),), quiet=False, only_failed=False, plan_only=False)
    with pytest.raises(KeyboardInterrupt):
        sink.take_all(events(), Progress(), time.monotonic())
    told, said = capsys.readouterr()
    assert "✘ FAIL" in told
    assert "pass:" not in told
    assert "7 images" in told
    assert "images that pass are not listed" in said


def test_a_pattern_that_fits_nothing_says_what_would(fake: FakeRegistry, policy: Path) -> None:
    done = run("audit", "--catalog", f"{fake.host}/team", "--policy", policy)
    assert "no repository fits 'team'; did you mean 'team/*' (2 repositories)?" in " ".join(done.stdout.split())
    none = run("audit", f"{fake.host}/team/worker", "--include", "2.*", "--policy", policy)
    assert "none of its 2 tags fits --include '2.*'; it has 1.0, 1.1" in " ".join(none.stdout.split())
    assert (done.exit_code, none.exit_code) == (3, 3)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals there")
def test_a_terminal_sees_how_far_it_is(fake: FakeRegistry) -> None:
    """Tags are asked for a while, and so is a layer; nothing of it is left when the table comes."""
    import pty  # not on Windows

    def late(asked: Asked) -> Answer:
        time.sleep(0.4)
        return fake.good(asked)

    fake.route("HEAD", "/v2/.*", late)
    fake.route("GET", f"/v2/.*/blobs/{LAST}", Answer(200, fake.blobs[LAST], pause=0.01))
    main, terminal = pty.openpty()
    words = [sys.executable, "-m", "inspector", "audit", "--catalog", fake.host, "--no-policy", "--no-cache", "-j", "1"]
    environment = clean_environment({"TERM": "xterm", "COLUMNS": "100"})
    process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(_all_of, main)
        said, _ = process.communicate(timeout=60)
        shown = reading.result(60)
    assert process.returncode == 0
    assert "of 4 opened" in shown
    assert "/s" in shown
    assert "of 3 images" in shown
    assert "Traceback" not in shown
    assert "opened" not in said.decode()


def _all_of(terminal: int) -> str:
    shown = b""
    try:
        while piece := os.read(terminal, 1 << 16):
            shown += piece
    except OSError:  # nobody has the other end open any more
        pass
    finally:
        os.close(terminal)
    return shown.decode(errors="replace")
