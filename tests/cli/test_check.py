"""`inspector check`, from arguments to exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.program import run
from tests.schemas import validate

FOUR = ["ktrdr-backend:prod", "ktrdr-backend:dev", "ktrdr-worker-cpu:test", "ktrdr-worker-gpu:test"]


def test_the_right_images_pass(images: Path) -> None:
    done = run("check", images / "roles.toml")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("✔ PASS") == 4
    assert "4 images: 4 passed in " in done.stderr
    assert "\x1b" not in done.output


def test_the_wrong_images_fail(images: Path) -> None:
    done = run("check", images / "wrong.toml")
    assert done.exit_code == 1
    assert "✘ FAIL" in done.stdout


@pytest.mark.parametrize(
    ("name", "code"),
    [("backend-prod.tar", 0), ("wrong/backend-with-torch.tar", 1), ("wrong/backend-cut-short.tar", 3), ("none.tar", 3)],
)
def test_exit_codes(images: Path, name: str, code: int) -> None:
    assert run("check", images / "roles.toml", images / name).exit_code == code


def test_a_failure_outweighs_what_could_not_be_told(images: Path) -> None:
    both = [images / "wrong/backend-cut-short.tar", images / "wrong/backend-with-torch.tar"]
    assert run("check", images / "roles.toml", *both).exit_code == 1


def test_json_is_one_valid_document(images: Path) -> None:
    done = run("check", images / "wrong.toml", "--format", "json")
    document = json.loads(done.stdout)
    validate(document)
    assert document["schema"] == "inspector/1"
    assert document["outcome"] == "fail"
    assert {each["outcome"] for each in document["results"]} >= {"fail", "unknown"}


def test_junit_and_markdown(images: Path) -> None:
    junit = ET.fromstring(run("check", images / "roles.toml", "--format", "junit").stdout)
    assert {suite.get("name") for suite in junit} == set(FOUR)
    assert run("check", images / "roles.toml", "--format", "markdown").stdout.startswith(
        "## inspector: 4 images pass\n\n| Image | Role | From | Torch |"
    )


def test_verbose_shows_what_passes_and_quiet_no_summary(images: Path) -> None:
    archive = images / "backend-prod.tar"
    assert "✔ torch: torch is not installed" in run("check", images / "roles.toml", archive, "-v").stdout
    assert "✔ torch" not in run("check", images / "roles.toml", archive).stdout
    assert run("check", images / "roles.toml", archive, "-q").stderr == ""


def test_the_policy_is_found_upwards(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    shutil.copy(images / "roles.toml", tmp_path / "inspector.toml")
    monkeypatch.chdir(below)
    assert run("check", images / "backend-prod.tar").exit_code == 0
    table = (images / "roles.toml").read_text().replace("[roles.", "[tool.inspector.roles.")
    table = table[table.index("[tool.") :]
    (tmp_path / "a" / "pyproject.toml").write_text(table.replace('"absent"', '"cpu"'))
    assert run("check", images / "backend-prod.tar").exit_code == 1


def test_without_a_policy_it_says_where_one_may_be(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("check", images / "backend-prod.tar")
    assert done.exit_code == 2
    assert done.stderr.startswith("inspector: error: no policy: ")
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["mistyped.toml", "mistyped.json"])
def test_a_policy_that_is_not_there_is_no_image(tmp_path: Path, name: str) -> None:
    done = run("check", tmp_path / name, "x.tar")
    assert done.exit_code == 2
    assert name in done.stderr


def test_the_json_of_the_procedure_is_a_policy(images: Path) -> None:
    policy = Path(__file__).parents[2] / "fixtures" / "roles.json"
    archives = [images / f"{name}.tar" for name in ("backend-prod", "backend-dev", "worker-cpu", "worker-gpu")]
    done = run("check", policy, *archives, "--format", "json")
    results = json.loads(done.stdout)["results"]
    assert [each["image"] for each in results] == FOUR
    assert [each["outcome"] for each in results] == ["pass"] * 4


def test_a_role_may_be_named(images: Path) -> None:
    archive = images / "backend-prod.tar"
    assert run("check", images / "roles.toml", archive, "--role", "worker-cpu").exit_code == 1
    done = run("check", images / "roles.toml", archive, "--role", "apu")
    assert done.exit_code == 2
    assert "apu" in done.stderr


def test_standard_input(images: Path) -> None:
    done = run("check", images / "roles.toml", "-", stdin=(images / "backend-prod.tar").read_bytes())
    assert done.exit_code == 0, done.output


def test_the_report_goes_whole_into_a_file(images: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text("old")
    done = run("check", images / "roles.toml", "--format", "json", "-o", report)
    assert done.stdout == ""
    assert json.loads(report.read_text(encoding="utf-8"))["outcome"] == "pass"
    assert list(tmp_path.iterdir()) == [report]


@pytest.mark.parametrize("output", ["", "missing/report.json"])
def test_a_file_that_cannot_be_written_is_said_before_any_work(images: Path, tmp_path: Path, output: str) -> None:
    done = run("check", images / "roles.toml", "-o", tmp_path / output)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"inspector: error: {tmp_path / output}: ")


def test_the_second_time_layers_come_from_the_cache(images: Path, tmp_path: Path) -> None:
    arguments: list[str | Path] = ["check", images / "roles.toml", images / "backend-prod.tar", "--format", "json"]
    kept = [*arguments, "--cache-dir", tmp_path / "cache"]
    first, second = (json.loads(run(*kept).stdout)["results"][0]["facts"]["evidence"] for _ in range(2))
    assert (first["layers_cached"], second["layers_read"]) == (0, 0)
    fresh = json.loads(run(*kept, "--no-cache").stdout)["results"][0]["facts"]["evidence"]
    assert fresh["layers_cached"] == 0


def test_verify_reads_plain_layers_through(images: Path, tmp_path: Path) -> None:
    arguments: list[str | Path] = ["check", images / "roles.toml", images / "backend-prod.tar", "--format", "json"]
    arguments += ["--cache-dir", tmp_path]
    found = [
        json.loads(run(*arguments, *more).stdout)["results"][0]["facts"]["evidence"] for more in ([], ["--verify"])
    ]
    assert [each["digests_verified"] for each in found] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--platform", "arm64"], "arm64"),
        (["--jobs", "0"], "--jobs"),
        (["--format", "yaml"], "yaml"),
        (["--nonsense"], "--nonsense"),
        (["--rolle", "x"], "'--rolle' (did you mean"),
        (["--python", " "], "an empty command"),
        (["--namespace", " "], "an empty name"),
        (["-", "oci-archive:-"], "standard input (`-`) is named more than once"),
    ],
)
def test_wrong_usage_is_one_sentence_and_two(images: Path, arguments: list[str], sentence: str) -> None:
    done = run("check", images / "roles.toml", *arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("inspector: error: ")
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr


def test_a_platform_that_the_image_lacks_is_refused(images: Path) -> None:
    done = run("check", images / "roles.toml", images / "backend-prod.tar", "--platform", "linux/s390x")
    assert done.exit_code == 3
    assert "linux/s390x" in done.stdout


def test_another_python_may_be_asked_about(images: Path) -> None:
    done = run("check", images / "roles.toml", images / "backend-prod.tar", "--python", "python9", "--format", "json")
    assert done.exit_code == 1
    findings = json.loads(done.stdout)["results"][0]["findings"]
    assert "python9" in next(each["message"] for each in findings if each["check"] == "python")


@pytest.mark.parametrize(
    ("image", "fail_on", "code"),
    [
        ("backend-torch-half-removed", (), 0),
        ("backend-torch-half-removed", ("warn",), 1),
        ("backend-torch-half-removed", ("unknown",), 0),
        ("backend-cut-short", (), 3),
        ("backend-cut-short", ("warn",), 3),
        ("backend-cut-short", ("warn", "unknown"), 1),
    ],
)
def test_what_counts_as_a_failure(image: str, fail_on: tuple[str, ...], code: int, images: Path) -> None:
    options = [word for each in fail_on for word in ("--fail-on", each)]
    done = run("check", images / "roles.toml", "--role", "api", images / f"wrong/{image}.tar", *options)
    assert done.exit_code == code


def test_ignored_images_are_counted_and_one_that_is_named_is_told(images: Path, tmp_path: Path) -> None:
    policy = tmp_path / "roles.toml"
    policy.write_text('ignore = ["ktrdr-worker-cpu:*"]\n[roles.rest]\ndefault = true\n')
    done = run("check", policy, images / "worker-cpu.tar")
    assert done.exit_code == 0
    assert "`ignore` of the policy fits it; checked since it was named" in " ".join(done.output.split())
    policy.write_text(f'images = ["{images / "worker-cpu.tar"}"]\n{policy.read_text()}')
    done = run("check", policy)
    assert done.exit_code == 3
    assert "0 images: nothing checked; 1 image ignored" in done.stderr


@pytest.mark.parametrize(
    ("image", "options", "code"),
    [
        ("backend-with-torch", ["--exit-zero"], 0),
        ("backend-cut-short", ["--exit-zero"], 0),
        ("backend-torch-half-removed", ["--exit-zero", "--fail-on", "warn"], 0),
        ("backend-with-torch", ["--exit-zero", "--role", "apu"], 2),
        ("backend-with-torch", ["--ignore", "torch, forbid"], 0),
        ("backend-with-torch", ["--ignore", "size,forbid", "--ignore", "python"], 1),
        ("backend-with-torch", ["--select", "torch"], 1),
        ("backend-with-torch", ["--select", "size, require"], 0),
        ("backend-with-torch", ["--select", "torch", "--ignore", "torch"], 2),
        ("backend-with-torch", ["--select", "trch"], 2),
        ("backend-with-torch", ["--ignore", "evidence"], 2),
        ("backend-cut-short", ["--select", "size"], 3),
        ("backend-cut-short", ["--ignore", "torch"], 3),
    ],
)
def test_what_counts_and_the_exit_code(image: str, options: list[str], code: int, images: Path) -> None:
    role = [] if "--role" in options else ["--role", "api"]
    done = run("check", images / "roles.toml", *role, images / f"wrong/{image}.tar", *options)
    assert done.exit_code == code, done.output


def test_what_was_left_out_is_told_and_not_shown(images: Path) -> None:
    done = run("check", images / "roles.toml", images / "backend-prod.tar", "-v", "--ignore", "size")
    assert "✔ size" not in done.stdout
    assert done.stderr.rstrip().endswith("; ignoring size")


def test_a_policy_by_its_option(images: Path) -> None:
    for words in (["-p", images / "roles.toml"], [f"--policy={images / 'roles.toml'}"]):
        assert run("check", *words, images / "backend-prod.tar").exit_code == 0
        assert run("check", images / "backend-prod.tar", *words).exit_code == 0
    assert run("check", "-p", images / "roles.toml").exit_code == 0


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["backend-prod.tar", "roles.toml"], "it comes before the images, or behind -p"),
        (["roles.toml", "backend-prod.tar", "wrong.toml"], "roles.toml is the policy already"),
        (["roles.toml", "none.json"], "roles.toml is the policy already"),
        (["-p", "roles.toml", "wrong.toml"], "roles.toml is the policy already"),
    ],
)
def test_a_policy_elsewhere_gets_a_hint(
    words: list[str], hint: str, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(images)
    done = run("check", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert hint in done.stderr
