"""Layers that several images of one run share."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from inspector.errors import CorruptLayer
from inspector.layers.blob import Meter, Scanned
from inspector.layers.entries import Entries
from inspector.layers.entry import LayerIndex
from inspector.pipeline.shared import SharedIndexer

LAYER = "sha256:" + "a" * 64


@dataclass
class Blob:
    """A layer's bytes, with a count of how often they were read."""

    identity: str | None
    verified: bool = False
    broken: bool = False
    entered: threading.Event = field(default_factory=threading.Event)
    reads: int = 0

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:  # noqa: ARG002
        """See `LayerBlob.scan`."""
        self.reads += 1
        self.entered.set()
        time.sleep(0.01)
        if self.broken:
            raise CorruptLayer("cut short")
        return Scanned(LayerIndex(diff_id, Entries(), verified=self.verified, size=0), 7, "seek")


def indexer(count: int) -> SharedIndexer:
    return SharedIndexer(None, verify=False, meter=lambda _: None, expected=[LAYER] * count)


def test_a_layer_is_read_once_and_everyone_is_told_of_that_reading() -> None:
    blob, shared = Blob("same"), indexer(8)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: shared.index(LAYER, None, blob), range(8)))
    assert blob.reads == 1
    assert {(each.cached, each.bytes_read, each.how) for each in found} == {(False, 7, "seek")}


@pytest.mark.parametrize(("verified", "reads"), [(True, 0), (False, 1)])
def test_other_bytes_under_the_same_digest_are_trusted_only_if_it_was_checked(*, verified: bool, reads: int) -> None:
    first, second, shared = Blob("first", verified=verified), Blob("second"), indexer(3)
    shared.index(LAYER, None, first)
    shared.index(LAYER, None, second)
    assert (first.reads, second.reads) == (1, reads)


def test_bytes_without_an_identity_are_never_taken_for_the_same() -> None:
    blob, shared = Blob(None), indexer(2)
    shared.index(LAYER, None, blob)
    shared.index(LAYER, None, blob)
    assert blob.reads == 2


def test_an_index_is_let_go_after_its_last_use() -> None:
    blob, shared = Blob("same"), indexer(2)
    for _ in range(3):
        shared.index(LAYER, None, blob)
    assert blob.reads == 2


def test_a_broken_layer_fails_for_everyone() -> None:
    blob, shared = Blob("same", broken=True), indexer(2)
    for _ in range(2):
        with pytest.raises(CorruptLayer, match="cut short"):
            shared.index(LAYER, None, blob)


def test_one_bad_copy_does_not_spoil_a_good_one() -> None:
    bad, good, shared = Blob("bad", broken=True), Blob("good", verified=True), indexer(3)
    with pytest.raises(CorruptLayer):
        shared.index(LAYER, None, bad)
    assert not shared.index(LAYER, None, good).cached
    assert shared.index(LAYER, None, bad).index.verified


def test_nobody_waits_for_ever_on_an_interrupted_reader() -> None:
    class Interrupted(Blob):
        def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:  # noqa: ARG002
            raise KeyboardInterrupt

    shared = indexer(2)
    with pytest.raises(KeyboardInterrupt):
        shared.index(LAYER, None, Interrupted("a"))
    assert shared.index(LAYER, None, Blob("a")).how == "seek"
