"""`rootfs:` and `--config` on the command line and from Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

import inspector
from fixtures.roles import right_images
from fixtures.roots import merged, write_root
from inspector.errors import UsageError
from inspector.report.formats import formats
from inspector.testing.tree import tar_of
from tests.cli.program import run
from tests.schemas import validate

WORKER = right_images()["worker-cpu"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of the worker, and its configuration beside."""
    (tmp_path / "config.json").write_bytes(WORKER.config)
    return write_root(merged(WORKER), tmp_path / "root")


def test_without_a_configuration_the_environment_of_the_image_is_missing(root: Path) -> None:
    """Its Python is named by the PATH that only its configuration has; the report says whose PATH was taken."""
    done = run("check", "--torch", "cpu", "--no-cache", f"rootfs:{root}")
    assert done.exit_code == 1, done.output
    assert "no configuration was given: taken are Docker's defaults" in done.output


def test_with_it_the_verdict_is_that_of_the_image(root: Path) -> None:
    config = root.with_name("config.json")
    for reference, stdin in ((f"rootfs:{root}", b""), ("rootfs:-", tar_of(merged(WORKER)))):
        done = run("check", "--torch", "cpu", "--no-cache", "--config", config, reference, stdin=stdin)
        assert done.exit_code == 0, done.output
        assert "no configuration was given" not in done.output


def test_json_is_valid_where_there_is_no_digest(root: Path) -> None:
    config = root.with_name("config.json")
    for words in (("show",), ("check", "--torch", "cpu")):
        document = json.loads(run(*words, "-f", "json", "--config", config, f"rootfs:{root}").stdout)
        validate(document)
    found = inspector.inspect(f"rootfs:{root}", config=config).to_dict()
    assert (found["image_id"], found["layers"][0]["diff_id"], found["layers"][0]["digest"]) == (None, "", None)
    assert list(found["startup"]["argv"]) == [*(WORKER.entrypoint or ()), *(WORKER.cmd or ())]


@pytest.mark.parametrize("command", ["show", "check"])
def test_every_format_can_show_it(command: Literal["show", "check"], root: Path) -> None:
    for form in formats(command):
        done = run(command, *(["--torch", "absent"] if command == "check" else []), "-f", form, f"rootfs:{root}")
        needs_digest = "the digest of its manifest is not known" in done.stderr
        assert needs_digest or (done.exit_code in (0, 1) and done.stdout), done.output


def test_it_is_compared_with_the_image_itself(root: Path, images: Path) -> None:
    config = root.with_name("config.json")
    done = run("diff", "--config", config, images / "worker-cpu.tar", f"rootfs:{root}", "-f", "json")
    assert done.exit_code == 0, done.output
    packages = [each for each in json.loads(done.stdout)["packages"] if each["change"] != "layer"]
    assert packages == []


@pytest.mark.parametrize("words", [("show",), ("check", "--torch", "cpu"), ("diff", "a.tar")])
def test_a_configuration_for_an_image_that_has_one_is_refused(words: tuple[str, ...], images: Path) -> None:
    done = run(*words, "--config", "c.json", images / "worker-cpu.tar")
    assert done.exit_code == 2
    assert "--config c.json is for root file systems (rootfs:PATH)" in done.output


def test_from_python(root: Path) -> None:
    config = root.with_name("config.json")
    assert inspector.inspect(f"rootfs:{root}", config=config).torch.build == "cpu"
    assert inspector.check(f"rootfs:{root}", inspector.Role(name="w", torch="cpu"), config=config).outcome == "pass"
    with pytest.raises(UsageError, match="has its own"):
        inspector.inspect("worker.tar", config=config)


@pytest.mark.parametrize("scheme", ["rootfs", "venv", "sif"])
def test_what_is_no_image_is_never_run(scheme: str) -> None:
    done = run("runtime", f"{scheme}:there")
    assert done.exit_code == 2
    assert "is not an image, and only an engine's images are run" in done.output
