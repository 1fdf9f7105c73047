"""Manifests and configs: the types asked for, the digests checked, the bounds kept."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable

import pytest

from inspector.errors import DigestMismatch, LimitExceeded, Malformed, NotFound, Refused, Unreachable
from inspector.oci import INDEX_TYPES, MANIFEST_TYPES, MAX_DOCUMENT
from inspector.testing.blobs import DOCKER
from inspector.testing.registry import Answer, FakeRegistry, answer_json
from tests.registry.conftest import Opener
from tests.sources.samples import API

OTHER = "sha256:" + "0" * 64


def test_all_types_are_accepted_in_one_request(fake: FakeRegistry, repository: Opener) -> None:
    """Registries convert to schema 1, or have nothing, where a type is left out."""
    digest = fake.push("a/b", "1", API, types=DOCKER)
    document = repository().manifest("1")
    assert (document.digest, document.media_type) == (digest, DOCKER.manifest)
    accepted = fake.asked[-1].headers["accept"].split(", ")
    assert set(accepted) == INDEX_TYPES | MANIFEST_TYPES
    assert fake.asked[-1].headers["accept-encoding"] == "identity"


def test_head_tells_the_digest_and_fetches_nothing(fake: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)
    head = repository().head("1")
    assert head is not None
    assert head.digest == digest
    assert head.size == len(fake.blobs[digest])
    assert fake.paths()[-1:] == ["HEAD /v2/a/b/manifests/1"]


def test_one_connection_serves_one_question_after_the_other(fake: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)
    opened = repository()
    opened.head("1")
    opened.manifest(digest)
    with pytest.raises(NotFound):
        opened.manifest("2")
    list(opened.tags())
    assert len({one.connection for one in fake.asked if one.path != "/v2/"}) == 1


@pytest.mark.parametrize(
    "answer", [Answer(405), Answer(400), Answer(200, headers={"Docker-Content-Digest": "sha256:1"})]
)
def test_a_head_that_tells_nothing_is_no_error(answer: Answer, fake: FakeRegistry, repository: Opener) -> None:
    fake.route("HEAD", ".*", answer)
    head = repository().head("1")
    assert head is None or head.digest is None


def test_bytes_that_are_not_the_digest_asked_for(fake: FakeRegistry, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    fake.manifests["a/b", OTHER] = fake.manifests["a/b", "1"]
    with pytest.raises(DigestMismatch, match=f"expected {OTHER}"):
        repository().manifest(OTHER)


def test_bytes_that_are_not_the_digest_stated(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(200, b"{}", {"Docker-Content-Digest": OTHER}))
    with pytest.raises(DigestMismatch):
        repository().manifest("1")


def test_a_config_is_checked_too(fake: FakeRegistry, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    assert repository().document(API.image_id) == API.config
    fake.blobs[API.image_id] = API.config + b" "
    with pytest.raises(DigestMismatch):
        repository().document(API.image_id)


def test_header_and_document_of_different_types(fake: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)
    body = fake.blobs[digest]
    fake.route("GET", ".*", Answer(200, body, {"Content-Type": DOCKER.manifest + "; charset=utf-8"}))
    with pytest.raises(Malformed, match=r"served as application/vnd\.docker"):
        repository().manifest("1")


def test_an_endless_manifest(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/1", Answer(200, itertools.repeat(b" " * 65536), length=False))
    fake.route("GET", ".*/manifests/2", Answer(200, b"", length=1 << 60, cut=0))
    fake.route("HEAD", ".*/manifests/3", Answer(200, length=MAX_DOCUMENT + 1))
    for ask in (lambda: repository().manifest("1"), lambda: repository().manifest("2"), lambda: repository().head("3")):
        with pytest.raises(LimitExceeded):
            ask()


def test_a_document_that_came_packed_unasked(fake: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)
    packed = Answer(200, gzip.compress(fake.blobs[digest]), {"Content-Encoding": "gzip"})
    fake.route("GET", ".*/manifests/.*", packed)
    assert repository().manifest(digest).content == fake.blobs[digest]


@pytest.mark.parametrize(
    ("packed", "encoding", "error"),
    [
        (lambda: gzip.compress(bytes(MAX_DOCUMENT * 20), compresslevel=1), "gzip", LimitExceeded),
        (lambda: gzip.compress(b"{}")[:-9], "gzip", Malformed),
        (lambda: b"{}", "gzip", Malformed),
        (lambda: b"{}", "br", Malformed),
    ],
    ids=["bomb", "cut", "plain", "unknown"],
)
def test_a_packed_document_is_no_way_around_the_bounds(
    packed: Callable[[], bytes], encoding: str, error: type[Exception], fake: FakeRegistry, repository: Opener
) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(200, packed(), {"Content-Encoding": encoding}))
    with pytest.raises(error):
        repository().manifest("1")


def test_a_document_that_drips(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(200, b"{" + b" " * 1000, pause=0.02))
    with pytest.raises(Unreachable, match="bytes a second"):
        repository().manifest("1")


def test_a_document_that_is_cut(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(200, b"{" + b" " * 1000, cut=10))
    with pytest.raises(Unreachable, match="breaks off"):
        repository().manifest("1")


def test_an_empty_answer_is_not_taken_for_one(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(200, b""))
    with pytest.raises(DigestMismatch):
        repository().manifest(OTHER)


def test_no_such_tag_and_no_such_repository_are_told_apart(fake: FakeRegistry, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    with pytest.raises(NotFound, match=r"a/b: no such tag: 2; the repository is there; .*it has 1$") as raised:
        repository().manifest("2")
    assert raised.value.near == (f"{fake.host}/a/b:1",)
    with pytest.raises(NotFound, match=f"no such manifest: {OTHER}"):
        repository().manifest(OTHER)
    with pytest.raises(NotFound, match=f"a/c: no such repository at {fake.host}"):
        repository("a/c").manifest("1")


def test_the_code_alone_says_that_there_is_no_repository(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", answer_json({"errors": [{"code": "NAME_UNKNOWN"}]}, 404))
    with pytest.raises(NotFound, match="no such repository"):
        repository().manifest("1")
    assert not [path for path in fake.paths() if "tags" in path]


def test_a_registry_that_does_not_list_its_tags(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/tags/list.*", Answer(401, headers={"WWW-Authenticate": "Basic realm=x"}))
    with pytest.raises(NotFound, match="no such tag 2, or no such repository"):
        repository().manifest("2")


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_refusal_of_head_is_no_word_on_the_manifest(status: int, fake: FakeRegistry, repository: Opener) -> None:
    """Nexus answers 404 to HEAD, and sends the same manifest to GET."""
    fake.push("a/b", "1", API)
    fake.route("HEAD", ".*/manifests/.*", Answer(status))
    assert repository().head("1") is None


def test_an_error_of_its_own_is_named_by_its_code_alone(fake: FakeRegistry, repository: Opener) -> None:
    """Free text may say anything, what we sent included."""
    errors = {"errors": [{"code": "bad\x1b[0m"}, {"code": "UNSUPPORTED", "message": "secret \x1b[31m"}]}
    fake.route("GET", ".*/manifests/.*", answer_json(errors, 418))
    with pytest.raises(Refused, match=r"answers 418 \(UNSUPPORTED\)$"):
        repository().manifest("1")
