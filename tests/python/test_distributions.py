"""Installed distributions: made ones, odd ones against importlib.metadata, and this interpreter's own."""

from __future__ import annotations

import importlib.metadata as truth
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures.wheels import Wheel, install, pure
from inspector.errors import LimitExceeded
from inspector.python.distributions import find_distributions
from inspector.python.installed import Installed
from inspector.python.metadata import Headers, canonical, is_name, parse_headers
from inspector.python.model import Distribution, Interpreter
from inspector.testing.tree import Dir, Hardlink, Link, Member
from inspector.unknown import Unknown
from inspector.work import Budget
from tests.python.asking import SITE, interpreter
from tests.python.host import HostRootfs
from tests.support import few, rootfs_of

ROOT = SITE.strip("/")


def ask(
    *layers: dict[str, Member], python: Interpreter | Unknown | None = None, budget: Budget | None = None
) -> tuple[dict[str, Installed], tuple[str, ...]]:
    found, warnings = find_distributions(rootfs_of(*layers, budget=budget), python or interpreter())
    assert [one.key for one in found] == sorted(one.key for one in found)
    return {one.key: one for one in found}, warnings


def metadata(name: str, version: str, more: str = "") -> bytes:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}\nText\n".encode()


def test_a_distribution_with_all_that_is_told_of_it() -> None:
    wheel = Wheel(
        name="My.Package",
        version="1.0",
        files={"my/a.py": b"12345", "../../../bin/my": b"#!"},
        requires=("six>=1",),
    )
    base: dict[str, Member] = {f"{ROOT}/six.py": b""}
    found, warnings = ask(base, wheel.installed(ROOT))
    one = found["my-package"]
    files = [content for content in wheel.installed(ROOT).values() if isinstance(content, bytes)]
    assert one.facts() == Distribution(
        name="My.Package",
        version="1.0",
        path=f"{SITE}/My_Package-1.0.dist-info",
        size=sum(len(content) for content in files),
        installer="pip",
        layer=1,
        requires=("six>=1",),
    )
    assert (one.requires, one.editable, warnings) == (("six>=1",), False, ())


def test_the_first_on_the_path_wins_and_a_directory_is_looked_at_once() -> None:
    tree = {**install("a", pure("x", "1")), **install("b", pure("X", "2"), pure("y", "1")), "c": Link("a")}
    found, warnings = ask(tree, python=interpreter("/a", "/b", "/c", "/a", "/none"))
    assert {key: one.version for key, one in found.items()} == {"x": "1", "y": "1"}
    assert warnings == ()
    found, _ = ask(tree, python=interpreter("/b", "/a"))
    assert found["x"].version == "2"


def test_two_of_a_name_in_one_directory_are_told() -> None:
    tree: dict[str, Member] = {f"{ROOT}/x-{n}.dist-info/METADATA": metadata("x", str(n)) for n in (1, 2)}
    found, (warning,) = ask(tree)
    assert [rival.version for rival in found["x"].rivals] == ["2"]
    assert "2 versions of x" in warning


def test_one_version_told_twice_is_no_ambiguity() -> None:
    tree: dict[str, Member] = {f"{ROOT}/x-1-py3.egg-info": metadata("x", "1"), **pure("x", "1").installed(ROOT)}
    found, warnings = ask(tree)
    assert (len(found["x"].rivals), warnings) == (1, ())
    assert found["x"].owned is not None


def test_without_a_list_of_files_the_size_is_not_known() -> None:
    tree: dict[str, Member] = {f"{ROOT}/x-1.dist-info/METADATA": metadata("x", "1")}
    found, _ = ask(tree)
    assert found["x"].facts().size is None


def test_egg_info_directories_files_and_eggs() -> None:
    tree: dict[str, Member] = {
        f"{ROOT}/a-1-py3.11.egg-info/PKG-INFO": metadata("a", "1"),
        f"{ROOT}/a-1-py3.11.egg-info/installed-files.txt": b"../a/x.py\n../../../../bin/a\nPKG-INFO\n",
        f"{ROOT}/a-1-py3.11.egg-info/requires.txt": b"six\n",
        f"{ROOT}/a/x.py": b"123",
        "usr/local/bin/a": b"4567",
        f"{ROOT}/b-1.egg-info": metadata("b", "1", "Requires-Dist: six\n"),
        f"{ROOT}/c.egg/EGG-INFO/PKG-INFO": metadata("c", "1"),
        f"{ROOT}/d.egg/EGG-INFO/PKG-INFO": metadata("d", "1"),
        f"{ROOT}/z.egg": b"PK\3\4",
    }
    found, warnings = ask(tree, python=interpreter(SITE, f"{SITE}/c.egg", f"{SITE}/z.egg"))
    assert set(found) == {"a", "b", "c"}
    assert found["a"].facts().size == 3 + 4 + len(metadata("a", "1"))
    assert (found["a"].requires, found["b"].requires) == (("six",), ("six",))
    assert "archive" in warnings[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a-1.dist-info", b"Version: 1\n"),
        ("a-1.dist-info", b""),
        ("a-1.dist-info", metadata("a b", "1")),
        ("~-a-1.dist-info", metadata("a", "1")),
        ("~a-1.dist-info", metadata("a", "1")),
    ],
)
def test_what_pip_passes_over_is_told(name: str, content: bytes) -> None:
    found, warnings = ask({f"{ROOT}/{name}/METADATA": content})
    assert found == {}
    assert "pip" in warnings[0]


