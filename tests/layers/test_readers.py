"""The two readers give the same bytes, whatever the chunks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.layers.readers import MappedReader, StreamReader


@given(st.binary(max_size=200), st.integers(1, 50), st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=12))
@settings(max_examples=150, deadline=None)
def test_reads_and_skips_agree(content: bytes, size: int, steps: list[tuple[bool, int]]) -> None:
    mapped = MappedReader(b"before" + content + b"after", 6, 6 + len(content))
    streamed = StreamReader(content[at : at + size] for at in range(0, len(content), size))
    for skip, count in steps:
        if skip:
            assert mapped.skip(count) == streamed.skip(count)
        else:
            assert mapped.read(count) == streamed.read(count)
        assert mapped.position == streamed.position
    streamed.drain()
    assert streamed.position == len(content)
    assert streamed.read(1) == b""
