"""Versions of torch as releases, and as equals but for their local part."""

from __future__ import annotations

import pytest

from inspector.torchbuild.releases import is_valid, release_of, same_public


@pytest.mark.parametrize(
    ("version", "release"),
    [("2.14.1+cu130", (2, 14)), ("1.13.0a0", (1, 13)), ("v2.0", (2, 0)), ("Unknown", None), ("", None), (None, None)],
)
def test_releases(version: str | None, release: tuple[int, int] | None) -> None:
    assert release_of(version) == release


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2.14.1+cu130", "2.14.1", True),
        ("1.13.0a0", "1.13.0a0+gitunknown", True),
        ("2.5.1", "2.5.1.post303", False),
        ("2.5.1", "2.1.0", False),
        ("2.6.0a0+x.nv25.01", "2.6.0", False),
        ("Unknown", "2.0.0", None),
    ],
)
def test_one_release_or_two(one: str, other: str, *, same: bool | None) -> None:
    assert same_public(one, other) is same


def test_valid_versions() -> None:
    assert is_valid("2.6.0a0+ecf3bae40a.nv25.01")
    assert not is_valid("2.6.0-broken-")