def test_the_standard_library_s_own_parts_are_not_listed() -> None:
    assert ask({f"{ROOT}/argparse-1.dist-info/METADATA": metadata("argparse", "1")}) == ({}, ())


def test_metadata_too_large_to_be_kept_is_told_by_its_name() -> None:
    found, _ = ask({f"{ROOT}/big_one-3.1.dist-info/METADATA": metadata("big-one", "3.1") + bytes(2 << 20)})
    assert found["big-one"].version == "3.1"


def test_a_list_too_large_to_be_kept_gives_no_size() -> None:
    tree: dict[str, Member] = {
        f"{ROOT}/x-1.dist-info/METADATA": metadata("x", "1"),
        f"{ROOT}/x-1.dist-info/RECORD": bytes(17 << 20),
    }
    found, (warning,) = ask(tree)
    assert found["x"].owned is None
    assert "not kept" in warning


def test_metadata_through_a_link() -> None:
    tree: dict[str, Member] = {
        "store/x-1.dist-info/METADATA": metadata("x", "1"),
        "store/x-1.dist-info/RECORD": b"x.py,,\n",
        f"{ROOT}/x.py": b"12",
        f"{ROOT}/x-1.dist-info": Link("/store/x-1.dist-info"),
        f"{ROOT}/y-1.dist-info": Link("/nowhere"),
        f"{ROOT}/z-1.dist-info": Dir(),
    }
    found, _ = ask(tree)
    assert (found["x"].path, found["x"].facts().size) == (f"{SITE}/x-1.dist-info", 2)
    assert set(found) == {"x"}


def test_shared_content_counts_once() -> None:
    tree = pure("x", "1").installed(ROOT)
    size = ask(tree)[0]["x"].facts().size
    again: dict[str, Member] = {f"{ROOT}/x/y.py": Hardlink(f"{ROOT}/x/__init__.py")}
    record = tree[f"{ROOT}/x-1.dist-info/RECORD"]
    assert isinstance(record, bytes)
    more = record + b"x/y.py,,\n"
    found, _ = ask({**tree, **again, f"{ROOT}/x-1.dist-info/RECORD": more})
    assert found["x"].facts().size == (size or 0) + len(b"x/y.py,,\n")


def test_editable_by_direct_url() -> None:
    direct = json.dumps({"url": "file:///src", "dir_info": {"editable": True}}).encode()
    tree: dict[str, Member] = {
        f"{ROOT}/x-1.dist-info/METADATA": metadata("x", "1"),
        f"{ROOT}/x-1.dist-info/direct_url.json": direct,
        f"{ROOT}/y-1.dist-info/METADATA": metadata("y", "1"),
        f"{ROOT}/y-1.dist-info/direct_url.json": b"[" * 1000,
    }
    found, _ = ask(tree)
    assert (found["x"].editable, found["y"].editable) == (True, False)


def test_installers() -> None:
    tree: dict[str, Member] = {}
    for number, content in enumerate((b"uv", b"pip\n", b"\n", b"\xff" * 500)):
        tree[f"{ROOT}/x{number}-1.dist-info/METADATA"] = metadata(f"x{number}", "1")
        tree[f"{ROOT}/x{number}-1.dist-info/INSTALLER"] = content
    found, _ = ask(tree)
    assert [one.installer for one in found.values()][:3] == ["uv", "pip", None]
    assert len(found["x3"].installer or "") == 100


def test_nothing_is_installed_for_what_is_not_known() -> None:
    tree = pure("x", "1").installed(ROOT)
    assert ask(tree, python=Unknown("a script stands before it")) == ({}, ())


