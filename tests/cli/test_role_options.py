"""`check` without a policy: a role that options state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inspector.cli.role_options import KEYS, NAME, policy_of
from inspector.policy.rules import RULES
from inspector.policy.tables import policy_of_tables
from tests.cli.program import run


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No policy is found from here."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("options", "image", "code"),
    [
        (["--torch", "absent"], "backend-prod", 0),
        (["--torch", "absent"], "worker-cpu", 1),
        (["--torch", "cpu"], "worker-cpu", 0),
        (["--torch", "cpu"], "worker-gpu", 1),
        (["--torch", "cuda"], "worker-gpu", 0),
        (["--torch", "rocm"], "worker-gpu", 1),
        (["--torch", "xpu"], "worker-gpu", 1),
        (["--torch", "any"], "worker-gpu", 0),
        (["--torch", "any"], "backend-prod", 1),
        (["--torch", "cuda", "--cuda", ">=13,<14"], "worker-gpu", 0),
        (["--torch", "cuda", "--cuda", "<13"], "worker-gpu", 1),
        (["--max-size", "1 MB"], "worker-gpu", 0),
        (["--max-size", "50 kB"], "worker-gpu", 1),
        (["--require", "fastapi>=0.100", "--require", "uvicorn"], "backend-prod", 0),
        (["--require", "fastapi>=99"], "backend-prod", 1),
        (["--forbid", "triton", "--forbid", "nvidia-*"], "backend-prod", 0),
        (["--forbid", "triton", "--forbid", "fast*"], "backend-prod", 1),
        (["--torch", "absent"], "wrong/backend-cut-short", 3),
    ],
)
def test_a_verdict_without_a_policy(options: list[str], image: str, code: int, images: Path) -> None:
    done = run("check", *options, images / f"{image}.tar")
    assert done.exit_code == code, done.output


def test_of_standard_input_and_of_every_image_whatever_its_name(images: Path) -> None:
    assert run("check", "--torch", "cpu", "-", stdin=(images / "worker-cpu.tar").read_bytes()).exit_code == 0
    both = [images / "worker-cpu.tar", images / "backend-dev.tar"]
    results = json.loads(run("check", "--torch", "cpu", *both, "-f", "json").stdout)["results"]
    assert [(each["role"], each["outcome"]) for each in results] == [(NAME, "pass")] * 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--torch", "gpu"], "--torch: unknown value 'gpu'; allowed are absent, cpu"),
        (["--torch", "cuda", "--cuda", "12"], "--cuda: '12' is no version range"),
        (["--cuda", ">=12"], "--cuda: contradicts the role's no 'torch'"),
        (["--max-size", "huge"], "--max-size: "),
        (["--require", "a b"], "--require: 'a b' is no requirement"),
        (["--forbid", "["], "--forbid: '[': a '[' without its ']'"),
        (["--require", "x", "--forbid", "x"], "'x'"),
    ],
)
def test_an_error_names_the_option(options: list[str], says: str, images: Path) -> None:
    done = run("check", *options, images / "worker-cpu.tar")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("inspector: error: --")
    assert says in done.stderr
    assert NAME not in done.stderr


@pytest.mark.parametrize(
    "place", [["{policy}", "{image}"], ["-p", "{policy}", "{image}"], ["--role", "api", "{image}"]]
)
def test_not_together_with_another_role(place: list[str], images: Path) -> None:
    words = [word.format(policy=images / "roles.toml", image=images / "backend-prod.tar") for word in place]
    done = run("check", "--torch", "absent", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--torch can't be given together with " in done.stderr


def test_an_image_must_be_named() -> None:
    done = run("check", "--torch", "absent", "--max-size", "1 GB")
    assert done.exit_code == 2
    assert "nothing to check: name an image behind --torch and --max-size" in done.stderr


def test_a_policy_that_lies_near_is_not_read(images: Path, tmp_path: Path) -> None:
    (tmp_path / "inspector.toml").write_text("no policy at all")
    assert run("check", "--torch", "absent", images / "backend-prod.tar").exit_code == 0


@pytest.mark.parametrize(
    "stated", [{"torch": "absent"}, {"torch": "cuda", "cuda": ">=12"}, {"forbid": ["NVIDIA_*"], "max-size": "2 GB"}]
)
def test_options_are_the_keys_of_a_role_and_read_as_these(stated: dict[str, Any]) -> None:
    (role,) = policy_of(stated).roles
    (written,) = policy_of_tables({"roles": {"a": stated}}, "a.toml").roles
    assert role.stated == written.stated


def test_every_key_is_one_of_a_rule() -> None:
    assert set(KEYS) <= {key.name for rule in RULES for setting in rule.settings for key in setting.keys}
    assert all(f"--{key}" in run("check", "--help").stdout for key in KEYS)
