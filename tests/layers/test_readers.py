"""The readers give the same bytes, whatever the chunks and whatever lies behind."""

from __future__ import annotations

import io
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from inspector.layers.readers import FileReader, StreamReader
from tests.effort import examples


@given(st.binary(max_size=200), st.integers(1, 50), st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=12))
@examples(150)
def test_reads_and_skips_agree(content: bytes, size: int, steps: list[tuple[bool, int]]) -> None:
    streamed = StreamReader(content[at : at + size] for at in range(0, len(content), size))
    around = b"before" + content + b"after"
    with tempfile.TemporaryFile() as file:
        file.write(around)
        file.flush()
        on_disk = FileReader(file, 6, len(content))
        in_memory = FileReader(io.BytesIO(around), 6, len(content))
        for skip, count in steps:
            readers = (on_disk, in_memory, streamed)
            done = [reader.skip(count) if skip else reader.read(count) for reader in readers]
            assert done[0] == done[1] == done[2]
            assert on_disk.position == in_memory.position == streamed.position
    streamed.drain()
    assert streamed.position == len(content)
    assert streamed.read(1) == b""
