"""The rules that an interpreter's own site.py tells: compared with the text of the interpreters at hand."""

from __future__ import annotations

import site
import sys
from pathlib import Path

import pytest

from inspector.errors import Unsupported
from inspector.python.prefix import Prefixes
from inspector.python.site_rules import SiteRules, site_folders, site_rules
from inspector.python.version import Minor
from tests.support import rootfs_of

REAL = b"def getsitepackages(prefixes=None):\n"
PREFIXES = Prefixes(executable="/usr/bin/python3", base="/usr", exec_base="/usr", libdir="lib")


def rules(text: bytes, version: tuple[int, int] = (3, 11), **files: bytes) -> SiteRules:
    minor = Minor("cpython", *version)
    tree = {f"usr/lib/{minor.folder}/site.py": text, "usr/lib/x": b""}
    return site_rules(rootfs_of({**tree, **files}), PREFIXES, minor)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (REAL, SiteRules()),
        (REAL + b'"dist-packages"\n', SiteRules(layout="debian")),
        (REAL + b"'RPM_BUILD_ROOT'\n", SiteRules(layout="fedora")),
        (REAL + b'if not name.startswith("."):\n', SiteRules(skips_hidden=True)),
        (REAL + b'decode("utf-8-sig")\n', SiteRules(accepts_mark=True)),
        (REAL + b'name.endswith(".start")\n', SiteRules(start_files=True)),
        (REAL + b"ENABLE_USER_SITE = False\n", SiteRules(user_site=False)),
        (REAL + b"ENABLE_USER_SITE = None\n", SiteRules()),
    ],
)
def test_text_decides(text: bytes, expected: SiteRules) -> None:
    assert rules(text) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 12), SiteRules()),
        ((3, 13), SiteRules(skips_hidden=True, accepts_mark=True)),
        ((3, 15), SiteRules(skips_hidden=True, accepts_mark=True, start_files=True)),
    ],
)
def test_version_decides_where_the_text_tells_nothing(version: tuple[int, int], expected: SiteRules) -> None:
    assert rules(b"# nothing\n", version) == expected
    assert rules(b"#" * (1 << 20), version) == expected


def test_rules_of_the_interpreter_that_runs_this() -> None:
    minor = Minor("cpython", *sys.version_info[:2])
    told = rules(Path(site.__file__).read_bytes(), minor.at_least)
    assert told.accepts_mark is (minor.at_least >= (3, 13))
    assert told.start_files is (minor.at_least >= (3, 15))
    assert told.user_site is None


def test_folders_of_debian() -> None:
    debian, minor = SiteRules(layout="debian"), Minor("cpython", 3, 11)
    shared = [
        "/usr/local/lib/python3.11/dist-packages",
        "/usr/lib/python3/dist-packages",
        "/usr/lib/python3.11/dist-packages",
    ]
    assert site_folders(debian, "/usr", "lib", minor, venv=False) == shared
    assert site_folders(debian, "/usr", "lib", minor, venv=True) == ["/usr/lib/python3.11/site-packages", *shared]


@pytest.mark.parametrize(
    "text", [b"# coding: utf-7\n" + REAL, b"# coding: ascii\n#\xe9\n" + REAL, REAL + b"\0", REAL + b"#" * 70_000]
)
def test_a_text_that_can_t_be_read_counts_where_python_runs_it(text: bytes) -> None:
    """From 3.11 on site.py is compiled into the program, and the file tells nothing."""
    assert rules(text) == SiteRules()
    with pytest.raises(Unsupported, match="runs at its start"):
        rules(text, (3, 10))


def test_site_is_compiled_into_the_interpreter_in_use() -> None:
    assert getattr(site.__spec__, "origin", "") == "frozen"
