"""What conda's records add to the distributions."""

from __future__ import annotations

import json

from fixtures.pythons import conda_record
from fixtures.wheels import install, pure
from inspector.python.distributions import find_distributions
from inspector.testing.tree import Member
from tests.python.asking import interpreter
from tests.support import rootfs_of

SITE = "opt/conda/lib/python3.11/site-packages"
PYTHON = interpreter(f"/{SITE}", prefix="/opt/conda")


def ask(tree: dict[str, Member]) -> tuple[dict[str, tuple[str, int | None, str | None]], tuple[str, ...]]:
    found, warnings = find_distributions(rootfs_of(tree), PYTHON)
    return {one.key: (one.version, one.facts().size, one.installer) for one in found}, warnings


def test_what_python_does_not_know_of_is_listed_by_conda_s_record() -> None:
    tree = {"opt/conda/lib/libssl.so": b"12345", **conda_record("openssl", "3.0", "h0_0", ("lib/libssl.so", "gone"))}
    assert ask(tree) == ({"openssl": ("3.0", 5, "conda")}, ())


def test_what_python_knows_of_is_listed_once_and_by_its_own_name() -> None:
    files = install(SITE, pure("torch", "2.5.1"), installer="conda")
    listed = tuple(path.removeprefix("opt/conda/") for path in files)
    found, _ = ask({**files, **conda_record("pytorch", "2.5.1", "cuda118_0", listed)})
    assert set(found) == {"torch"}
    assert found["torch"][2] == "conda"


def test_records_that_are_none_are_told() -> None:
    meta = "opt/conda/conda-meta"
    tree: dict[str, Member] = {
        f"{meta}/history": b"",
        f"{meta}/a.json": b"{",
        f"{meta}/b.json": b"[" * 5000,
        f"{meta}/c.json": json.dumps({"name": 3}).encode(),
        f"{meta}/d.json": json.dumps(
            {"name": "d", "version": "1", "files": ["../../etc/passwd", "/etc/passwd"]}
        ).encode(),
        f"{meta}/e.json/x": b"",
        "etc/passwd": b"123",
    }
    found, warnings = ask(tree)
    assert found == {"d": ("1", 3, "conda")}
    assert len(warnings) == 3
