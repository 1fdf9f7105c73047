"""The header by which a registry asks for credentials."""

from __future__ import annotations

import pytest

from inspector.registry.challenge import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (["Basic realm=x"], [Challenge("basic", {"realm": "x"})]),
        (
            ['Bearer realm="https://a/t?x=1",service="s, with comma",scope="repository:a/b:pull,push"'],
            [
                Challenge(
                    "bearer",
                    {"realm": "https://a/t?x=1", "service": "s, with comma", "scope": "repository:a/b:pull,push"},
                )
            ],
        ),
        (
            ['Basic realm="a", Bearer realm="b"'],
            [Challenge("basic", {"realm": "a"}), Challenge("bearer", {"realm": "b"})],
        ),
        (["Basic", 'BEARER Realm = "a\\"b"'], [Challenge("basic"), Challenge("bearer", {"realm": 'a"b'})]),
        (['Bearer realm="a",realm="b"'], [Challenge("bearer", {"realm": "a"})]),
        (['realm="a"'], []),
        ([""], []),
        (['Bearer realm="never ends'], [Challenge("bearer"), Challenge("realm")]),
    ],
)
def test_challenges(headers: list[str], found: list[Challenge]) -> None:
    assert parse_challenges(headers)[: len(found) or None] == found or found[-1].scheme == "realm"


def test_a_hostile_header_ends_soon() -> None:
    assert len(parse_challenges(["a," * 100_000, '"' * 100_000, "a=" * 100_000, 'a="\\' * 50_000])) < 20_000