def test_hostile_counts_are_bounded() -> None:
    tree: dict[str, Member] = {f"{ROOT}/x{n}-1.dist-info/METADATA": metadata(f"x{n}", "1") for n in range(9)}
    with pytest.raises(LimitExceeded, match="installed distributions"):  # a shorter list would let the forbidden pass
        ask(tree, budget=few(entries=500))


def test_many_names_of_one_list_of_files_are_bounded() -> None:
    """A RECORD costs its image nothing to have a thousand hard links."""
    tree: dict[str, Member] = {f"{ROOT}/x{n}-1.dist-info/METADATA": metadata(f"x{n}", "1") for n in range(9)}
    tree |= {f"{ROOT}/f{n}": b"" for n in range(10)}
    tree |= {f"{ROOT}/x{n}-1.dist-info/RECORD": b"".join(b"f%d,,\n" % file for file in range(10)) for n in range(9)}
    with pytest.raises(LimitExceeded, match="files that lists of files name"):
        ask(tree, budget=few(entries=950))


@pytest.mark.parametrize(
    "rows",
    [
        b"".join(b"d%d/f,,\n" % number for number in range(20_000)),
        b"a,,\n" * 500_000,
        b"".join(b"a/" * 80 + b"d%d/f,,\n" % number for number in range(10_000)),
        b"../" * 3000 + b"x,,\n",
        b'"' + b"x" * 1_000_000,
        b'"a,b",,\n' * 10_000,
        b"\xff\0,,\n" * 1000,
    ],
)
def test_hostile_lists_are_read_quickly(rows: bytes) -> None:
    tree: dict[str, Member] = {f"{ROOT}/x-1.dist-info/METADATA": metadata("x", "1")}
    begun = time.process_time()
    found, _ = ask(tree | {f"{ROOT}/x-1.dist-info/RECORD": rows})
    assert time.process_time() - begun < 3
    assert found["x"].facts().size in (None, 0)


def test_a_legacy_development_install_is_found_where_its_path_line_leads() -> None:
    tree: dict[str, Member] = {
        f"{ROOT}/x.egg-link": b"/src\n.",
        "src/x.egg-info/PKG-INFO": metadata("x", "1"),
        "src/x.egg-info/SOURCES.txt": b"setup.py\n",
    }
    found, _ = ask(tree, python=interpreter(SITE, "/src"))
    assert (found["x"].path, found["x"].owned) == ("/src/x.egg-info", None)


_TELL = """
import importlib.metadata as metadata, json
print(json.dumps([(d.metadata["Name"], d.metadata["Version"]) for d in metadata.distributions(path=[{path!r}])]))
"""
_ODD = {
    "a-1.0.dist-info/METADATA": metadata("a", "1.0"),
    "b-1.0.dist-info/NOTHING": b"",
    "c-1.0.dist-info/METADATA": b"Version: 1.0\n",
    "d-1.0.dist-info/METADATA": b"Name: d\n",
    "e-1.0.dist-info/METADATA": b"",
    "f.dist-info/METADATA": metadata("f", "3"),
    "g-1.0.egg-info/PKG-INFO": metadata("g", "1.0"),
    "h-1.0-py3.11.egg-info": metadata("h", "1.0"),
    "i-1.0-py3.11.egg/EGG-INFO/PKG-INFO": metadata("i", "1.0"),
    "k-1.0.dist-info/METADATA": metadata("other", "2.0"),
    "l-1.0.dist-info/METADATA": metadata("l", "not a version"),
    "M_n.o-1.0.dist-info/METADATA": metadata("M_n.o", "1.0"),
    "p-1.0.DIST-INFO/METADATA": metadata("p", "1.0"),
    "r-1.0.dist-info/METADATA/x": b"",
    "s-1.0.egg-info/METADATA": metadata("s", "1.0"),
    "t-1.0.dist-info/PKG-INFO": metadata("t", "1.0"),
    "u-1.0.dist-info": b"",
    "v-1.0.dist-info/METADATA": b"Name : v\nVersion: 1\n",
    "w-1.0.dist-info/METADATA": b"\n" + metadata("w", "1.0"),
    "x-1.0.dist-info/METADATA": b"garbage\n" + metadata("x", "1.0"),
    "z-1.0.dist-info/METADATA": metadata("z", "1.0").replace(b"\n", b"\r\n"),
}


@pytest.mark.skipif(os.name != "posix", reason="names as Linux has them")
def test_odd_metadata_as_importlib_metadata_reads_it(tmp_path: Path) -> None:
    for path, content in _ODD.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    found, _ = find_distributions(HostRootfs(), interpreter(str(tmp_path.resolve())))
    told = subprocess.run([sys.executable, "-c", _TELL.format(path=str(tmp_path))], capture_output=True, check=True)
    expected = {(name, version or "") for name, version in json.loads(told.stdout) if name and is_name(name)}
    assert {(one.name, one.version) for one in found} == expected


