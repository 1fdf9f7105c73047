"""`inspector show`, `diff`, `schema` and `cache`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from inspector.cli.show import complain_of_failures
from inspector.pipeline import Seen
from inspector.policy.model import ErrorFact
from inspector.report.schema import render_schema
from tests.cli.program import run
from tests.schemas import validate


def test_torch_comes_first(images: Path) -> None:
    done = run("show", images / "worker-cpu.tar")
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines() if line.strip()]
    labels = [line[0] for line in lines]
    assert labels.index("torch") < labels.index("python") < labels.index("Layers,")
    assert next(line for line in lines if line[0] == "torch")[1] == "2.13.0+cpu,"


def test_facts_as_json(images: Path) -> None:
    done = run("show", images / "worker-cpu.tar", images / "backend-prod.tar", "--format", "json")
    document = json.loads(done.stdout)
    validate(document)
    assert [each["torch"]["build"] for each in document["images"]] == ["cpu", "unknown"]
    assert document["images"][0]["torch"]["version"] == "2.13.0+cpu"


def test_what_can_be_read_is_shown_and_the_rest_told(images: Path) -> None:
    done = run("show", images / "none.tar", images / "backend-prod.tar", "--format", "json")
    assert done.exit_code == 3
    shown = json.loads(done.stdout)
    assert len(shown["images"]) == 1
    assert [(each["kind"], Path(each["reference"]).name) for each in shown["errors"]] == [("not-found", "none.tar")]
    assert done.stderr.startswith("inspector: error: ")
    assert "none.tar" in done.stderr


def test_one_error_of_several_images_is_told_once(tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("one.tar", "two.tar")]
    done = run("show", *names)
    assert done.stderr.count("no such file or directory") == 1
    assert f"{names[0]}, {names[1]}: " in done.stderr


def test_markdown_of_what_images_hold(images: Path) -> None:
    done = run("show", images / "worker-cpu.tar", images / "none.tar", "--format", "markdown")
    assert done.stdout.startswith("## inspector: 1 image, 1 not read\n")
    assert "no such file or directory" in done.stdout
    assert run("show", images / "none.tar", "--format", "markdown").stdout.startswith("## inspector: 0 images, 1 not")


def test_a_reference_that_is_none_is_wrong_usage() -> None:
    assert run("show", "").exit_code == 2
    assert run("show").exit_code == 2


def test_all_tags_of_a_registry_are_wrong_usage() -> None:
    result = run("show", "--all-tags", "docker://127.0.0.1:1/team/api")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "inspector audit 127.0.0.1:1/team/api" in result.stderr


def test_an_interpreter_that_is_not_there_leaves_the_question_open(images: Path) -> None:
    done = run("show", "--python", "/nonexistent", images / "backend-prod.tar")
    assert done.exit_code == 3
    assert "backend-prod.tar: --python /nonexistent: no '/nonexistent' in the image" in done.stderr
    assert run("show", images / "wrong/backend-without-python.tar").exit_code == 0


def test_one_cause_is_told_once_with_all_its_images(capsys: pytest.CaptureFixture[str]) -> None:
    told = {
        "a:1": "a:1: nobody answers; write docker://a:1",
        "b:1": "b:1: nobody answers; write docker://b:1",
        "c:1": "cut",
    }
    seen = [Seen(name, error=ErrorFact("unreachable", message)) for name, message in told.items()]
    assert complain_of_failures(seen) == 3
    assert complain_of_failures(seen[:1]) == 3
    assert capsys.readouterr().err.splitlines() == [
        "inspector: error: a:1, b:1: nobody answers; write docker://NAME",
        "inspector: error: c:1: cut",
        "inspector: error: a:1: nobody answers; write docker://a:1",
    ]


def test_an_engine_that_is_down_is_told_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DOCKER_HOST", "CONTAINER_HOST"):
        monkeypatch.setenv(name, f"unix://{tmp_path}/none.sock")
    done = run("show", "docker:a:1", "docker:b:1", "--offline")
    assert done.exit_code == 3
    assert done.stderr.count("\n") == 1
    assert "docker:a:1, docker:b:1: " in done.stderr


def test_a_policy_is_no_image(images: Path) -> None:
    done = run("show", images / "roles.toml")
    assert done.exit_code == 2
    assert "`inspector check` takes policies" in done.stderr


def test_what_changed(images: Path) -> None:
    done = run("diff", images / "backend-prod.tar", images / "worker-cpu.tar")
    assert done.exit_code == 0, done.output
    assert "torch.version" in done.stdout
    assert "→  2.13.0+cpu" in done.stdout
    document = json.loads(
        run("diff", images / "backend-prod.tar", images / "worker-cpu.tar", "--format", "json").stdout
    )
    validate(document)
    assert "torch" in [each["name"] for each in document["packages"]]
    assert not document["equal"]
    assert document["layers_shared"] > 0


def test_an_image_equals_itself(images: Path) -> None:
    done = run("diff", images / "worker-cpu.tar", images / "worker-cpu.tar")
    assert "no difference" in done.stdout


def test_a_difference_needs_two_images(images: Path) -> None:
    done = run("diff", images / "worker-cpu.tar", images / "none.tar")
    assert (done.exit_code, done.stdout) == (3, "")


def test_the_cache_is_told_of_and_emptied(images: Path, tmp_path: Path) -> None:
    place = ["--cache-dir", str(tmp_path / "cache")]
    run("show", images / "backend-prod.tar", *place)
    lines = run("cache", "info", *place).stdout.splitlines()
    held = {label: told for label, _, told in (line.partition(" ") for line in lines)}
    layers = int(held["layers"])
    assert layers > 0
    assert (held["images"].strip(), held["documents"].strip()) == ("1", "0")
    assert str(tmp_path) in held["path"]
    assert run("cache", "prune", *place).stdout == "removed 0 layers, 0 documents, the facts of 0 images, 0 B\n"
    assert run("cache", "clear", *place).stdout.startswith(f"removed {layers} layers, ")
    assert "layers     0\n" in run("cache", "info", *place).stdout


def test_the_schema_is_a_schema() -> None:
    done = run("schema")
    assert (done.exit_code, done.stdout) == (0, render_schema())
    Draft202012Validator.check_schema(json.loads(done.stdout))
