"""The pre-push hook in a real clone that pushes to a real repository, and the hook for pre-commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.clone import Clone
from tests.deploy.steps import environment, shell, yaml


@pytest.fixture
def clone(project: Path) -> Clone:
    """The fixture project as a clone."""
    return Clone(project)


def test_right_images_let_the_push_through(clone: Clone) -> None:
    said = clone.git("push", "origin", "main").stderr
    assert "inspector: ktrdr-worker-gpu:test (worker-gpu): pass" in said
    assert clone.pushed


def test_a_wrong_image_stops_the_push_with_advice(clone: Clone) -> None:
    clone.git("config", "inspector.policy", "wrong.toml")
    done = clone.attempt("push", "origin", "main")
    assert done.returncode != 0
    assert "inspector: the push is stopped" in done.stderr
    assert "deploy/docker/Dockerfile.worker-gpu: install the CUDA build" in done.stderr
    assert not clone.pushed
    clone.git("push", "--no-verify", "origin", "main")
    assert clone.pushed


def test_images_that_are_not_built_here_stop_nothing(clone: Clone) -> None:
    (clone.folder / "worker-gpu.tar").unlink()
    said = clone.git("push", "origin", "main").stderr
    assert "worker-gpu.tar: not checked: " in said
    assert clone.pushed


@pytest.mark.thorough
def test_a_missing_image_hides_no_wrong_one(clone: Clone) -> None:
    (clone.folder / "worker-gpu.tar").unlink()
    (clone.folder / "worker-cpu.tar").unlink()
    (clone.folder / "worker-cpu.tar").symlink_to((clone.folder / "wrong" / "worker-cpu-with-cuda.tar").resolve())
    assert clone.attempt("push", "origin", "main").returncode != 0
    assert not clone.pushed


@pytest.mark.thorough
def test_bytes_that_can_t_be_read_stop_the_push(clone: Clone) -> None:
    (clone.folder / "worker-gpu.tar").unlink()
    (clone.folder / "worker-gpu.tar").write_bytes(b"no archive")
    assert clone.attempt("push", "origin", "main").returncode != 0


def test_without_inspector_the_push_goes_through(clone: Clone) -> None:
    clone.git("config", "inspector.command", "no-such-inspector --verbose")
    said = clone.git("push", "origin", "main").stderr
    assert said.startswith("inspector: images not checked: there is no command no-such-inspector\n")


def test_without_an_engine_the_push_goes_through(clone: Clone) -> None:
    policy = clone.folder / "inspector.toml"
    policy.write_text('images = ["docker:api:prod"]\n[roles.api]\nmatch = ["api:*"]\ntorch = "absent"\n')
    clone.env |= {"DOCKER_HOST": f"unix://{clone.folder}/nowhere.sock"}
    said = clone.git("push", "origin", "main").stderr
    assert "inspector: docker:api:prod: not checked: " in said
    assert "nowhere.sock" in said
    assert clone.pushed


def test_a_policy_that_is_none_stops_the_push(clone: Clone) -> None:
    clone.git("config", "inspector.policy", "nowhere.toml")
    done = clone.attempt("push", "origin", "main")
    assert done.returncode != 0
    assert "nowhere.toml" in done.stderr


def test_deleting_a_branch_checks_nothing(clone: Clone) -> None:
    clone.git("push", "--no-verify", "origin", "main", "main:other")
    said = clone.git("push", "origin", "--delete", "other").stderr
    assert "inspector:" not in said


def test_a_push_from_a_folder_below_finds_the_policy(clone: Clone) -> None:
    clone.folder = clone.folder / "deploy"
    assert "(worker-gpu): pass" in clone.git("push", "origin", "main").stderr


@pytest.mark.thorough
def test_the_pre_commit_hook_runs_the_check(project: Path) -> None:
    (hook,) = yaml(".pre-commit-hooks.yaml")
    assert (hook["stages"], hook["pass_filenames"], hook["always_run"]) == (["pre-push"], False, True)
    env = environment(project.parent, {})
    assert shell(hook["entry"], project, env).returncode == 0
    assert shell(f"{hook['entry']} wrong.toml", project, env).returncode == 1