@pytest.mark.skipif(os.name != "posix", reason="reads the machine's own files")
def test_this_interpreter_s_distributions_and_their_sizes() -> None:
    entries = [os.path.realpath(entry) for entry in sys.path]
    found = {one.key: one for one in find_distributions(HostRootfs(), interpreter(*entries, prefix=""))[0]}
    first: dict[str, truth.Distribution] = {}
    for distribution in truth.distributions(path=entries):
        name = distribution.metadata["Name"]
        if name and is_name(name):
            first.setdefault(canonical(name), distribution)
    assert {key: one.version for key, one in found.items()} == {key: one.version for key, one in first.items()}
    for key in ("pytest", "hypothesis", "msgspec"):
        sizes = {}
        for file in first[key].files or ():
            path = Path(str(file.locate()))
            for each in (path, *path.parent.glob(f"__pycache__/{path.stem}.*.pyc")):
                if each.is_file():
                    sizes[each.stat().st_ino] = each.stat().st_size
        assert found[key].facts().size == sum(sizes.values())


def test_metadata_that_can_t_be_read_is_noted() -> None:
    """Its distribution goes by the name of the directory, which an image may choose: any may be behind it."""
    tree: dict[str, Member] = {
        f"{ROOT}/a-1.dist-info/METADATA": metadata("nvidia-cublas", "1") + b"\n" + bytes(1 << 20),
        f"{ROOT}/b-1.dist-info/METADATA": b"X: y\n" * 110_000 + metadata("nvidia-cufft", "1"),
        f"{ROOT}/c-1.egg-info": metadata("nvidia-curand", "1") + b"\n" + bytes(1 << 20),
        f"{ROOT}/d-1.dist-info/METADATA": metadata("d", "1"),
        "usr/local/conda-meta/e-1-0.json": b"[",
        "usr/local/conda-meta/f-1-0.json": b'{"name":"f","version":"1","files":["a"' + b',"a"' * 1_000_001 + b"]}",
        "opt/x.egg": b"PK",
    }
    unread: list[str] = []
    found, warnings = find_distributions(rootfs_of(tree), interpreter(SITE, "/opt/x.egg"), unread=unread)
    assert {one.key: one.cut for one in found} == {"a": True, "b": True, "c": True, "d": False}
    assert sorted(unread) == [
        "/opt/x.egg",
        "/usr/local/conda-meta/e-1-0.json",
        "/usr/local/conda-meta/f-1-0.json",
        *(f"{SITE}/{name}" for name in ("a-1.dist-info", "b-1.dist-info", "c-1.egg-info")),
    ]
    assert sum("listed by its name alone" in warning for warning in warnings) == 3


def test_one_metadata_of_many_names_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def parse(head: bytes) -> Headers:
        asked.append(len(head))
        return parse_headers(head)

    monkeypatch.setattr("inspector.python.dist_info.parse_headers", parse)
    first = f"{ROOT}/x0-1.dist-info/METADATA"
    tree: dict[str, Member] = {"first": b"", first: metadata("x", "1")}
    tree |= {f"{ROOT}/x{at}-1.dist-info/METADATA": Hardlink(first) for at in range(1, 200)}
    found, _ = ask(tree)
    assert (list(found), len(found["x"].rivals), len(asked)) == (["x"], 199, 1)


def test_all_metadata_together_is_bounded() -> None:
    tree: dict[str, Member] = {
        f"{ROOT}/x{at}-1.dist-info/METADATA": metadata(f"x{at}", "1", f"Summary: {9000 * '#'}\n") for at in range(50)
    }
    with pytest.raises(LimitExceeded, match="headers of metadata"):
        ask(tree, budget=few(steps=9000))


def test_warnings_are_few_and_short() -> None:
    tree: dict[str, Member] = {f"{ROOT}/~{at}{'x' * 150}.dist-info/METADATA": b"" for at in range(300)}
    _, warnings = ask(tree)
    assert len(warnings) == 50


def test_a_list_with_rows_that_can_t_be_read_gives_no_size() -> None:
    tree: dict[str, Member] = {
        f"{ROOT}/x-1.dist-info/METADATA": metadata("x", "1"),
        f"{ROOT}/x-1.dist-info/RECORD": b'x.py,,3\n"' + b"y" * 140_000 + b'",,\nz.py,,3\n',
        f"{ROOT}/x.py": b"a=1",
    }
    found, warnings = ask(tree)
    assert found["x"].owned is None
    assert any("rows that can't be read (1)" in warning for warning in warnings)
