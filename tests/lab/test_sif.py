"""Apptainer images as Apptainer itself builds them, and squashfs files as mksquashfs writes them."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from fixtures.squash import PACKINGS, squashfs
from inspector.facts import ImageFacts, gather
from inspector.layers.indexer import Indexer
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.testing.image import Image
from inspector.testing.tree import File, Hardlink, Link, Tree
from tests.comparable import without_layers

LAB = Path(os.environ.get("LAB", "/tmp/inspector-lab"))
TOOL = Path(__file__).with_name("apptainer")
IMAGES = right_images()
Build = Callable[..., Path]


def run(*words: str | Path) -> str:
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def work() -> Path:
    """The folder that Apptainer sees as /mnt."""
    folder = LAB / "apptainer" / "root" / "mnt"
    if not folder.is_dir():
        pytest.skip("Debian unstable's Apptainer is out of reach")  # it may be, any day; `make lab` says why
    return folder


@pytest.fixture
def build(work: Path, request: pytest.FixtureRequest) -> Build:
    """Builds a SIF file of an archive with Apptainer; both go when the test ends."""

    def make(write: Callable[[Path], object], *options: str) -> Path:
        archive, made = (work / f"i-sif-{os.getpid()}.{ending}" for ending in ("tar", "sif"))
        for path in (archive, made):
            request.addfinalizer(partial(path.unlink, missing_ok=True))
        write(archive)
        run(TOOL, "--quiet", "build", "--force", *options, f"/mnt/{made.name}", f"docker-archive:/mnt/{archive.name}")
        return made

    return make


def facts_of(reference: str) -> ImageFacts:
    (image,) = open_images(parse_reference(reference))
    return gather(image, Indexer(None, verify=False, meter=lambda _: None))


def fixture(image: Image) -> Callable[[Path], object]:
    return lambda path: FORMS["docker-24"](path, [image])


@pytest.mark.parametrize("name", IMAGES)
def test_what_apptainer_builds_of_an_image_has_its_facts(name: str, build: Build, tmp_path: Path) -> None:
    """But for the folder that it starts in, which is the caller's, and what the host brings along."""
    image = IMAGES[name]
    made = build(fixture(image))
    found = without_layers(facts_of(f"sif:{made}"))
    wanted = without_layers(facts_of(FORMS["docker-24"](tmp_path / "a.tar", [image])))
    for facts, folder in ((found, "/"), (wanted, "/app")):
        assert facts["interpreter"]["search_path"].pop(0) == folder
        own = (facts["command"]["interpreter"] or {}).get("search_path", [])
        own[:1] = [each for each in own[:1] if each != folder]
    assert "~/.local" in found.pop("warnings")[0]
    if found["gpu"] is not None:
        assert found["gpu"]["environment"].pop("LD_LIBRARY_PATH") == "/.singularity.d/libs"
    assert found == {key: value for key, value in wanted.items() if key != "warnings"}


@pytest.mark.parametrize("packing", ["gzip", "xz", "zstd", "lz4"])
def test_whatever_mksquashfs_packs_it_with(packing: str, build: Build) -> None:
    pytest.importorskip("lz4", reason="the extra sif is not installed")
    made = build(fixture(IMAGES["worker-gpu"]), "--mksquashfs-args", f"-comp {packing}")
    facts = facts_of(str(made))
    assert (facts.source, facts.torch.version, facts.torch.importable) == ("sif", "2.14.1+cu130", "yes")


