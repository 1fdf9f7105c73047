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
    """Some of them are other tests', which may remove them meanwhile: then it is asked again."""
    wrong = b""
    for attempt in ("first", "second", "third"):
        (tmp_path / attempt).mkdir()
        wrong = _what_is_wrong_of_the_newest(tmp_path / attempt)
        if not wrong:
            return
    pytest.fail(wrong.decode())


def _what_is_wrong_of_the_newest(folder: Path) -> bytes:
    done = start("init", "--newest", "6", cwd=folder)
    if done.returncode:
        return done.stderr
    roles = tomllib.loads((folder / "inspector.toml").read_text())["roles"]
    named = [pattern.replace(":*", "") for role in roles.values() for pattern in role["match"]]
    again = start("check", *named, cwd=folder)
    passed = again.returncode in (0, 3) and b"FAIL" not in again.stdout  # 3: a repository without `latest`
    return b"" if passed else again.stdout + again.stderr
