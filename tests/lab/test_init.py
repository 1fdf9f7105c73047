"""`inspector init` on the lab's own images: what it writes passes, and every image is told of."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.cli.program import start

pytestmark = pytest.mark.lab
IMAGES = {
    "ktrdr-backend:prod": "absent",
    "ktrdr-backend:dev": "cpu",
    "ktrdr-worker-cpu:test": "cpu",
    "ktrdr-worker-gpu:test": "cuda",
}


def test_the_lab_s_images_pass_what_is_written_of_them(tmp_path: Path) -> None:
    done = start("init", *IMAGES, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    raw = tomllib.loads((tmp_path / "inspector.toml").read_text())
    there = raw["images"]  # the GPU worker is not kept on every machine
    assert set(there) >= {"ktrdr-backend:prod", "ktrdr-worker-cpu:test"}
    assert sorted(role["torch"] for role in raw["roles"].values()) == sorted(IMAGES[name] for name in there)
    for arguments in ((), there):
        again = start("check", *arguments, cwd=tmp_path)
        assert again.returncode == 0, again.stdout


def test_the_engine_s_newest_images_pass_what_is_written_of_them(tmp_path: Path) -> None:
    done = start("init", "--newest", "6", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    roles = tomllib.loads((tmp_path / "inspector.toml").read_text())["roles"]
    named = [pattern.replace(":*", "") for role in roles.values() for pattern in role["match"]]
    again = start("check", *named, cwd=tmp_path)
    assert again.returncode in (0, 3), again.stdout  # 3: a repository without `latest`
    assert b"FAIL" not in again.stdout
