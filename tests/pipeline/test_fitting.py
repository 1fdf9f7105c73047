"""What would fit, where a pattern fits nothing."""

from __future__ import annotations

import pytest

from inspector.pipeline.fitting import MAX_FOLDERS, Fitting, none_selected
from inspector.pipeline.scopes import Selection

LISTED = ("team/api", "team/worker", "team/ml/train", "other/web", "solo")


def told(pattern: str, listed: tuple[str, ...] = LISTED) -> str:
    """What is said of a pattern that fits none of these."""
    fitting = Fitting(pattern)
    assert not any(map(fitting.fits, listed))
    return fitting.none_fits()


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("team", "did you mean 'team/*' (3 repositories)?"),
        ("team/ml", "did you mean 'team/ml/*' (1 repository)?"),
        ("taem/*", "did you mean 'team/*' (3 repositories)?"),
        ("xyz", "none of its 5 repositories fits 'xyz'; they begin with team, "),
    ],
)
def test_a_pattern_without_a_repository_says_what_would_fit(pattern: str, meant: str) -> None:
    assert meant in told(pattern)


def test_an_empty_registry_says_so() -> None:
    assert told("team", ()) == "the registry lists no repository"


def test_memory_is_bounded() -> None:
    fitting = Fitting("none")
    assert not any(fitting.fits(f"folder{number}/api") for number in range(MAX_FOLDERS * 2))
    assert len(fitting._folders) == MAX_FOLDERS


@pytest.mark.parametrize(
    ("selection", "tags", "sentence"),
    [
        (
            Selection(include=("9.*",)),
            ["2.0", "1.10", "1.9"],
            "none of its 3 tags fits --include '9.*'; it has 1.9, 1.10, 2.0",
        ),
        (
            Selection(include=("prd",)),
            ["prod"],
            "its only tag does not fit --include 'prd'; it has prod; did you mean 'prod'?",
        ),
        (
            Selection(versions=">=9"),
            [f"1.{number}" for number in range(20)],
            "none of its 20 tags fits --semver '>=9'; it has 1.0 … 1.19",
        ),
    ],
)
def test_tags_of_which_none_is_selected(selection: Selection, tags: list[str], sentence: str) -> None:
    assert none_selected(selection, tags, len(tags)) == sentence
