"""Limits of waste: what is certain counts, what may be needed doesn't, and what wasn't looked for is unknown."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.errors import PolicyError
from inspector.facts import Size
from inspector.facts.waste import CATEGORIES, Place, Waste, Wasted
from inspector.policy.needs import needs_sizes, whole_facts_needed
from inspector.policy.role import Role
from inspector.policy.rules.waste import parse_bound
from inspector.policy.tables import policy_of_tables
from inspector.unknown import Unknown
from tests.policy.cases import finding, image, role


def item(category: str, size: int, removed_by: int | None = None) -> Wasted:
    """Waste of the second layer."""
    told = CATEGORIES[category]
    return Wasted(
        category=category,
        certain=told.certain,
        bytes=size,
        files=1,
        layer=1,
        created_by=None,
        removed_by=removed_by,
        places=(Place("/wheels", size),),
        change=told.change,
    )


FOUND = Waste(
    certain=190_000_000, possible=500_000_000, items=(item("deleted", 190_000_000, 2), item("bytecode", 500_000_000))
)


def stated(**table: str) -> Role:
    """A role that a policy file states."""
    keys = {key.replace("_", "-"): value for key, value in table.items()}
    return policy_of_tables({"roles": {"api": keys}}, "policy").roles[0]


def outcome(found: Any, **table: str) -> str:
    facts = image(waste=found, size=Size(1_000_000_000, None))
    return finding(facts, stated(**table), "waste").outcome


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"max_waste": "200 MB"}, "pass"),
        ({"max_waste": "180 MB"}, "fail"),
        ({"warn_waste": "100 MB", "max_waste": "200 MB"}, "warn"),
        ({"max_waste": "19 %"}, "pass"),
        ({"max_waste": "18.9%"}, "fail"),
        ({"warn_waste": "5 %"}, "warn"),
    ],
)
def test_what_is_certain_is_compared_with_the_limit(table: dict[str, str], expected: str) -> None:
    assert outcome(FOUND, **table) == expected


def test_a_failure_names_what_where_and_what_to_change() -> None:
    facts = image(waste=FOUND, size=Size(1_000_000_000, None))
    told = finding(facts, role(**stated(max_waste="1 MB").stated), "waste")
    assert told.message == ("190 MB of waste, more than 1 MB: 190 MB deleted by a later layer (layer 2, by layer 3)")
    assert told.advice.startswith("deploy/docker/Dockerfile.backend: delete it in the step that brings it")
    assert (told.evidence.path, told.evidence.layer, told.evidence.bytes) == ("/wheels", 1, 190_000_000)
    assert told.evidence.created_by == facts.layers[1].created_by


def test_a_share_of_a_small_image_counts_from_ten_megabytes_on() -> None:
    assert parse_bound("1 %").of(200_000_000) == 10_000_000


@pytest.mark.parametrize("found", [None, Unknown("only single files were looked at")])
def test_what_was_not_looked_for_is_unknown(found: Unknown | None) -> None:
    assert outcome(found, max_waste="1 GB") == "unknown"


def test_only_a_role_that_states_a_limit_asks_for_it() -> None:
    assert needs_sizes(stated(warn_waste="1 MB"))
    assert whole_facts_needed(stated(warn_waste="1 MB"))
    assert not needs_sizes(stated(max_size="1 GB"))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"max-waste": "lots"}, "'lots' is not a size"),
        ({"max-waste": "120 %"}, "'120 %' is not a size"),
        ({"warn-waste": "2 MB", "max-waste": "1 MB"}, "larger than 'max-waste'"),
        ({"warn-waste": "20 %", "max-waste": "10 %"}, "larger than 'max-waste'"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(table: dict[str, str], told: str) -> None:
    with pytest.raises(PolicyError, match=told):
        policy_of_tables({"roles": {"api": table}}, "policy")
