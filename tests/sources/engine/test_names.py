"""Globs and repositories over an engine's own names."""

from __future__ import annotations

import pytest

from inspector.engine.model import ListedImage
from inspector.errors import LimitExceeded, NotFound
from inspector.sources import names
from inspector.sources.names import all_tags, is_pattern, matching

ID = f"sha256:{'a' * 64}"
LISTED = [
    ListedImage(ID, tags, ())
    for tags in (
        ("api:1", "api:latest", "registry.local:5000/team/api:1"),
        ("worker-cpu:test",),
        ("localhost/built:1",),
        ("docker.io/library/python:3.11-slim",),
        (),
    )
]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("api*", ["api:1", "api:latest"]),
        ("api:*", ["api:1", "api:latest"]),
        ("*:1", ["api:1", "localhost/built:1", "registry.local:5000/team/api:1"]),
        ("*/team/*", ["registry.local:5000/team/api:1"]),
        ("pyth?n", ["docker.io/library/python:3.11-slim"]),
        ("buil[dt]:1", ["localhost/built:1"]),
        ("worker-*", ["worker-cpu:test"]),
    ],
)
def test_a_glob_fits_names_as_engines_spell_and_shorten_them(pattern: str, found: list[str]) -> None:
    assert is_pattern(pattern)
    assert matching(pattern, LISTED, "docker") == found


@pytest.mark.parametrize(
    ("repository", "found"),
    [
        ("api", ["api:1", "api:latest"]),
        ("docker.io/library/api", ["api:1", "api:latest"]),
        ("registry.local:5000/team/api", ["registry.local:5000/team/api:1"]),
        ("built", ["localhost/built:1"]),
        ("python", ["docker.io/library/python:3.11-slim"]),
        ("work*", ["worker-cpu:test"]),
    ],
)
def test_all_tags_of_a_repository(repository: str, found: list[str]) -> None:
    assert all_tags(repository, LISTED, "docker") == found


def test_nothing_found_is_said_with_the_engine_and_the_name() -> None:
    with pytest.raises(NotFound, match=r"^docker: no image matches 'web\*'$"):
        matching("web*", LISTED, "docker")
    with pytest.raises(NotFound, match="'ap'"):
        all_tags("ap", LISTED, "docker")


def test_a_glob_over_too_many_images_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MAX_MATCHES", 2)
    with pytest.raises(LimitExceeded, match="3 images match"):
        matching("*:1", LISTED, "docker")
