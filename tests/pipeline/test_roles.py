"""The roles that an image is in: one decision for archives, engines' images and registries."""

from __future__ import annotations

import pytest

from inspector.errors import PolicyError
from inspector.pipeline.audited import Judge
from inspector.pipeline.model import Asked, Options, Target
from inspector.pipeline.roles import MAX_NAMES, claim, claim_each, in_no_role, role_named, targets_of
from inspector.policy.match import names_of
from inspector.policy.role import Policy, Role
from inspector.reference import parse_reference
from inspector.sources.image import Image
from tests.support import config_of

POLICY = Policy(
    origin="p",
    roles=(
        Role(name="api", match=("*/api:*", "api:*")),
        Role(name="prod", match=("*:*prod",)),
        Role(name="worker", match=("worker:*",)),
    ),
)


def image_of(reference: str, *tags: str) -> Image:
    config = config_of()
    return Image(
        reference=reference,
        source="docker-archive",
        image_id=None,
        config=config,
        platform=config.platform,
        layers=(),
        tags=tags,
    )


def roles(targets: list[Target]) -> list[tuple[tuple[str, ...], str]]:
    return [(target.names, target.role.name if target.role else "none") for target in targets]


def test_names_in_one_role_are_one_target_and_a_name_in_two_is_in_none() -> None:
    names = ["r.example/api:1", "r.example/x:prod", "r.example/api:2", "r.example/api:prod", "r.example/x:1"]
    found = claim_each(names, POLICY)
    assert roles(found) == [
        (("r.example/api:1", "r.example/api:2"), "api"),
        (("r.example/x:prod",), "prod"),
        (("r.example/api:prod",), "none"),
    ]
    assert found[-1].finding is not None
    assert "'api' and 'prod' claim r.example/api:prod" in found[-1].finding.message


def test_an_image_goes_by_the_spelling_that_a_role_claims() -> None:
    assert roles(claim((), POLICY, ["a.tar", "worker:1"])) == [(("worker:1",), "worker")]


@pytest.mark.parametrize("name", ["docker.io/library/api:1", "r.example/api:2", "r.example/x:prod", "r.example/y:1"])
def test_a_registry_s_image_is_in_the_role_of_an_archive_s_of_that_name(name: str) -> None:
    """`audit` and `check` decide alike."""
    archive = targets_of(Asked(name=parse_reference("a.tar")), image_of("a.tar", name), POLICY)
    expected = [target.role for target in archive if target.role]
    assert Judge(POLICY, Options()).roles(name) == expected
    assert len(expected) == (0 if name.endswith("y:1") else 1)


def test_a_role_that_is_settled_is_not_claimed() -> None:
    role = POLICY.roles[1]
    found = targets_of(Asked(name=parse_reference("a.tar"), role=role), image_of("a.tar", "api:1"), POLICY)
    assert roles(found) == [(("api:1",), "prod")]


def test_why_an_image_is_in_no_role_names_the_first_names_and_what_is_near() -> None:
    names = names_of([f"wroker:{number}" for number in range(2 * MAX_NAMES)], ())
    target = in_no_role(["x"], names, POLICY, listed=True)
    assert target.finding is not None
    assert f"wroker:{MAX_NAMES - 1}" in target.finding.message
    assert f"wroker:{MAX_NAMES};" not in target.finding.message
    plain = in_no_role(["x"], names, POLICY, listed=False).finding
    assert plain is not None
    assert "wroker:1," not in plain.message


def test_an_unknown_role_offers_the_nearest() -> None:
    with pytest.raises(PolicyError, match="no role 'wroker'"):
        role_named(POLICY, "wroker")
