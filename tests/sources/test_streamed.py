"""What only a stream has: digests known after the fact, and bounds on what it holds in memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import tracemalloc
from collections.abc import Callable

import pytest

from fixtures.packing import bzip2, xz, zstd
from inspector.errors import CorruptLayer, DigestMismatch, LimitExceeded, Malformed, Unsupported
from inspector.layers import memory
from inspector.layers.scan import scan_stream
from inspector.sources import streamed
from inspector.sources.access import AccessUnusable
from inspector.sources.streamed import StreamedArchive
from inspector.testing.tree import File, Tree, tar_of

LAYER = tar_of({"etc/hostname": b"x" * 600})
DIFF_ID = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"
PACKED = gzip.compress(LAYER)
DIGEST = f"sha256:{hashlib.sha256(PACKED).hexdigest()}"


def stream(tree: Tree, pack: Callable[[bytes], bytes] = bytes) -> StreamedArchive:
    return StreamedArchive(io.BytesIO(pack(tar_of(tree))), "stdin", meter=lambda _: None)


def scan(store: StreamedArchive, name: str, diff_id: str = DIFF_ID, digest: str | None = None) -> list[str]:
    scanned = store.layer(name).blob.scan(diff_id, digest, verify=False, meter=lambda _: None)
    assert scanned.index.verified
    assert scanned.how == "stream"
    return [entry.path for entry in scanned.index.entries]


def test_both_digests_are_held_against_what_is_asked() -> None:
    store = stream({"a": LAYER, "b": PACKED})
    assert scan(store, "a") == scan(store, "b", digest=DIGEST) == ["etc/hostname"]
    other = f"sha256:{'0' * 64}"
    for name, diff_id, digest in (("a", other, None), ("b", other, DIGEST), ("b", DIFF_ID, other)):
        with pytest.raises(DigestMismatch, match=rf"^stdin: '{name}': expected {other}, got sha256:"):
            scan(store, name, diff_id, digest)


@pytest.mark.parametrize("content", [LAYER, PACKED], ids=["plain", "packed"])
def test_a_layer_that_is_known_is_passed_over(content: bytes) -> None:
    name = f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"
    asked: list[str] = []

    def known(digest: str) -> bool:
        asked.append(digest)
        return True

    tree: Tree = {name: content, "named-otherwise": LAYER, "z.json": b"{}"}
    store = StreamedArchive(io.BytesIO(tar_of(tree)), "stdin", meter=lambda _: None, known=known)
    assert asked == [f"sha256:{name[13:]}"]
    assert (store.size(name), store.layer(name).compressed) == (len(content), content is PACKED)
    with pytest.raises(AccessUnusable, match="not in the cache"):
        scan(store, name)
    assert scan(store, "named-otherwise") == ["etc/hostname"]
    assert store.document("z.json") == b"{}"


def test_a_blob_that_is_not_what_its_name_says() -> None:
    store = stream({f"blobs/sha256/{'0' * 64}": LAYER, f"blobs/sha256/{DIGEST[7:]}": PACKED})
    assert scan(store, f"blobs/sha256/{DIGEST[7:]}", digest=DIGEST)
    with pytest.raises(DigestMismatch, match="0000"):
        scan(store, f"blobs/sha256/{'0' * 64}")


def test_sha512_is_known_by_name_only() -> None:
    digest = hashlib.sha512(PACKED).hexdigest()
    store = stream({f"blobs/sha512/{digest}": PACKED, "other": PACKED})
    assert scan(store, f"blobs/sha512/{digest}", digest=f"sha512:{digest}")
    with pytest.raises(Unsupported, match="sha512"):
        scan(store, "other", digest=f"sha512:{digest}")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"x" * 2000, CorruptLayer),
        (PACKED[:-9], CorruptLayer),
        (b"\x1f\x8b" + b"x" * 600, CorruptLayer),
        (LAYER[:700], CorruptLayer),
        (gzip.compress(b"x" * 2000), CorruptLayer),
    ],
    ids=range(5),
)
def test_a_broken_layer_is_refused_only_where_it_is_asked_for(content: bytes, error: type[Exception]) -> None:
    store = stream({"broken": content, "fine": LAYER})
    assert scan(store, "fine") == ["etc/hostname"]
    with pytest.raises(error, match=r"^stdin: 'broken'"):
        scan(store, "broken")


@pytest.mark.parametrize("pack", [gzip.compress, bzip2, xz, zstd])
@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_packed_archive_that_is_cut_is_malformed(pack: Callable[[bytes], bytes], keep: float) -> None:
    noise = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(256))
    whole = pack(tar_of({"a.json": b"[]", "layer.tar": tar_of({"noise": noise})}))
    with pytest.raises(Malformed, match=r"^stdin: .*cut") as raised:
        StreamedArchive(io.BytesIO(whole[: int(len(whole) * keep)]), "stdin", meter=lambda _: None)
    assert type(raised.value) is Malformed


def test_a_document_and_a_layer_are_not_taken_for_each_other() -> None:
    store = stream({"layer.tar": LAYER, "a.json": b"{}"})
    with pytest.raises(Malformed, match=r"'layer.tar' is a layer"):
        store.document("layer.tar")
    with pytest.raises(CorruptLayer, match=r"'a.json' is no tar"):
        scan(store, "a.json")


def test_a_layer_whose_first_name_looks_like_json_is_a_layer() -> None:
    layer = tar_of({"[slug]/page.js": b"", '{"a": 1}': b""})
    store = stream({"layer": layer})
    assert scan(store, "layer", f"sha256:{hashlib.sha256(layer).hexdigest()}") == ["[slug]/page.js", '{"a": 1}']


def test_documents_past_the_bound_are_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "MAX_DOCUMENTS", 100)
    store = stream({"a.json": b"[" + b" " * 90 + b"]", "b.json": b"[" + b" " * 90 + b"]", "c.json": b"[]"})
    assert store.document("a.json")
    assert store.document("c.json") == b"[]"
    assert store.size("b.json") == 92
    with pytest.raises(LimitExceeded, match="together"):
        store.document("b.json")


def test_layers_that_hold_too_much_together_are_refused_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "_STEP", 1)
    layer = tar_of({"etc/passwd": b"NAME=x", "a": b""})
    weight = scan_stream(iter([layer]), None, None).index.entries.weight
    monkeypatch.setattr(streamed, "MAX_HELD", weight * 3 // 2)
    diff_id = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    store = stream({"one": layer, "two": layer})
    assert scan(store, "one", diff_id) == ["etc/passwd", "a"]
    with pytest.raises(LimitExceeded, match=r"stdin: 'two': too many files to hold at once"):
        scan(store, "two", diff_id)
    with pytest.raises(LimitExceeded, match=r"stdin: 'one': too many files"):
        scan(stream({"one": layer}), "one", diff_id)  # the first archive is held still
    del store
    assert scan(stream({"one": layer}), "one", diff_id) == ["etc/passwd", "a"]


def test_what_follows_the_archive_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tar_of({"a.json": b"[]"})
    source = io.BytesIO(whole + b"trailing" * 100)
    StreamedArchive(source, "stdin", meter=lambda _: None)
    assert source.read() == b""
    monkeypatch.setattr(streamed, "MAX_TRAILING", 1 << 20)
    with pytest.raises(LimitExceeded, match="follow the end"):
        StreamedArchive(io.BytesIO(whole + bytes(1 << 21)), "stdin", meter=lambda _: None)


def test_a_large_member_is_never_held_whole() -> None:
    layer = tar_of({"data": bytes(32 << 20), "etc/passwd": b"x"})
    packed = gzip.compress(tar_of({"layer.tar": layer, "odd.bin": b"odd" + bytes(16 << 20)}), 1)
    diff_id = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    del layer
    tracemalloc.start()
    try:
        store = StreamedArchive(io.BytesIO(packed), "stdin", meter=lambda _: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert scan(store, "layer.tar", diff_id) == ["data", "etc/passwd"]
    assert peak < 12 << 20


@pytest.mark.thorough
def test_an_archive_that_unpacks_out_of_all_proportion_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "MAX_OUTER", 4 << 20)
    with pytest.raises(LimitExceeded, match="bomb"):
        stream({"layer.tar": File(bytes(8 << 20))}, zstd)
