"""The readers against binutils, on the shared objects of this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from array import array
from pathlib import Path

import pytest

from inspector.elf import FilePart, Skeleton, Symbols, gnu_hash, read_skeleton, read_symbols
from tests.elf.reading import forward, real_files

pytestmark = pytest.mark.skipif(not shutil.which("readelf") or not shutil.which("nm"), reason="needs binutils")

_TAG = re.compile(r"\((\w+)\)\s+(?:.*?\[(.*)\]|(.*))$")
_NEED = re.compile(r"Version: \d+\s+File: (\S+)\s+Cnt:|Name: (\S+)\s+Flags: (.*?)\s+Version: ")
_FILES = real_files(60)


def told(*command: str | Path) -> list[str]:
    run = subprocess.run(command, capture_output=True, check=True, env={"LC_ALL": "C"})
    return run.stdout.decode("utf-8", "surrogateescape").splitlines()


def read(path: Path) -> tuple[Skeleton, Symbols]:
    with path.open("rb") as file:
        part = FilePart(file, 0, path.stat().st_size)
        skeleton = read_skeleton(part)
        assert isinstance(skeleton, Skeleton)
        return skeleton, read_symbols(part)


@pytest.mark.parametrize("path", _FILES, ids=str)
def test_dynamic_section_and_versions_are_those_of_readelf(path: Path) -> None:
    skeleton, _ = read(path)
    assert skeleton.partial == ""
    tags = [match.groups() for line in told("readelf", "-dW", path) if (match := _TAG.search(line))]
    texts = {tag: text for tag, text, _ in tags if text is not None}
    assert list(skeleton.needed) == [text for tag, text, _ in tags if tag == "NEEDED"]
    assert (skeleton.soname, skeleton.rpath, skeleton.runpath) == (
        texts.get("SONAME"),
        texts.get("RPATH"),
        texts.get("RUNPATH"),
    )
    flags = " ".join(rest or "" for tag, _, rest in tags if tag in ("FLAGS", "FLAGS_1")).split()
    now = "BIND_NOW" in flags or "NOW" in flags or any(tag == "BIND_NOW" for tag, _, _ in tags)
    assert skeleton.bind_now is now
    needs: list[tuple[str, list[tuple[str, bool]]]] = []
    for match in _NEED.finditer("\n".join(told("readelf", "-VW", path)).partition("Version needs section")[2]):
        if match[1]:
            needs.append((match[1], []))
        else:
            needs[-1][1].append((match[2], "WEAK" in match[3]))
    assert [(need.file, list(need.versions)) for need in skeleton.needs] == needs


@pytest.mark.parametrize("path", _FILES, ids=str)
def test_segments_are_those_of_readelf(path: Path) -> None:
    skeleton, _ = read(path)
    rows = [line.split() for line in told("readelf", "-lW", path)]
    loads = [int(row[1], 16) + int(row[4], 16) for row in rows if row[:1] == ["LOAD"]]
    assert skeleton.loaded == max(loads)
    stacks = ["E" in "".join(row[6:-1]) for row in rows if row[:1] == ["GNU_STACK"]]
    assert skeleton.executable_stack is (stacks[0] if stacks else None)
    assert skeleton.tls == sum(int(row[5], 16) for row in rows if row[:1] == ["TLS"])


@pytest.mark.parametrize("path", _FILES, ids=str)
def test_symbols_are_those_of_nm(path: Path) -> None:
    _, symbols = read(path)
    assert symbols.partial == ""
    listed = [line.split()[-2:] for line in told("nm", "-D", "--with-symbol-versions", path)]
    relocated = {row[4].partition("@")[0] for line in told("readelf", "-rW", path) if len(row := line.split()) > 4}
    strong = {name.partition("@")[0] for kind, name in listed if kind == "U"}
    names = symbols.names.decode().split("\0") if symbols.names else []
    assert set(names) == strong & relocated
    assert len(names) == len(symbols.versions)
    own = {name for kind, name in listed if kind not in "Uwv" and kind != "A"}
    hashes = {gnu_hash(name.partition("@")[0].encode()) for name in own}
    exported = set(array("I", symbols.exported))
    assert hashes <= exported
    absolute = {gnu_hash(name.partition("@")[0].encode()) for kind, name in listed if kind == "A"}
    assert exported <= hashes | absolute
    versions = dict(name.split("@", 1) for kind, name in listed if kind == "U" and "@" in name)
    for name, place in zip(names, symbols.versions, strict=True):
        assert (symbols.needs[place][1] if place >= 0 else "") == versions.get(name, "").lstrip("@")
    own_versions = {name.partition("@")[0]: set[str]() for name in own}
    for name in own:
        own_versions[name.partition("@")[0]].add(name.partition("@")[2].lstrip("@"))
    told_versions = dict(symbols.defined or ())
    for name, stated in own_versions.items():
        value = gnu_hash(name.encode())
        found = {one for one, packed in told_versions.items() if not packed or value in array("I", packed)}
        assert stated - {""} <= found or symbols.defined is None
    assert set(symbols.modules) == {name[7:] for name in own if name.startswith("PyInit_")}


@pytest.mark.parametrize("path", _FILES[::2], ids=str)
def test_both_readers_tell_the_same(path: Path) -> None:
    passed = forward(path.read_bytes(), 100_000)
    assert (passed.skeleton, passed.symbols) == read(path)
