"""What an engine has, where it lacks what was asked for."""

from __future__ import annotations

import pytest

from inspector.sources.engine.nearby import nearest, told

TAGS = ["ktrdr-backend:prod", "ktrdr-backend:dev", "ghcr.io/team/api:1", "postgres:16"]


@pytest.mark.parametrize(
    ("name", "near", "others"),
    [
        ("ktrdr-backend:prd", ["ktrdr-backend:prod"], ["ktrdr-backend:dev"]),
        ("ktrdr-backend", [], ["ktrdr-backend:prod", "ktrdr-backend:dev"]),
        ("docker.io/library/ktrdr-backend:latest", [], ["ktrdr-backend:prod", "ktrdr-backend:dev"]),
        ("ktrdr-bakend:dev", ["ktrdr-backend:dev"], ["ktrdr-backend:prod"]),
        ("ghcr.io/team/ap:1", ["ghcr.io/team/api:1"], []),
        ("unlike:1", [], []),
        (f"sha256:{'ab' * 32}", [], []),
        ("", [], []),
    ],
)
def test_what_is_called_nearly_so(name: str, near: list[str], others: list[str]) -> None:
    assert nearest(name, TAGS) == (near, others)


def test_the_clause_names_what_was_meant_and_what_there_is() -> None:
    assert told("docker has", ["a:1"], []) == "did you mean a:1?"
    assert told("docker has", ["a:1"], ["a:2"]) == "did you mean a:1? docker has a:1, a:2"
    assert told("podman has", [], [f"a:{number}" for number in range(9)]) == "podman has a:0, a:1, a:2, a:3 and 5 more"
