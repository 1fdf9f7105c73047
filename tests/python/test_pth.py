"""The lines of .pth files."""

from __future__ import annotations

import pytest

from fixtures.bases import alpine, debian
from fixtures.pythons import cpython
from inspector.errors import LimitExceeded
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Hook, Interpreter
from inspector.python.pth import import_hook, parse_pth
from inspector.python.site_rules import SiteRules
from inspector.testing.tree import Member
from inspector.unknown import Unknown
from tests.support import config_of, few, rootfs_of

SITE = "usr/local/lib/python3.11/site-packages"
OLD, NEW = SiteRules(), SiteRules(skips_hidden=True, accepts_mark=True)

NSPKG = (
    "import sys, types, os;has_mfs = sys.version_info > (3, 5);p = os.path.join(sys._getframe(1).f_locals['sitedir'], "
    "*('NAME',));importlib = has_mfs and __import__('importlib.util');has_mfs and __import__('importlib.machinery');"
    "m = has_mfs and sys.modules.setdefault('NAME', importlib.util.module_from_spec(importlib.machinery.PathFinder."
    "find_spec('NAME', [os.path.dirname(p)])));m = m or sys.modules.setdefault('NAME', types.ModuleType('NAME'));"
    "mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)"
)
NSPKG_NEW = (
    "import sys, types, os;p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('google', 'cloud'));"
    "importlib = __import__('importlib.util');__import__('importlib.machinery');m = sys.modules.setdefault("
    "'google.cloud', importlib.util.module_from_spec(importlib.machinery.PathFinder.find_spec('google.cloud', "
    "[os.path.dirname(p)])));m = m or sys.modules.setdefault('google.cloud', types.ModuleType('google.cloud'));"
    "mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p);"
    "m and setattr(sys.modules['google'], 'cloud', m)"
)
DISTUTILS = (
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
    "enabled and __import__('_distutils_hack')"
)
COVERAGE = (
    r"""import sys; exec('import os\n\nif os.getenv("COVERAGE_PROCESS_START") or """
    r"""os.getenv("COVERAGE_PROCESS_CONFIG"):"""
    r"""\n try:\n  import coverage\n except:\n  pass\n else:\n  coverage.process_startup(slug="pth")')"""
)


@pytest.mark.parametrize(
    ("line", "effect", "touches"),
    [
        (DISTUTILS, "distutils", "no"),
        (DISTUTILS + ".add_shim(); ", "distutils", "no"),
        (DISTUTILS + "; import evil", "not known", "unknown"),
        ("import _virtualenv", "virtualenv", "no"),
        ("import coverage; coverage.process_startup()", "coverage", "no"),
        (COVERAGE, "coverage", "no"),
        (NSPKG.replace("NAME", "mpl_toolkits"), "namespace package mpl_toolkits", "no"),
        (NSPKG_NEW, "namespace package google.cloud", "no"),
        (NSPKG.replace("NAME", "torch"), "namespace package torch", "unknown"),
        (NSPKG + ";import evil", "not known", "unknown"),
        ("import __editable___app_finder; __editable___app_finder.install()", "__editable___app_finder", "unknown"),
        ("import __editable___a_finder; __editable___b_finder.install()", "not known", "unknown"),
        ("import torch", "not known", "unknown"),
        ("import sys; " + "x" * 100_000, "not known", "unknown"),
    ],
)  # fmt: skip
def test_import_lines(line: str, effect: str, touches: str) -> None:
    hook = import_hook(line, "/x.pth")
    assert effect in hook.effect
    assert hook.touches_torch == touches
    assert len(hook.text) <= 2000


@pytest.mark.parametrize(
    ("text", "rules", "expected"),
    [
        ("#a\n\n \nb\n", OLD, ["b"]),
        (" lead \ntail  ", OLD, [" lead", "tail"]),
        ("a\rb\r\nc", OLD, ["a", "b", "c"]),
        ("a\x0cb", OLD, ["a\x0cb"]),
        ("a\x0cb", NEW, ["a", "b"]),
        ("\ufeffa", OLD, ["\ufeffa"]),
        ("\ufeffa", NEW, ["a"]),
        ("import os\nimport\tos\nimportlib\n import os", OLD, ["<import>", "<import>", "importlib", " import os"]),
    ],
)
def test_lines(text: str, rules: SiteRules, expected: list[str]) -> None:
    items = parse_pth(text, "/x.pth", rules)
    assert ["<import>" if isinstance(item, Hook) else item.path for item in items] == expected