def test_a_real_python_finds_what_we_say(build: Build, docker: None, tmp_path: Path) -> None:
    """The image's own script sets the environment, in a root that is unpacked by unsquashfs, as Apptainer runs it."""
    del docker
    made = build(
        lambda path: run("docker", "save", "-o", path, "python:3.11-slim"),
        "--mksquashfs-args",
        "-comp zstd -Xcompression-level 1",
    )
    facts = facts_of(f"sif:{made}")
    root = tmp_path / "root"
    offset = run(TOOL, "sif", "list", f"/mnt/{made.name}").split("Squashfs")[0].rsplit("|", 2)[-2].split("-")[0]
    run("unsquashfs", "-quiet", "-no-progress", "-offset", offset.strip(), "-dest", root, made)
    assert sorted(listed(made)) == sorted(walked(root))
    program = "import os, sys; print([sys.executable, sys.path[1:], os.environ['PATH'], os.environ['LD_LIBRARY_PATH']])"
    script = "/.singularity.d/actions/exec"
    told = run("chroot", root, "/usr/bin/env", "-i", "PATH=/usr/bin:/bin", script, "python3", "-c", program)
    executable, search_path, path, libraries = ast.literal_eval(told)
    assert not hasattr(facts.interpreter, "unknown")
    interpreter: Any = facts.interpreter
    assert executable.startswith(interpreter.path)
    assert interpreter.search_path[1:] == tuple(search_path) or list(interpreter.search_path[1:]) == search_path
    (image,) = open_images(parse_reference(f"sif:{made}"))
    assert (image.config.env["PATH"], image.config.env["LD_LIBRARY_PATH"]) == (path, libraries)


def listed(path: Path) -> list[tuple[str, str, int]]:
    """Every name in an image with its kind and size."""
    (image,) = open_images(parse_reference(f"sif:{path}"))
    entries = image.layers[0].blob.scan("", None, verify=False, meter=lambda _: None).index.entries
    sizes = {entry.path: entry.size for entry in entries}
    return [
        (entry.path, "file" if entry.kind.value == "hardlink" else entry.kind.value, sizes[entry.link or entry.path])
        if entry.kind.value in ("file", "hardlink")
        else (entry.path, entry.kind.value, 0)
        for entry in entries
        if entry.path
    ]


def walked(root: Path) -> list[tuple[str, str, int]]:
    """The same of a directory."""
    found = []
    for folder, directories, files in os.walk(root):
        for path in (Path(folder) / name for name in (*directories, *files)):
            kinds = {"symlink": path.is_symlink(), "directory": path.is_dir(), "char": path.is_char_device()}
            kind = next((kind for kind, is_it in kinds.items() if is_it), "file")
            found.append((str(path.relative_to(root)), kind, path.stat().st_size if kind == "file" else 0))
    return found


TREE: Tree = {
    "a/main.py": b"print(1)\n" * 5000,
    "a/other": Hardlink("a/main.py"),
    "bin": Link("usr/bin"),
    "usr/bin/tool": File(b"#!/bin/sh\n" + b"# long\n" * 3000, 0o755, owner=(7, 8)),
    "zeros": bytes(1 << 20),
    **{f"many/{number:05}": b"%d" % number for number in range(3000)},
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_fixtures_are_squashfs_to_unsquashfs(packing: str, tmp_path: Path) -> None:
    path, root = tmp_path / "a.sqsh", tmp_path / "root"
    path.write_bytes(squashfs(TREE, packing))
    run("unsquashfs", "-quiet", "-no-progress", "-dest", root, path)
    assert sorted(listed(path)) == sorted(walked(root))
    assert (root / "a" / "main.py").read_bytes() == TREE["a/main.py"]


def test_every_block_size_of_mksquashfs(tmp_path: Path) -> None:
    source = tmp_path / "source"
    run("unsquashfs", "-quiet", "-no-progress", "-dest", source, written(tmp_path / "first.sqsh"))
    for size in ("4K", "128K", "1M"):
        for options in ([], ["-no-fragments"], ["-always-use-fragments"], ["-noI", "-noD", "-noF"]):
            made = tmp_path / f"{size}.sqsh"
            run("mksquashfs", source, made, "-b", size, "-noappend", "-quiet", "-no-progress", *options)
            assert sorted(listed(made)) == sorted(walked(source))


def written(path: Path) -> Path:
    path.write_bytes(squashfs(TREE))
    return path
