"""Which image of several is meant."""

from __future__ import annotations

import pytest

from inspector.sources.names import digest_in, is_id, no_such, pick

HEX = "ab" * 32


@pytest.mark.parametrize(
    ("selector", "digest"),
    [
        (f"sha256:{HEX}", f"sha256:{HEX}"),
        (f"@sha256:{HEX}", f"sha256:{HEX}"),
        (f"api:1@sha256:{HEX}", f"sha256:{HEX}"),
        (f"sha512:{HEX * 2}", f"sha512:{HEX * 2}"),
        (f"sha512:{HEX}", None),
        ("@sha256:ab", None),
        ("api", None),
    ],
)
def test_digest(selector: str, digest: str | None) -> None:
    assert digest_in(selector) == digest


@pytest.mark.parametrize(
    ("selector", "fits"),
    [(HEX[:12], True), (HEX, True), (f"@sha256:{HEX}", True), (HEX[:11], False), ("cd" * 6, False), ("api", False)],
)
def test_ids_may_be_abbreviated_as_engines_show_them(selector: str, *, fits: bool) -> None:
    assert is_id(selector, f"sha256:{HEX}") is fits


@pytest.mark.parametrize(
    ("selector", "positions"),
    [
        ("api:1", [0]),
        ("docker.io/library/api:1", [0]),
        ("worker", [1]),
        ("own:1", [2]),
        ("2", [3]),
        ("1", []),  # a tag of several
        ("nope", []),
        ("latest", [1]),
    ],
)
def test_pick(selector: str, positions: list[int]) -> None:
    names = [["api:1"], ["worker:latest"], ["localhost/own:1"], ["other:2"]]
    assert pick(selector, range(len(names)), names.__getitem__) == positions


def test_an_exact_name_beats_what_it_would_normalise_to() -> None:
    assert pick("prod", [["prod:latest"], ["prod"]], lambda names: names) == [["prod"]]


def test_the_error_lists_what_there_is_escaped_and_bounded() -> None:
    names = [[f"a{number}\x1b[31m" * 100] for number in range(1000)]
    message = str(no_such("x.tar", "b\n", names))
    assert message.startswith(r"x.tar: no image 'b\n' in it")
    assert "990 more" in message
    assert "\x1b" not in message
    assert len(message) < 15_000
