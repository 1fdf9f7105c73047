"""A watch: which notices lead to which checks, and that no stranger leads anywhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fixtures.forms.oci import Blobs, other_platform
from fixtures.packing import gzip
from fixtures.roles import right_images
from inspector.errors import LimitExceeded, Malformed, PolicyError, UsageError
from inspector.layers.cache import IndexCache
from inspector.pipeline.model import Options
from inspector.pipeline.scopes import Scope, Selection, parse_catalog, parse_scope
from inspector.policy.audited import Notice, Noticed
from inspector.policy.role import Policy
from inspector.registry.settings import Settings
from inspector.testing.blobs import OCI
from inspector.testing.registry import FakeRegistry, answer_json
from inspector.watch import watching
from inspector.watch.notices import MAX_EVENTS, parse_notices
from inspector.watch.watching import Watcher
from tests.pipeline.conftest import POLICY
from tests.registry.conftest import HASTE

RIGHT = right_images()
API, WORKER = RIGHT["backend-prod"], RIGHT["worker-cpu"]
DIGEST = f"sha256:{'4' * 64}"
Opener = Callable[..., Watcher]


def event(digest: str = DIGEST, **changes: Any) -> dict[str, Any]:
    """An event as distribution 2.8 sends it."""
    target = {"mediaType": OCI.manifest, "size": 9, "digest": digest, "length": 9, "repository": "team/api", "tag": "1"}
    target |= {key: changes.pop(key) for key in list(changes) if key in target}
    request = {"id": "1", "addr": "192.0.2.1:1", "host": "registry.example.com", "method": "PUT", "useragent": "skopeo"}
    request |= {key: changes.pop(key) for key in list(changes) if key in request}
    when = "2026-11-23T17:00:00.123456789Z"
    return {"id": "7", "timestamp": when, "action": "push", "target": target, "request": request, **changes}


def notices(*events: dict[str, Any]) -> list[Notice]:
    return parse_notices(json.dumps({"events": events}).encode())


@pytest.fixture
def watcher(fake: FakeRegistry, tmp_path: Path) -> Iterator[Opener]:
    """Watches repositories of the fake registry, for a user who has no settings."""
    settings = Settings(home=tmp_path / "home", etc=tmp_path / "etc", patience=HASTE)
    cache = IndexCache(tmp_path / "layers.sqlite")

    def opened(
        *names: str, policy: Policy | None = POLICY, targets: Sequence[Scope] = (), tags: str = "", **options: Any
    ) -> Watcher:
        chosen = [parse_scope(f"{fake.host}/{name}") for name in names]
        selection = Selection(include=(tags,) if tags else ())
        options = {"cache": cache, **options}
        return Watcher([*chosen, *targets], policy, Options(**options), selection=selection, settings=settings)

    yield opened
    cache.close()


def checked(watcher: Watcher) -> list[Noticed]:
    """What comes of all that waits."""
    watcher.stop()
    found = list(watcher.results())
    watcher._stopping = False
    return found


def test_an_image_is_checked_when_it_is_pushed(fake: FakeRegistry, watcher: Opener) -> None:
    digest = fake.push("team/api", "1", API)
    watch = watcher("team/api")
    assert watch.offer(notices(event(digest)))
    (found,) = checked(watch)
    assert (found.outcome, found.role, found.tags, found.digest) == ("pass", "api", ("1",), digest)
    assert found.event == Notice(
        action="push",
        host="registry.example.com",
        repository="team/api",
        tag="1",
        digest=digest,
        when="2026-11-23T17:00:00.123456789Z",
    )


def test_what_was_pushed_is_checked_though_its_tag_moved(fake: FakeRegistry, watcher: Opener) -> None:
    digest = fake.push("team/worker", "1", WORKER)
    fake.push("team/worker", "1", API)
    watch = watcher("team/worker")
    watch.offer(notices(event(digest, repository="team/worker")))
    (found,) = checked(watch)
    assert (found.outcome, found.digest) == ("pass", digest)


def test_each_digest_once(fake: FakeRegistry, watcher: Opener) -> None:
    digest = fake.push("team/api", "1", API)
    watch = watcher("team/api")
    watch.offer(notices(event(digest), event(digest), event(digest, action="pull")))
    assert len(checked(watch)) == 1
    watch.offer(notices(event(digest), event(digest, action="pull", tag="")))
    assert checked(watch) == []
    watch.offer(notices(event(digest, tag="2")))
    assert [one.tags for one in checked(watch)] == [("2",)], "another tag may be another role"


def test_a_pull_by_digest_and_a_push_by_digest(fake: FakeRegistry, watcher: Opener) -> None:
    digest = fake.push("team/api", "1", API)
    watch = watcher("team/api", policy=None)
    watch.offer(notices(event(digest, tag="")))
    assert len(watch) == 0, "it names nothing yet"
    watch.offer(notices(event(digest, tag="", action="pull")))
    (found,) = checked(watch)
    assert (found.digest, found.tags, found.event.action) == (digest, (), "pull")


def test_the_part_of_an_index_that_was_told_is_not_told_again(fake: FakeRegistry, watcher: Opener) -> None:
    """Clients pull the index by its tag, and then one of its manifests by digest."""
    blobs = Blobs(OCI)
    parts = [blobs.manifest(image, [gzip]) for image in (API, other_platform(API))]
    index = blobs.index(
        [
            {**part, "platform": {"os": "linux", "architecture": name}}
            for part, name in zip(parts, ("amd64", "arm64"), strict=True)
        ]
    )
    fake.take("team/api", blobs, [("1", index)])
    watch = watcher("team/api", policy=None, platform=None)
    watch.offer(notices(event(index["digest"], mediaType=OCI.index)))
    told = checked(watch)
    assert len(told) == 1
    watch.offer(notices(*(event(part["digest"], tag="", action="pull") for part in parts)))
    (other,) = checked(watch)
    assert {str(told[0].platform), str(other.platform)} == {"linux/amd64", "linux/arm64"}


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "delete"},
        {"action": "mount"},
        {"mediaType": "application/octet-stream"},
        {"repository": "team/other"},
        {"repository": "team/../api"},
        {"repository": "Team/API"},
        {"digest": "sha256:1"},
        {"digest": "sha256:" + "4" * 63 + "\n"},
        {"tag": "../../1"},
        {"tag": "1 --insecure"},
        {"target": None},
        {"target": {"repository": ["team/api"]}},
        {"request": "x"},
        {"action": "pull", "useragent": "inspector"},
    ],
)
def test_events_that_lead_nowhere(changes: dict[str, Any], fake: FakeRegistry, watcher: Opener) -> None:
    watch = watcher("team/api")
    digest = changes.pop("digest", DIGEST)
    assert watch.offer(notices(event(digest, **changes)))
    assert len(watch) == 0
    assert fake.asked == []


def test_only_registries_that_were_named_are_asked(fake: FakeRegistry, watcher: Opener) -> None:
    """What a notice says of hosts and addresses chooses among these at most."""
    digest = fake.push("team/api", "1", API)
    with FakeRegistry() as stranger, FakeRegistry() as second:
        watch = watcher("team/api")
        crafted = event(digest, host=stranger.host)
        crafted["target"]["url"] = f"{stranger.url}/v2/team/api/manifests/{digest}"
        crafted["source"] = {"addr": stranger.host}
        watch.offer(notices(crafted))
        assert [one.repository for one in checked(watch)] == [f"{fake.host}/team/api"]
        both = watcher("team/api", targets=[parse_catalog(f"{second.host}/team/*")])
        both.offer(notices(crafted))
        assert len(both) == 0, "which of the two is not known"
        both.offer(notices(event(digest, host=fake.host)))
        assert [one.repository for one in checked(both)] == [f"{fake.host}/team/api"]
        assert stranger.asked == second.asked == []


def test_which_tags(fake: FakeRegistry, watcher: Opener) -> None:
    digest = fake.push("team/api", "1", API)
    watch = watcher("team/api", tags="1*")
    watch.offer(notices(event(digest, tag="2"), event(digest, tag="", action="pull"), event(digest, tag="1")))
    assert [one.tags for one in checked(watch)] == [("1",)]
    single = watcher("team/api:2")
    single.offer(notices(event(digest)))
    assert len(single) == 0


def test_a_full_queue_takes_nothing_of_what_does_not_fit(watcher: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MAX_QUEUED", 2)
    watch = watcher("team/api")
    several = [event(f"sha256:{number:064}") for number in range(3)]
    assert not watch.offer(notices(*several))
    assert len(watch) == 0
    assert watch.offer(notices(*several[:2]))
    assert not watch.offer(notices(several[2]))
    assert watch.offer(notices(several[0])), "that one is taken already"


def test_what_is_remembered_is_bounded(watcher: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MAX_REMEMBERED", 4)
    watch = watcher("team/api")
    watch.offer(notices(*(event(f"sha256:{number:064}") for number in range(9))))
    assert len(watch._seen._keys) == 4


def test_an_image_that_could_not_be_read_is_tried_again(fake: FakeRegistry, watcher: Opener) -> None:
    digest = fake.push("team/api", "1", API)
    fake.route("HEAD", ".*", answer_json({}, 500), answer_json({}, 500), answer_json({}, 500), fake.good)
    fake.route("GET", ".*/manifests/.*", answer_json({"errors": []}, 403), fake.good)
    watch = watcher("team/api")
    watch.offer(notices(event(digest)))
    (failed,) = checked(watch)
    assert (failed.outcome, failed.error is not None) == ("unknown", True)
    watch.offer(notices(event(digest)))
    (found,) = checked(watch)
    assert found.outcome == "pass"


def test_a_watch_goes_on_after_what_nobody_foresaw(
    fake: FakeRegistry, watcher: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = fake.push("team/api", "1", API)
    watch = watcher("team/api")
    with monkeypatch.context() as patched:
        patched.setattr(watching, "audit", lambda *_, **__: 1 / 0)
        watch.offer(notices(event(digest)))
        (failed,) = checked(watch)
    assert failed.error is not None
    assert failed.error.kind == "internal-error"
    watch.offer(notices(event(digest)))
    assert [one.outcome for one in checked(watch)] == ["pass"]


def test_stopped_it_finishes_what_waits_and_takes_no_more(fake: FakeRegistry, watcher: Opener) -> None:
    digest = fake.push("team/api", "1", API)
    watch = watcher("team/api")
    found: list[Noticed] = []
    thread = threading.Thread(target=lambda: found.extend(watch.results()))
    thread.start()
    time.sleep(0.05)
    watch.offer(notices(event(digest)))
    watch.stop()
    assert not watch.offer(notices(event(digest, tag="2")))
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert len(found) == 1


def test_what_can_not_be_watched(watcher: Opener) -> None:
    with pytest.raises(UsageError, match="nothing to watch"):
        watcher()
    with pytest.raises(UsageError, match="--newest"):
        Watcher([parse_scope("a.example/b")], None, selection=Selection(newest=1))
    with pytest.raises(PolicyError, match="no role 'web'"):
        watcher("team/api", role="web")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"events": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_envelope(content: bytes) -> None:
    with pytest.raises(Malformed):
        parse_notices(content)


def test_too_many_events() -> None:
    with pytest.raises(LimitExceeded):
        notices(*({} for _ in range(MAX_EVENTS + 1)))
