"""The gate that readers take memory from: who goes on, who waits, what is refused, and that everything comes back."""

from __future__ import annotations

import contextlib
import gc
import gzip
import hashlib
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from inspector import work
from inspector.errors import InspectorError, LimitExceeded
from inspector.layers import gate as gate_module
from inspector.layers import memory
from inspector.layers.compression import decompressed
from inspector.layers.entries import Entries
from inspector.layers.entry import LayerIndex
from inspector.layers.gate import Gate, Group
from inspector.layers.memory import hold, load, reading, share, within
from inspector.layers.scan import scan_stream
from inspector.layers.zstandard import zstd_module
from inspector.testing.tree import tar_of

MIB = 1 << 20


def size_of(index: LayerIndex) -> int:
    """The bytes that an index takes of the gate."""
    return index.entries.weight


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A gate of ten bytes, in place of the process's own."""
    made = Gate(10)
    monkeypatch.setattr(memory, "GATE", made)
    monkeypatch.setattr(memory, "_STEP", 1)
    monkeypatch.setattr(gate_module, "_TICK", 0.01)
    return made


def entered(gate: Gate, *groups: Group) -> None:
    for group in groups:
        gate.enter(group)


class Waiting(threading.Thread):
    """What runs in a thread of its own, and is found to wait."""

    def __init__(self, action: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._action = action
        self._error: BaseException | None = None
        self._answer: object = None
        self.start()
        self.join(0.05)
        assert self.is_alive()

    def run(self) -> None:
        """Keep what the action comes to."""
        try:
            self._answer = self._action()
        except InspectorError as error:
            self._error = error

    def result(self) -> object:
        """What it came to, soon."""
        self.join(5)
        assert not self.is_alive()
        if self._error is not None:
            raise self._error
        return self._answer


def waits(gate: Gate, group: Group, size: int) -> Waiting:
    return Waiting(lambda: gate.take(group, size))


def test_past_the_room_only_the_oldest_goes_on(gate: Gate) -> None:
    old, new = Group(), Group()
    entered(gate, old, new)
    gate.take(new, 6)
    gate.take(old, 6)
    gate.take(old, 100)
    waiting = waits(gate, new, 1)
    gate.add(old, -106)
    waiting.result()
    assert (old.held, new.held, gate.used) == (0, 7, 7)


def test_the_next_leads_once_the_oldest_is_done_though_its_bytes_are_held(gate: Gate) -> None:
    old, new = Group(), Group()
    entered(gate, old, new)
    gate.take(old, 20)
    waiting = waits(gate, new, 5)
    gate.leave(old)
    waiting.result()
    assert gate.used == 25


def test_images_lead_before_layers_of_their_own(gate: Gate) -> None:
    lone, image = Group(lone=True), Group()
    entered(gate, lone, image)
    gate.take(image, 20)
    waiting = waits(gate, lone, 5)
    gate.leave(image)
    waiting.result()


def test_whoever_reads_what_the_oldest_waits_for_goes_on(gate: Gate) -> None:
    old, new = Group(), Group()
    entered(gate, old, new)
    gate.take(old, 20)
    waiting = waits(gate, new, 5)
    with gate.helping(old, new):
        waiting.result()
    waits_again = waits(gate, new, 5)
    gate.leave(old)
    waits_again.result()


def test_a_wait_ends_when_its_work_is_stopped(gate: Gate) -> None:
    old, new = Group(), Group()
    entered(gate, old, new)
    gate.take(old, 20)
    token = work.Token()

    def take() -> None:
        with token.entered(), pytest.raises(work.Stopped):
            gate.take(new, 5)

    waiting = Waiting(take)
    token.stop()
    waiting.result()
    assert gate.used == 20


def test_what_one_image_may_hold_is_refused_whoever_else_reads(gate: Gate) -> None:
    group = Group(most=100)
    entered(gate, group)
    gate.take(group, 100)
    with pytest.raises(LimitExceeded, match="more than 100 bytes of memory"):
        gate.take(group, 1)
    assert group.held == 100


def test_archives_never_wait_and_are_bounded_together(gate: Gate) -> None:
    image, one, two = Group(), Group(most=50, parked=True), Group(most=50, parked=True)
    entered(gate, image, one, two)
    gate.take(image, 20)
    gate.take(one, 30)
    gate.leave(one)
    gate.take(two, 20)
    with pytest.raises(LimitExceeded, match="too many files to hold at once: layers of packed archives"):
        gate.take(two, 1)


def test_one_large_window_at_a_time(gate: Gate) -> None:
    group = Group()
    entered(gate, group)

    def unpack() -> int:
        with gate.window(group, 100):
            return gate.used

    with gate.window(group, 100):
        waiting = Waiting(unpack)
        assert gate.used == 100
    assert waiting.result() == 100
    assert (gate.used, gate._large) == (0, {})


def test_small_windows_share_the_room(gate: Gate) -> None:
    group = Group()
    entered(gate, group)
    with gate.window(group, 4), gate.window(group, 4):
        assert gate._large == {}
        with gate.window(group, 4):
            assert gate.used == 12


def test_windows_within_each_other_are_bounded_and_wait_for_no_other(gate: Gate) -> None:
    group = Group()
    entered(gate, group)
    with gate.window(group, 100 * MIB), gate.window(group, 28 * MIB):
        assert gate.used == 128 * MIB
        with pytest.raises(LimitExceeded, match="a window of 134217729 bytes"), gate.window(group, 1):
            pass


def test_whoever_has_a_large_window_goes_on_when_it_leads_no_more(gate: Gate) -> None:
    old, new = Group(), Group()
    entered(gate, old, new)
    with gate.helping(old, new):
        window = gate.window(new, 100)
        window.__enter__()
    gate.take(old, 20)
    gate.take(new, 20)
    window.__exit__(None, None, None)
    waits(gate, new, 1)
    gate.leave(old)


def chunks(content: bytes) -> Iterator[bytes]:
    return iter([content])


def scanned(layer: bytes) -> LayerIndex:
    return scan_stream(chunks(layer), None, None).index


LAYER = tar_of({"etc/passwd": b"root", "usr/lib/x": b"x", "link": b""})


def test_the_bytes_of_an_index_are_given_back_when_it_is_let_go(gate: Gate) -> None:
    with reading() as group:
        index = scanned(LAYER)
        assert gate.used == group.held == size_of(index) > 300
    assert gate.used == size_of(index)
    key = id(index)
    del index
    gc.collect()
    assert gate.used == 0
    assert key not in memory._holders


def test_the_bytes_of_a_scan_that_fails_are_given_back(gate: Gate) -> None:
    with pytest.raises(InspectorError) as failed:
        scanned(LAYER[:514])
    assert gate.used == 0
    held = [entry.locals for entry in failed.traceback if entry.name == "_read_whole"]
    assert held == [{}]


def test_a_layer_that_takes_too_much_is_refused_before_it_is_read(gate: Gate) -> None:
    many = tar_of({f"etc/{number}": b"" for number in range(200)})
    with reading(most=5_000), pytest.raises(LimitExceeded, match="take more than 5000 bytes of memory to hold"):
        scanned(many)
    assert gate.used == 0


def test_the_layers_of_an_image_are_bounded_together(gate: Gate) -> None:  # noqa: ARG001
    size = size_of(scanned(LAYER))
    with reading(most=3 * size):
        held = [scanned(LAYER) for _ in range(3)]
        with pytest.raises(LimitExceeded):
            scanned(LAYER)
        del held[0]
        assert scanned(LAYER).entries


def test_an_index_that_others_hold_counts_towards_the_bound_but_is_held_once(gate: Gate) -> None:
    with reading():
        index = scanned(LAYER)
    size = size_of(index)
    with reading(most=size):
        hold(index)
        assert gate.used == size
        with pytest.raises(LimitExceeded):
            hold(scanned(LAYER))


def test_an_index_that_no_scan_made_is_held(gate: Gate) -> None:
    made = LayerIndex(f"sha256:{'0' * 64}", Entries(scanned(LAYER).entries), verified=False, size=0)
    with reading():
        hold(made)
        hold(made)
        assert gate.used == size_of(made)


def test_an_index_of_the_cache_is_held_and_bounded(gate: Gate) -> None:
    index = LayerIndex(f"sha256:{'0' * 64}", Entries(scanned(LAYER).entries), verified=True, size=0)
    with reading(most=size_of(index)):
        assert load(lambda: None) is None
        assert gate.used == 0
        assert load(lambda: index) is index
        assert gate.used == size_of(index)
    other = LayerIndex(f"sha256:{'0' * 64}", Entries(index.entries), verified=True, size=0)
    with reading(most=10), pytest.raises(LimitExceeded):
        load(lambda: other)


def test_indexes_of_the_cache_wait_for_room(gate: Gate) -> None:
    index = LayerIndex(f"sha256:{'0' * 64}", Entries(scanned(LAYER).entries), verified=True, size=0)
    old, new = Group(), Group()
    entered(gate, old, new)
    gate.take(old, 20)

    def read() -> LayerIndex | None:
        with within(new):
            return load(lambda: index)

    waiting = Waiting(read)
    gate.leave(old)
    assert waiting.result() is index


def test_layers_read_ahead_while_one_is_slow_never_pass_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Gate(40_000)
    monkeypatch.setattr(memory, "GATE", made)
    monkeypatch.setattr(memory, "_STEP", 1)
    go_on = threading.Event()
    most = 0

    def slow() -> Iterator[bytes]:
        yield LAYER[:512]
        assert go_on.wait(5)
        yield LAYER[512:]

    def count(_: int) -> None:
        nonlocal most
        most = max(most, made.used)

    def image(number: int) -> int:
        with reading():
            if not number:
                scan_stream(slow(), None, None, meter=count)
            indexes = [
                scan_stream(chunks(tar_of({f"{number}/{layer}/{name}": b"" for name in range(250)})), None, None)
                for layer in range(4)
            ]
            count(0)
            return len(indexes)

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(image, number) for number in range(8)]
        with pytest.raises(TimeoutError):
            futures[7].result(0.3)
        assert made.used <= 40_000
        go_on.set()
        assert [future.result(10) for future in futures] == [4] * 8
    gc.collect()
    assert most < 40_000 + 60_000
    assert made.used == 0


def test_zstd_windows_are_taken_from_the_gate_frame_by_frame(gate: Gate) -> None:
    zstd = zstd_module()
    frame = zstd.compress(bytes(3 * MIB), options={zstd.CompressionParameter.window_log: 20})
    with reading():
        stream = decompressed(chunks(frame * 2), "zstd")
        next(stream)
        assert gate.used == MIB
        for _ in stream:
            assert gate.used == MIB
        assert gate.used == 0
        with contextlib.closing(cast("Generator[bytes]", decompressed(chunks(frame), "zstd"))) as dropped:
            next(dropped)
            assert gate.used == MIB
        assert gate.used == 0


def test_a_share_fits_what_was_taken(gate: Gate) -> None:
    index = LayerIndex(f"sha256:{hashlib.sha256().hexdigest()}", Entries(), verified=True, size=0)
    with share() as taken:
        taken.take(3)
        taken.take(4)
        taken.hold(index)
        assert gate.used == 7
    taken.give_back()
    assert gate.used == 0


def test_packed_layers_give_everything_back(gate: Gate) -> None:
    packed = gzip.compress(LAYER)
    assert scanned(packed).entries == scanned(LAYER).entries
    gc.collect()
    assert gate.used == 0
