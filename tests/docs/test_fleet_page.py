"""The page on fleets shows what the program prints of the lab's four images."""

from __future__ import annotations

import re
import tomllib

import pytest

from inspector.policy.tables import policy_of_tables
from inspector.report.formats import View, render
from tests.docs.blocks import ROOT, blocks
from tests.report.fleets import FLEET, documented

PAGE = ROOT / "docs" / "how-to" / "gpu-fleet.md"
COLUMNS = 100


def test_the_page_states_the_fleet_that_it_shows() -> None:
    policy = next(block.text for block in blocks(PAGE) if block.title == "inspector.toml")
    (role,) = policy_of_tables(tomllib.loads(policy), "inspector.toml").roles
    assert role.stated["fleet"] == FLEET


def test_the_matrix_is_what_the_program_prints(pytestconfig: pytest.Config) -> None:
    made = render("fleet", documented(), "table", View(width=COLUMNS))
    text = PAGE.read_text(encoding="utf-8")
    shown = re.compile(r"(\$ inspector fleet matrix ktrdr-[^\n]*\n)(.*?)(?=```)", re.DOTALL)
    if pytestconfig.getoption("update_golden"):
        text = shown.sub(lambda found: found[1] + made, text)
        PAGE.write_text(text, encoding="utf-8")
    found = shown.search(text)
    assert found
    assert found[2] == made
