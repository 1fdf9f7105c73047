"""What real writers made, as `real/rebuild` has them make it: read by its table of contents as it is read whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector.layers.scan import scan_stream
from inspector.layers.toc.scan import has_toc, scan_toc
from inspector.layers.toc.source import TocUnusable
from tests.layers.toc.reading import ALL, Held

LAYERS = {path.stem: path for path in sorted(Path(__file__).with_name("real").glob("*.blob"))}
ELSEWHERE = f"sha256:{'0' * 64}"


@pytest.mark.parametrize("path", LAYERS.values(), ids=LAYERS)
def test_a_layer_of_a_real_writer(path: Path) -> None:
    blob, annotations = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())
    assert has_toc(annotations)
    read = scan_toc(Held(blob), annotations, ELSEWHERE, meter=lambda _: None, most=ALL).index
    whole = scan_stream(iter([blob]), None, None).index
    assert read.entries == whole.entries
    assert read.size == whole.size
    assert {entry.path: entry.data for entry in read.entries}["lib/site-packages/torch/version.py"] == b"cuda = None\n"
    assert len(read.entries) >= 14


def test_all_three_writers_are_there() -> None:
    assert {*LAYERS} == {"estargz", "zstd-chunked", "zstd-chunked-of-stargz"}


def test_annotations_left_of_another_form_are_not_believed() -> None:
    """Converters to eStargz leave those of zstd:chunked where they were."""
    left = json.loads(LAYERS["zstd-chunked"].with_suffix(".json").read_text())
    own = json.loads(LAYERS["estargz"].with_suffix(".json").read_text())
    with pytest.raises(TocUnusable):
        scan_toc(Held(LAYERS["estargz"].read_bytes()), {**left, **own}, ELSEWHERE, meter=lambda _: None, most=ALL)