def test_too_many_lines_are_refused() -> None:
    with pytest.raises(LimitExceeded):
        parse_pth("a\n" * 20_000, "/x.pth", OLD)


def test_lines_of_all_files_are_counted_comments_too() -> None:
    tree: dict[str, Member] = {f"usr/local/lib/python3.11/site-packages/{name}.pth": b"#\n" * 80 for name in "abc"}
    answer, _ = find_interpreter(
        rootfs_of({**cpython(), **tree}, budget=few(steps=10_000)), config_of(env={"PATH": "/usr/local/bin"})
    )
    assert isinstance(answer, Unknown)
    assert "lines of .pth files" in answer.unknown


UTF8, LATIN = "# \N{LATIN SMALL LETTER E WITH ACUTE}\n".encode(), b"# \xe9\n"
INSTALLED: dict[str, Member] = {"usr/lib/locale/de_DE.utf8/LC_CTYPE": b"", "usr/lib/locale/fr_FR/LC_CTYPE": b""}


@pytest.mark.parametrize(
    ("content", "env", "runs"),
    [
        (UTF8, {"LANG": "C.UTF-8"}, "yes"),
        (LATIN, {"LANG": "C.UTF-8"}, "no"),
        (UTF8, {"LC_ALL": "en_US.UTF-8"}, "no"),
        (UTF8, {"LC_ALL": "de_DE.UTF-8"}, "yes"),
        (UTF8, {"LC_CTYPE": "en_US.UTF-8", "PYTHONCOERCECLOCALE": "0"}, "no"),
        (LATIN, {"LANG": "fr_FR"}, ""),
        (UTF8, {"LANG": "fr_FR"}, ""),
        (UTF8, {"LC_ALL": "x/y.UTF-8"}, ""),
        (UTF8, {"LC_ALL": "en_US.UTF-8", "LOCPATH": "/opt"}, ""),
        (b"# e\n", {"LC_ALL": "x/y.UTF-8"}, "yes"),
    ],
)
def test_the_locale_decides_what_is_read(content: bytes, env: dict[str, str], runs: str) -> None:
    tree = {**debian(), **cpython(), **INSTALLED, f"{SITE}/x.pth": content}
    answer, _ = find_interpreter(rootfs_of(tree), config_of(env={"PATH": "/usr/local/bin", **env}))
    assert ("" if isinstance(answer, Unknown) else answer.runs) == runs


def test_an_archive_of_locales_may_have_any() -> None:
    tree = {**debian(), **cpython(), "usr/lib/locale/locale-archive": b"", f"{SITE}/x.pth": UTF8}
    for env, known in (({"LC_ALL": "en_US.UTF-8"}, False), ({"LANG": "en_US.UTF-8"}, True), ({"LANG": "de_DE"}, False)):
        answer, _ = find_interpreter(rootfs_of(tree), config_of(env={"PATH": "/usr/local/bin", **env}))
        assert isinstance(answer, Unknown) is not known


def test_musl_takes_every_locale_for_one_of_utf_8() -> None:
    tree = {**alpine(), **cpython(libc="musl"), f"{SITE}/x.pth": UTF8}
    for env, known in (({"LC_ALL": "en_US"}, True), ({"LC_ALL": "C"}, False), ({"LANG": "C"}, True)):
        answer, _ = find_interpreter(rootfs_of(tree), config_of(env={"PATH": "/usr/local/bin", **env}))
        assert isinstance(answer, Unknown) is not known


def test_a_pyvenv_cfg_of_another_encoding_ends_the_start() -> None:
    tree = {**debian(), **cpython(), "usr/local/pyvenv.cfg": b"home = /usr/local/bin\n" + LATIN}
    answer, _ = find_interpreter(rootfs_of(tree), config_of(env={"PATH": "/usr/local/bin"}))
    assert isinstance(answer, Interpreter)
    assert answer.runs == "no"
    assert "is not UTF-8" in answer.reasons[0]
