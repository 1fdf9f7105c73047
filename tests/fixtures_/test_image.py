"""Config, diff_ids and history of a described image; and that they are always the same."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from fixtures.forms import FORMS, ONE_IMAGE
from fixtures.roles import right_images
from inspector.testing.image import Image, Step
from inspector.testing.tree import Dir, File, Hardlink, Link

IMAGE = Image(
    steps=[
        Step("ADD rootfs.tar /", {"bin": Dir(), "bin/sh": File(b"sh", 0o755), "bin/ash": Link("sh")}),
        Step("ENV A=1"),
        Step("RUN touch x", {"x": b"", "y": Hardlink("x")}),
    ],
    tags=["one:1", "one:latest"],
    env=["A=1"],
    cmd=["sh"],
)


def test_config_matches_layers() -> None:
    config = json.loads(IMAGE.config)
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in IMAGE.layers]
    assert [step.get("empty_layer", False) for step in config["history"]] == [False, True, False]
    assert config["config"]["Cmd"] == ["sh"]
    assert config["config"]["Entrypoint"] is None
    assert IMAGE.image_id == f"sha256:{hashlib.sha256(IMAGE.config).hexdigest()}"


def test_layers_are_tars_of_the_trees() -> None:
    with tarfile.open(fileobj=io.BytesIO(IMAGE.layers[0])) as tar:
        assert [(member.name, member.type, member.mode) for member in tar] == [
            ("bin", tarfile.DIRTYPE, 0o755),
            ("bin/sh", tarfile.REGTYPE, 0o755),
            ("bin/ash", tarfile.SYMTYPE, 0o777),
        ]


def test_an_image_can_be_built_on_another() -> None:
    more = IMAGE.with_steps(Step("COPY z /", {"z": b"z"}), tags=["two:1"])
    assert more.layers[:2] == IMAGE.layers
    assert len(more.layers) == 3
    assert more.tags == ["two:1"]


def test_the_same_bytes_everywhere() -> None:
    """On every system and every Python: goldens depend on it."""
    assert IMAGE.image_id == "sha256:ec395e16b15d2403baccf6407655e65b2349379ea4ebdf23554ebc7156e05b56"
    assert (
        right_images()["worker-gpu"].image_id
        == "sha256:d776c04d41ab73a2cacc8bcf629d16aa54a7608357f67e2e69dec2cea2627273"
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_written_the_same_twice(form: str, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b")]
    references = [FORMS[form](path, [IMAGE]) for path in paths]
    assert content(paths[0]) == content(paths[1])
    assert [reference.partition(":")[2] for reference in references] == [str(path) for path in paths]


@pytest.mark.thorough
def test_another_hash_seed_changes_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from fixtures.forms import FORMS; from fixtures.roles import right_images\n"
        "for name, write in FORMS.items(): write(pathlib.Path(sys.argv[1], name), [right_images()['worker-gpu']])"
    )
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        subprocess.run([sys.executable, "-c", script, str(folder)], check=True, env=environment, timeout=60)
    assert content(tmp_path / "1") == content(tmp_path / "2")


@pytest.mark.parametrize("form", sorted(ONE_IMAGE))
def test_forms_of_one_image_refuse_two(form: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too many values"):
        FORMS[form](tmp_path / "image", [IMAGE, IMAGE])


def content(path: Path) -> dict[str, bytes] | bytes:
    if path.is_file():
        return path.read_bytes()
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
