"""Extension modules that can't load: a warning, or a failure where the role says so."""

from __future__ import annotations

import pytest

from inspector.policy.judge import judge
from inspector.policy.model import Outcome
from inspector.torchbuild.model import BrokenExtension
from tests.policy.cases import CPU, finding, findings, glanced, image, role

BROKEN = BrokenExtension(
    distribution="flash_attn 2.7.4", path="/s/f.so", reason="ImportError: /s/f.so: undefined", layer=1
)


@pytest.mark.parametrize(
    ("stated", "broken", "outcome"),
    [
        ({}, (BROKEN,), "warn"),
        ({"extensions": "warn"}, (BROKEN,), "warn"),
        ({"extensions": "must-load"}, (BROKEN,), "fail"),
        ({"extensions": "must-load"}, (), "pass"),
    ],
)
def test_what_can_t_load(stated: dict[str, str], broken: tuple[BrokenExtension, ...], outcome: Outcome) -> None:
    found = finding(image(CPU, extensions=broken), role(torch="cpu", **stated), "extensions")
    assert found.outcome == outcome
    if broken:
        assert "flash_attn 2.7.4: ImportError: /s/f.so: undefined" in found.message
        assert (found.evidence.path, found.evidence.layer) == ("/s/f.so", 1)


def test_nothing_is_said_where_all_load_and_nothing_is_stated() -> None:
    assert findings(judge(image(CPU), role(torch="cpu")), "extensions") == []


def test_single_files_don_t_tell() -> None:
    assert finding(glanced(CPU), role(torch="cpu", extensions="must-load"), "extensions").outcome == "unknown"


def test_what_can_t_be_decided_is_no_pass() -> None:
    facts = image(CPU, extensions_undecided=("/s/f.so: it needs what isn't known",))
    assert finding(facts, role(torch="cpu", extensions="must-load"), "extensions").outcome == "unknown"
    assert findings(judge(facts, role(torch="cpu")), "extensions") == []


def test_many_are_told_as_some_and_a_number() -> None:
    found = finding(image(CPU, extensions=(BROKEN,) * 9), role(torch="cpu"), "extensions")
    assert found.message.endswith("; and 4 more")
