"""Findings that are made without facts, and what every advice may name."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from inspector.policy.advice import ADVICE, ROW_OF_ERROR
from inspector.policy.findings import error_finding, role_finding
from inspector.policy.model import ErrorFact
from tests.policy.cases import DOCKERFILE, role

NAME = "api:prod"
PACKAGE = Path(__file__).parents[2] / "inspector"


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        (
            "not-found",
            (
                f"Run build commands: `docker build -f {DOCKERFILE} -t {NAME} .`; "
                f"then hand over what `docker save {NAME}` writes"
            ),
        ),
        ("platform-missing", "Ask for a platform that the image has with `--platform`, or build it"),
        ("unsupported", "Hand the image over in a form that is read: docker-archive, oci, oci-archive or dir"),
        ("limit-exceeded", "Look into the image before trusting it: no sound build makes one like this"),
        ("corrupt-layer", "Get the image anew (save, copy or pull it again); nothing is known of it"),
        ("digest-mismatch", "Get the image anew (save, copy or pull it again); nothing is known of it"),
        ("unreadable", "Get the image anew (save, copy or pull it again); nothing is known of it"),
        ("internal-error", "This is a fault of inspector, not of the image: report it with this message"),
    ],
)
def test_each_kind_of_error_has_its_advice(kind: str, advice: str) -> None:
    found = error_finding(ErrorFact(kind, "what happened"), role(), NAME)
    assert (found.check, found.outcome, found.category) == ("image", "unknown", "ENVIRONMENT")
    assert (found.message, found.advice) == ("what happened", advice)


@pytest.mark.parametrize("image", ["build/api.tar", "api.tar.gz:api:prod", "/images/api", "oci:layout:prod", "dir:x"])
def test_a_file_that_is_not_there_is_not_built(image: str) -> None:
    found = error_finding(ErrorFact("not-found", "no such file"), role(), image)
    assert (found.advice or "").startswith("Check the path, and the name within it; ")


def test_an_image_without_a_role_has_advice() -> None:
    found = role_finding("no-role", "no role")
    assert (found.outcome, found.message) == ("unknown", "no role")
    assert found.advice == "Add the name to a role's `match` in the policy, or name the role with --role"


def test_the_table_of_advice_names_only_what_is_known() -> None:
    known = {"dockerfile", "build", "image", "command", "origin", "wanted", "path", "how"}
    for advice in ADVICE.values():
        assert {name for _, name, _, _ in string.Formatter().parse(advice.text) if name} <= known
    assert set(ROW_OF_ERROR.values()) <= set(ADVICE)


def test_no_row_of_the_table_is_dead() -> None:
    sources = (PACKAGE / "policy" / "checks").glob("*.py"), (PACKAGE / "audit").glob("*.py")
    texts = "".join(path.read_text(encoding="utf-8") for paths in sources for path in paths)
    named = {row for row in ADVICE if f'"{row}"' in texts}
    assert set(ADVICE) - named <= set(ROW_OF_ERROR.values()) | {"no-file", "unreadable", "undecided"}
