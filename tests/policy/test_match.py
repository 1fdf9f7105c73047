"""Names of images against the patterns of roles."""

from __future__ import annotations

import pytest

from inspector.policy.match import Ambiguous, names_of, roles_for
from inspector.policy.role import Policy, Role


def claimed(names: tuple[str, ...], **matches: str) -> object:
    roles = tuple(Role(name=name, match=tuple(match.split())) for name, match in matches.items())
    found = roles_for(names, Policy(origin="p", roles=roles))
    return found if isinstance(found, Ambiguous) else [(name, role.name) for name, role in found]


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("api:prod", "api:prod", True),
        ("api:prod", "api:*", True),
        ("api:prod", "api", False),
        ("api:latest", "api", True),
        ("api", "api:latest", True),
        ("team/api:1", "*:1", True),
        ("API:prod", "api:prod", False),
        ("docker.io/library/api:prod", "api:prod", True),
        ("localhost/api:prod", "api:prod", True),
        ("docker.io/team/api:prod", "team/api:prod", True),
        ("api:prod", "docker.io/library/api:prod", True),
        ("quay.io/api:prod", "api:prod", False),
        ("localhost:5000/api", "localhost:5000/api:latest", True),
        ("api:prod2", "api:prod", False),
    ],
)
def test_names_are_compared_as_docker_shows_them(name: str, pattern: str, *, fits: bool) -> None:
    assert bool(claimed(names_of([], [name]), api=pattern)) is fits


def test_what_was_typed_is_a_name_too() -> None:
    assert claimed(names_of(["docker-archive:build/api.tar"], []), api="*/api.tar") == [
        ("docker-archive:build/api.tar", "api")
    ]


def test_an_image_with_two_names_is_held_against_both_roles() -> None:
    names = names_of([], ["api:prod", "worker:cpu"])
    assert claimed(names, api="api:*", worker="worker:*") == [("api:prod", "api"), ("worker:cpu", "worker")]


def test_two_names_of_one_role_count_once() -> None:
    assert claimed(names_of([], ["api:prod", "api:1.2"]), api="api:*") == [("api:prod", "api")]


def test_one_name_in_two_roles_is_never_decided() -> None:
    assert claimed(("api:prod",), api="api:*", other="api:?*") == [("api:prod", "api")]
    assert claimed(("api:prod",), api="a*:prod", other="a*d") == Ambiguous("api:prod", ("api", "other"))
    assert claimed(("api",), one="api", other="api:latest") == Ambiguous("api", ("one", "other"))


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("api:prod", "api:pro*"),
        ("api:pr*", "api:*"),
        ("api:*", "*"),
        ("api:*", "a*i:prod"),
        ("api:*", "api*"),
        ("team/*", "*:prod"),
        ("*:prod", "*"),
        ("*:prod", "*:*prod"),
        ("[a]pi:prod", "api:*"),
    ],
)
def test_the_most_exact_pattern_claims_a_name(more: str, less: str) -> None:
    names = {"team/*": "team/api:prod"}.get(more, "api:prod")
    assert claimed((names,), a=less, b=more) == [(names, "b")]
    assert claimed((names,), a=more, b=less) == [(names, "a")]


def typed(tags: list[str], *spellings: str, **matches: str) -> object:
    roles = tuple(Role(name=name, match=(match,)) for name, match in matches.items())
    found = roles_for(tags, Policy(origin="p", roles=roles), spellings)
    return found if isinstance(found, Ambiguous) else [(name, role.name) for name, role in found]


def test_a_path_is_not_claimed_by_what_was_weighed_at_a_tag() -> None:
    path = "build/a.tar"
    assert typed(["api:prod"], path, api="api:*", rest="*") == [("api:prod", "api")]
    assert typed(["db:1"], path, api="api:*", rest="*") == [("db:1", "rest")]
    assert typed(["api:prod"], path, api="api:*", path="*.tar") == [("api:prod", "api"), (path, "path")]


def test_spellings_of_one_name_are_weighed_together() -> None:
    assert typed([], "docker:api:prod", "api:prod", api="api:*", prod="*:prod") == [("api:prod", "api")]
