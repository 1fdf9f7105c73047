"""What a real engine says of its images: the outside truth that ours is compared with."""

from __future__ import annotations

import json
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}
_REPLACED = {".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"}
_MADE = {"dev", "dev/pts", "dev/shm", "etc", "proc", "sys"}

PROBE = """
import json, os, platform, subprocess, sys
said = {"search_path": list(sys.path), "executable": sys.executable, "resolved": os.path.realpath(sys.executable),
        "version": platform.python_version(), "torch": None}
pip = [sys.base_prefix + "/bin/python3", "-m", "pip", "--python", sys.executable, "list", "--format", "json"]
said["distributions"] = json.loads(subprocess.run(pip, check=True, capture_output=True).stdout)
try:
    import torch
except ModuleNotFoundError as error:
    said["error"] = str(error)
else:
    said["torch"] = {"version": torch.__version__, "cuda": torch.version.cuda, "hip": torch.version.hip,
                     "path": os.path.dirname(torch.__file__)}
print(json.dumps(said))
"""


class Listed(NamedTuple):
    """One file as a listing shows it; `target` of links only, `size` in bytes of regular files only."""

    kind: str
    mode: int
    size: int
    target: str


def docker(*words: str) -> str:
    """What a docker command prints. Raises `CalledProcessError`."""
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


def answers() -> bool:
    """Whether an engine is there."""
    return subprocess.run(["docker", "info"], check=False, capture_output=True).returncode == 0


def has_image(name: str) -> bool:
    """Whether the engine has the image."""
    return subprocess.run(["docker", "image", "inspect", name], check=False, capture_output=True).returncode == 0


def skopeo_copy(source: str, target: str) -> None:
    """Copy an image from one form to another."""
    words = ["skopeo", "copy", "--quiet", "--insecure-policy", source, target]
    subprocess.run(words, check=True, capture_output=True)


@cache
def run(image: str) -> dict[str, Any]:
    """What the image's own `python` says when it runs: see `PROBE`."""
    said: dict[str, Any] = json.loads(docker("run", "--rm", "--network", "none", image, "python", "-c", PROBE))
    return said


@cache
def inspect(image: str) -> dict[str, Any]:
    """The engine's document on the image."""
    document: dict[str, Any] = json.loads(docker("image", "inspect", image))[0]
    return document


def steps(image: str) -> list[tuple[int, str]]:
    """Bytes and build step of each layer that holds any bytes, from the base up."""
    form = "{{.Size}}\t{{json .CreatedBy}}"
    lines = docker("history", "--no-trunc", "--human=false", "--format", form, image).splitlines()
    rows = [line.split("\t", 1) for line in reversed(lines)]
    return [(int(size), json.loads(step)) for size, step in rows if size != "0"]


def load(archive: Path) -> str | None:
    """None if the engine takes the archive in, else what it says against it."""
    done = subprocess.run(["docker", "load", "--input", str(archive)], check=False, capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr.strip() or "refused"


def exported(image: str) -> dict[str, Listed]:
    """What a container of the image would see, by path; without what the engine itself puts there."""
    container = docker("create", image, "nothing").strip()
    try:
        with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
            assert export.stdout is not None
            with tarfile.open(fileobj=export.stdout, mode="r|", encoding="utf-8", errors="surrogateescape") as tar:
                return _listing(tar)
    finally:
        docker("rm", "--volumes", container)


def comparable(listing: dict[str, Listed], other: dict[str, Listed]) -> dict[str, Listed]:
    """`listing` without the files that the engine replaces, and without the directories that only it has made."""
    return {
        path: listed
        for path, listed in listing.items()
        if path not in _REPLACED and (path not in _MADE or path in other)
    }


def _listing(tar: tarfile.TarFile) -> dict[str, Listed]:
    found: dict[str, Listed] = {}
    for member in tar:
        path = member.name.strip("/").removeprefix("./")
        if member.type == tarfile.LNKTYPE:
            found[path] = found[member.linkname.strip("/")]
        elif path not in ("", "."):
            kind = _KINDS[member.type]
            target = member.linkname if kind == "symlink" else ""
            found[path] = Listed(kind, member.mode & 0o7777, member.size if kind == "file" else 0, target)
    return found
