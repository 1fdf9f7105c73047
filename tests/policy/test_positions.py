"""The places of keys and values, held against what tomllib and json decode there."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import Fault
from inspector.policy.positions import MAX_DEPTH, _Json, _Toml, placed
from tests.effort import examples

KEYS = st.text("ab-_", min_size=1, max_size=3) | st.sampled_from(
    ["a.b", "a b", "=", "#", "[x]", "\\", "é", "'", '"', "", "\n"]
)
TEXTS = st.text(st.sampled_from("ab\"'\\#[]{},= \n\t.é"), max_size=8)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@st.composite
def strings(draw: st.DrawFn) -> str:
    """A string in one of the four forms that can hold it."""
    text = draw(TEXTS)
    forms = [
        quoted(text),
        f'"""{quoted(text)[1:-1]}"""',
        f'"""\n{quoted(text)[1:-1]}\\"{draw(st.sampled_from(["", "x"]))}"""',
    ]
    forms += [f"'{text}'"] if not set(text) & set("'\n") else []
    forms += [f"'''{text}'''"] if "'" not in text else []
    forms += ['"""a"""""', "'''a''''", '""""a"""']
    return draw(st.sampled_from(forms))


SCALARS = strings() | st.sampled_from(
    ["1", "-1.5e3", "true", "1979-05-27", "1979-05-27 07:32:00", "inf", "0x1F", "[]", "{}"]
)
SPACES = st.sampled_from(["", " ", "\n", ' # ] } "\n', "\n\n\t"])


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    """A value, perhaps a list or an inline table of more."""
    kind = draw(st.sampled_from(["scalar", "scalar", "list", "table"] if depth else ["scalar"]))
    if kind == "scalar":
        return draw(SCALARS)
    items = draw(st.lists(values(depth - 1), max_size=3))
    if kind == "list":
        return (
            "["
            + ",".join(draw(SPACES) + item + draw(SPACES) for item in items)
            + draw(st.sampled_from(["", *([",", ", \n"] if items else [])]))
            + "]"
        )
    keys = draw(st.lists(KEYS, min_size=len(items), max_size=len(items), unique=True))
    return "{ " + " , ".join(f"{quoted(key)} = {item}" for key, item in zip(keys, items, strict=True)) + " }"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Text that looks like TOML, and mostly is."""
    lines = []
    for _ in range(draw(st.integers(0, 6))):
        name = " . ".join(quoted(key) for key in draw(st.lists(KEYS, min_size=1, max_size=3)))
        header = draw(st.sampled_from(["[{}]", "[[{}]]", "[ {} ] # x", None, None, None]))
        lines.append(header.format(name) if header else f"{name} = {draw(values())}")
    return draw(st.sampled_from(["\n", "\r\n", "\n# x\n"])).join(lines)


def every(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every key and item below a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key), inner
        yield from every(inner, (*path, key))


@examples(400)
@given(documents())
def test_the_text_at_each_place_is_what_tomllib_decodes(text: str) -> None:
    try:
        decoded = tomllib.loads(text)
    except ValueError:
        return
    text = text.replace("\r\n", "\n")
    spans = _Toml(text).spans()
    for path, value in every(decoded):
        if len(path) > MAX_DEPTH:
            continue
        span = spans[path]
        there = text[slice(*span.value)]
        if (
            not isinstance(value, dict | list)
            or there[:1] == "{"
            or (there.startswith("[") and span.key == span.value and isinstance(path[-1], int))
        ):
            if there.startswith("[") and isinstance(value, dict):
                continue  # a header of an array of tables
            assert repr(tomllib.loads(f"x = {there}")["x"]) == repr(value)
    assert all(path in dict(every(decoded)) for path in spans)


@examples(100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
    ),
    st.sampled_from([None, 1]),
)
def test_the_text_at_each_place_is_what_json_decodes(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    spans = _Json(text).spans()
    for path, inner in every(value):
        if len(path) <= MAX_DEPTH:
            assert json.loads(text[slice(*spans[path].value)]) == inner


@given(st.text(st.sampled_from("ab=[]{}\"'#\n.,1 \\"), max_size=30))
def test_what_no_decoder_took_has_no_place_at_worst(text: str) -> None:
    for is_json in (False, True):
        placed(text, [Fault("x", ("a",))], is_json=is_json)
