"""What is taken for an answer of the probe, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import Malformed
from inspector.runtime.outcome import MAX_ANSWER, parse_both, parse_stream, unmarked

MARK = "0123456789abcdef"


def document(**changes: Any) -> dict[str, Any]:
    """A whole answer: torch is absent, unless `changes` say otherwise."""
    names = ("path", "torch", "cuda", "hip", "is_available", "cudnn", "driver", "computed", "unavailable", "unreadable")
    empty: dict[str, Any] = dict.fromkeys((*names, "error"))
    rest = {"imported": False, "devices": [], "arch_list": [], "nodes": False, "root": True, "seconds": 0.1}
    return {**empty, **rest, **changes}


def output(*lines: object, mark: str = MARK) -> bytes:
    """Lines as the probe writes them, some noise around each."""
    told = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    return b"".join(b"noise\n%b %b\n" % (mark.encode(), line.encode()) for line in told) + b"{}\n"


def known(**changes: Any) -> str:
    """What is told between the import and the GPUs."""
    return f"examine {json.dumps(document(imported=True, **changes))}"


def test_an_answer_after_an_import_that_failed() -> None:
    parsed = parse_stream(output("import", document()), MARK)
    assert parsed.stage == "end"
    assert parsed.answer is not None
    assert parsed.answer.imported is False


def test_the_last_of_two_words_on_an_import_that_went_well() -> None:
    parsed = parse_stream(output("import", known(torch="1"), document(imported=True, torch="2")), MARK)
    assert parsed.stage == "end"
    assert parsed.answer is not None
    assert parsed.answer.torch == "2"


@pytest.mark.parametrize(("lines", "stage"), [((), "start"), (("import",), "import"), (("import", known()), "examine")])
def test_how_far_it_came_though_the_beginning_be_lost(lines: tuple[object, ...], stage: str) -> None:
    assert parse_stream(output(*lines), MARK).stage == stage


@pytest.mark.parametrize("kept", [b"", b"e" * 99 + b"\n", output("import"), output("import", known())])
def test_the_answer_is_heard_on_either_stream(kept: bytes) -> None:
    """Docker 20.10 kept nothing of what one of them said where the other had much to say before (seen in CI)."""
    whole = output("import", known(torch="2"), document(imported=True, torch="2"))
    parsed = parse_stream(whole, MARK)
    assert parse_both(kept, whole, MARK) == parse_both(whole, kept, MARK) == parsed
    assert MARK.encode() not in unmarked(b"a\n" + whole + b"b", MARK)
    assert unmarked(f"a\n{MARK} import\nb".encode(), MARK) == b"a\nb"


def test_lines_with_another_mark_or_none_are_noise() -> None:
    fake = output("import", document(imported=True, torch="9"), mark="0123456789abcdee")
    noise = b"import\n" + json.dumps(document(imported=True)).encode() + b"\n x " + MARK.encode() + b" import\n"
    assert parse_stream(fake + noise + MARK.encode() + b"import\n", MARK).stage == "start"


@pytest.mark.parametrize(
    "lines",
    [
        ("examine {}",),
        (document(), "import"),
        (known(), "import"),
        (document(), known()),
        ("import", "import"),
        ("import", document(), document()),
        ("import", known(), document(), document()),
        ("import", known(), known(), document()),
        ("import", ""),
        ("import", "null"),
        ("import", "[]"),
        ("import", "{}"),
        ("import", "{} {}"),
        ("import", "[" * 100_000),
        ("import", json.dumps(document()) + " x"),
        ("import", "x" * (MAX_ANSWER + 1)),
    ],
)
def test_anything_else_is_refused(lines: tuple[object, ...]) -> None:
    with pytest.raises(Malformed, match="the container"):
        parse_stream(output(*lines), MARK)


@pytest.mark.parametrize(
    "changes",
    [
        {"more": 1},
        {"imported": 1},
        {"imported": "yes"},
        {"torch": 2},
        {"torch": "x" * 2001},
        {"is_available": 0},
        {"devices": [{"name": "a", "capability": "9.0"}]},
        {"devices": [{"name": "a", "capability": "9.0", "memory": -1}]},
        {"devices": [{"name": "a", "capability": "9.0", "memory": 1, "more": 1}]},
        {"devices": [{"name": "a", "capability": "9.0", "memory": 1}] * 65},
        {"arch_list": ["sm_90"] * 65},
        {"seconds": -1},
        {"seconds": 1e300},
        {"error": {"type": "E", "message": "m"}},
        {"error": {"type": "E", "message": "m", "errno": 1 << 40}},
    ],
)
def test_types_and_bounds_are_kept(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="invalid response from the container: "):
        parse_stream(output("import", document(**changes)), MARK)
    parse_stream(output("import", document()), MARK)


def test_no_field_may_be_missing() -> None:
    for name in document():
        less = {key: value for key, value in document().items() if key != name}
        with pytest.raises(Malformed, match=name):
            parse_stream(output("import", less), MARK)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(noise: bytes) -> None:
    for content in (noise, MARK.encode() + b" " + noise, output("import") + MARK.encode() + b" " + noise):
        try:
            parse_stream(content, MARK)
        except Malformed:
            continue
