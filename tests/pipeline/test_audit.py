"""Audits of a registry: each thing asked for once, and no more than the verdicts need."""

from __future__ import annotations

import contextlib
import pickle
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fixtures.forms.oci import Blobs, other_platform
from fixtures.packing import zstd
from fixtures.roles import right_images
from inspector.errors import PolicyError, UsageError
from inspector.layers.blob import Scanned
from inspector.layers.cache import IndexCache
from inspector.oci import Platform
from inspector.pipeline import budget
from inspector.pipeline.audit import audit as run_audit
from inspector.pipeline.executor import Failure, ThreadExecutor, Unit
from inspector.pipeline.model import Options
from inspector.pipeline.scopes import Scope, parse_scope
from inspector.policy.audited import Audited, Left, Planned, outcome_of_audit
from inspector.policy.model import Outcome
from inspector.policy.role import Limits, Policy, Role
from inspector.sources.registry.open import Registries
from inspector.testing import gzipped
from inspector.testing.blobs import OCI
from inspector.testing.image import Image, Step, sha256
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from tests.pipeline.conftest import POLICY, Auditor

RIGHT = right_images()
API, WORKER, GPU = RIGHT["backend-prod"], RIGHT["worker-cpu"], RIGHT["worker-gpu"]


def numbered(number: int, base: Image = API) -> Image:
    """Another image over the same layers and one of its own."""
    return base.with_steps(Step(f"RUN {number}", {f"srv/{number}": b"%d" % number}))


def own_layer(number: int) -> str:
    """The digest of the layer that no other image has."""
    return f"sha256:{sha256(gzipped(numbered(number).layers[-1]))}"


def test_each_image_is_held_against_the_role_of_its_repository(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/api", "1.0", API)
    fake.push("team/api", "2.0", GPU)
    fake.push("team/worker", "1.0", WORKER)
    fake.push("team/other", "1.0", API)
    done = audit("team/api", "team/worker", "team/other")
    assert done.outcomes == {
        "team/api:1.0": "pass",
        "team/api:2.0": "fail",
        "team/worker:1.0": "pass",
        "team/other:1.0": "unknown",
    }
    assert done.results["team/other:1.0"].findings[0].check == "role"
    failed = done.results["team/api:2.0"]
    assert (failed.role, failed.tags, failed.repository) == ("api", ("2.0",), f"{fake.host}/team/api")
    assert failed.torch is not None
    assert failed.torch.build == "cuda"
    assert failed.python


def test_facts_are_those_of_check(fake: FakeRegistry, audit: Auditor) -> None:
    """The same image, read alone and in an audit, says the same of torch."""
    from inspector.pipeline import check

    fake.push("team/worker", "1.0", WORKER)
    audited = audit("team/worker").results["team/worker:1.0"]
    (result,) = check([f"registry:{fake.host}/team/worker:1.0"], POLICY).results
    assert result.facts is not None
    assert (audited.torch, audited.size, audited.outcome) == (result.facts.torch, result.facts.size, result.outcome)
    assert [one.check for one in audited.findings] == [one.check for one in result.findings]


@pytest.mark.thorough
def test_a_layer_that_many_share_is_fetched_once(fake: FakeRegistry, audit: Auditor) -> None:
    for number in range(20):
        fake.push("team/api", f"1.{number}", numbered(number))
        fake.push("team/worker", f"1.{number}", numbered(number, WORKER))
    done = audit("team/api", "team/worker")
    layers = audit.layers()
    assert len(layers) == len(set(layers)) == done.plan.layers == done.ended.layers_fetched
    assert set(done.outcomes.values()) == {"pass"}
    again = audit("team/api", "team/worker")
    assert again.outcomes == done.outcomes
    assert (again.plan.unread, again.plan.layers, again.plan.bytes_to_fetch) == (40, 0, 0)
    assert {one.method for one in fake.asked if "manifests" in one.path} == {"HEAD"}
    assert audit.layers() == []


def test_tags_of_one_image_are_one_result(fake: FakeRegistry, audit: Auditor) -> None:
    for tag in ("1.0", "1", "latest"):
        fake.push("team/api", tag, API)
    done = audit("team/api")
    assert (done.plan.tags, done.plan.images) == (3, 1)
    assert done.results["team/api:1.0"].tags == ("1.0", "1", "latest")


def test_the_same_image_in_two_repositories_is_read_once(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/api", "1", API)
    fake.push("dev/api", "1", API)
    assert len(audit("team/api", "dev/api").results) == 2
    layers = audit.layers()
    assert len(layers) == len(set(layers))


def test_one_content_packed_in_two_ways_is_read_once(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/api", "gzip", API, packing=gzipped)
    fake.push("team/api", "zstd", API, packing=zstd)
    done = audit("team/api")
    assert set(done.outcomes.values()) == {"pass"}
    assert len(done.outcomes) == 2
    assert done.plan.layers == len(set(API.layers))


def test_tags_in_different_roles_are_judged_for_each(fake: FakeRegistry, audit: Auditor) -> None:
    roles = (Role(name="a", match=("*:prod",), torch="absent"), Role(name="b", match=("*:dev",), torch="cpu"))
    fake.push("team/x", "prod", API)
    fake.push("team/x", "dev", API)
    fake.push("team/x", "else", API)
    done = audit("team/x", policy=Policy(origin="p", roles=roles))
    assert done.outcomes == {"team/x:prod": "pass", "team/x:dev": "fail"}


def test_a_name_that_two_roles_claim_is_in_none(fake: FakeRegistry, audit: Auditor) -> None:
    roles = (Role(name="a", match=("*:prod",)), Role(name="b", match=("*x:prod",)))
    fake.push("team/x", "prod", API)
    done = audit("team/x", policy=Policy(origin="p", roles=roles))
    assert done.outcomes == {"team/x:prod": "unknown"}
    assert audit.layers() == []


def test_what_the_policy_ignores_is_counted_and_not_asked_for(fake: FakeRegistry, audit: Auditor) -> None:
    policy = Policy(origin="p", roles=(Role(name="a", default=True),), ignore=("*:debug", "*/db:*"))
    for repository, tag in (("team/x", "debug"), ("team/x", "prod"), ("team/db", "1"), ("team/db", "2")):
        fake.push(repository, tag, API)
    done = audit("team/x", "team/db", policy=policy)
    assert done.outcomes == {"team/x:prod": "pass"}
    assert (done.plan.ignored, done.plan.tags, done.plan.filtered) == (3, 1, 0)
    assert audit("team/x:debug", policy=policy).outcomes == {"team/x:debug": "pass"}


def test_the_default_role_has_the_rest(fake: FakeRegistry, audit: Auditor) -> None:
    roles = (Role(name="gpu", match=("*/gpu:*",), torch="cuda"), Role(name="rest", default=True, torch="absent"))
    fake.push("team/gpu", "1", GPU)
    fake.push("team/other", "1", GPU)
    done = audit("team/gpu", "team/other", policy=Policy(origin="p", roles=roles))
    assert {name: result.role for name, result in done.results.items()} == {"team/gpu:1": "gpu", "team/other:1": "rest"}
    assert done.outcomes["team/other:1"] == "fail"


def test_a_failure_that_the_manifest_shows_costs_no_layer(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/small", "1", API)
    done = audit("team/small")
    result = done.results["team/small:1"]
    assert (result.outcome, done.plan.unread, audit.layers()) == ("fail", 1, [])
    assert [finding.check for finding in result.findings] == ["compressed-size"]
    assert result.evidence is not None
    assert (result.evidence.how, result.evidence.layers_read, result.torch) == ("manifest", 0, None)


def test_what_the_manifest_shows_to_be_well_is_no_pass_yet(fake: FakeRegistry, audit: Auditor) -> None:
    role = Role(name="roomy", match=("*",), torch="absent", compressed_size=Limits(most=10**9))
    fake.push("team/api", "1", GPU)
    done = audit("team/api", policy=Policy(origin="p", roles=(role,)))
    assert done.outcomes == {"team/api:1": "fail"}
    assert audit.layers()


def test_verify_reads_everything_before_a_verdict(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/small", "1", GPU)
    result = audit("team/small", verify=True).results["team/small:1"]
    assert {finding.check for finding in result.findings if finding.outcome == "fail"} >= {"compressed-size", "torch"}


def test_an_image_in_no_role_is_not_fetched(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/other", "1", API)
    assert audit("team/other").plan.unread == 1
    assert audit.layers() == []


def test_without_a_policy_there_are_facts_and_no_verdict(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/other", "1", WORKER)
    done = audit("team/other", policy=None)
    result = done.results["team/other:1"]
    assert (result.outcome, result.findings) == (None, ())
    assert result.torch is not None
    assert result.torch.version == "2.13.0+cpu"
    assert outcome_of_audit([result.outcome], done.ended.left) == "pass"


def test_one_role_for_all(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/other", "1", WORKER)
    assert audit("team/other", role="worker").outcomes == {"team/other:1": "pass"}
    with pytest.raises(PolicyError, match="no role 'wroker'"):
        audit("team/other", role="wroker")


def test_all_platforms_or_the_one_of_the_role(fake: FakeRegistry, audit: Auditor) -> None:
    blobs = Blobs(OCI)
    both = [blobs.manifest(one, [gzipped], platform=one.platform) for one in (API, other_platform(API))]
    fake.take("team/api", blobs, [("1", blobs.index(both))])
    done = audit("team/api", platform="all")
    platforms = [str(one.platform) for one in done.events if isinstance(one, Audited)]
    assert platforms == ["linux/amd64", "linux/arm64"]
    arm = Role(name="arm", match=("*",), torch="absent", platform=Platform("linux", "arm64"))
    (result,) = audit("team/api", policy=Policy(origin="p", roles=(arm,))).results.values()
    assert str(result.platform) == "linux/arm64"
    assert [one.outcome for one in result.findings if one.check == "platform"] == ["pass"]


def test_a_platform_that_the_role_rules_out(fake: FakeRegistry, audit: Auditor) -> None:
    """An image for another platform alone fails without a layer; of an index without it, nothing is taken instead."""
    arm = Role(name="arm", match=("*",), torch="absent", platform=Platform("linux", "arm64"))
    policy = Policy(origin="p", roles=(arm,))
    fake.push("team/api", "1", API)
    assert audit("team/api", policy=policy).outcomes == {"team/api:1": "fail"}
    assert audit.layers() == []
    blobs = Blobs(OCI)
    others = [replace(API, architecture=name) for name in ("s390x", "ppc64le")]
    fake.take(
        "team/x", blobs, [("1", blobs.index([blobs.manifest(one, [gzipped], platform=one.platform) for one in others]))]
    )
    (result,) = audit("team/x", policy=policy).results.values()
    assert result.error is not None
    assert (result.outcome, result.error.kind) == ("unknown", "platform-missing")


def test_an_image_by_tag_or_digest(fake: FakeRegistry, audit: Auditor) -> None:
    digest = fake.push("team/api", "1", API)
    fake.push("team/api", "2", GPU)
    assert audit("team/api:1").outcomes == {"team/api:1": "pass"}
    result = audit(f"team/api@{digest}", role="api").results[f"team/api@{digest}"]
    assert (result.outcome, result.tags, result.digest) == ("pass", (), digest)


def test_a_catalog_with_a_pattern(fake: FakeRegistry, audit: Auditor) -> None:
    for name in ("team/api", "team/worker", "other/api"):
        fake.push(name, "1", API)
    assert set(audit(targets=[Scope(None, fake.host, "team/*")]).results) == {"team/api:1", "team/worker:1"}


def test_what_is_no_image_is_counted_and_left_out(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/api", "1", API)
    blobs = Blobs(OCI)
    signature = blobs.attestation(blobs.manifest(API, [gzipped]), artifact=True)
    fake.take("team/api", blobs, [("sha256-1.sig", signature)])
    done = audit("team/api")
    assert (done.plan.no_images, list(done.results)) == (1, ["team/api:1"])
    (result,) = audit("team/api:sha256-1.sig").results.values()
    assert (result.outcome, result.error and result.error.kind) == ("unknown", "no-image")


def test_one_bad_image_does_not_end_the_run(fake: FakeRegistry, audit: Auditor) -> None:
    for number in range(6):
        fake.push("team/api", f"{number}", numbered(number))
    fake.route("HEAD", "/v2/team/api/manifests/3", Answer(500))
    fake.route("GET", "/v2/gone/api/tags/list.*", answer_json({}, 404))
    fake.blobs[own_layer(5)] = b"no layer"
    done = audit("gone/api", "team/api")
    told = {name: each.error and each.error.kind for name, each in done.results.items()}
    assert told == {
        "gone/api": "not-found",
        "team/api:3": "refused",
        "team/api:5": "malformed",
        **{f"team/api:{number}": None for number in (0, 1, 2, 4)},
    }
    assert {name for name, outcome in done.outcomes.items() if outcome == "unknown"} == {
        name for name, kind in told.items() if kind
    }
    assert done.plan.unreadable == 2
    assert not done.ended.left.why


def test_a_layer_that_fails_is_asked_for_once(fake: FakeRegistry, audit: Auditor) -> None:
    for number in range(5):
        fake.push("team/api", f"{number}", numbered(number))
    base = f"sha256:{sha256(gzipped(API.layers[0]))}"
    del fake.blobs[base]
    done = audit("team/api")
    assert {each.error.kind for each in done.results.values() if each.error} == {"not-found"}
    assert len(done.results) == 5
    assert sum(base in path for path in fake.paths("GET")) == 1


def test_a_registry_that_is_lost_is_not_asked_for_ever(
    fake: FakeRegistry, audit: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MAX_LOST", 3)
    for number in range(30):
        fake.push("team/api", f"{number}", API)
    fake.route("HEAD", "/v2/team/api/manifests/.*", Answer(429, headers={"Retry-After": "3600"}))
    done = audit("team/api", jobs=1)
    assert fake.host in done.ended.left.why
    assert (len(done.results), done.ended.left.tags) == (3, 27)
    assert {each.error.kind for each in done.results.values() if each.error} == {"rate-limited"}


def test_a_layer_that_one_repository_lost_is_had_from_another(fake: FakeRegistry, audit: Auditor) -> None:
    for name in ("team/api", "dev/api", "old/api"):
        fake.push(name, "1", API)
    base = f"sha256:{sha256(gzipped(API.layers[0]))}"
    fake.route("GET", f"/v2/team/api/blobs/{base}", answer_json({}, 404))
    assert audit("team/api", "dev/api", "old/api").outcomes == {
        "team/api:1": "unknown",
        "dev/api:1": "pass",
        "old/api:1": "pass",
    }
    assert sum(base in path for path in fake.paths("GET")) == 2


def test_a_config_that_lies_about_a_known_layer(fake: FakeRegistry, audit: Auditor) -> None:
    """What the cache has of a blob is no answer for another diff_id."""
    fake.push("team/api", "1", API)
    audit("team/api")
    liar = replace(API, steps=(*API.steps[:-1], Step("RUN x", {"x": b"x"})))
    blobs = Blobs(OCI)
    descriptor = blobs.manifest(liar, [gzipped])
    digest = descriptor["digest"].partition(":")[2]
    old, new = (sha256(gzipped(image.layers[-1])) for image in (liar, API))
    document = blobs.content[digest].replace(old.encode(), new.encode())
    document = document.replace(
        b'"size":%d' % len(gzipped(liar.layers[-1])), b'"size":%d' % len(gzipped(API.layers[-1]))
    )
    fake.take("team/api", blobs, [("2", blobs.add(document, OCI.manifest))])
    result = audit("team/api:2").results["team/api:2"]
    assert (result.outcome, result.error and result.error.kind) == ("unknown", "digest-mismatch")


def test_the_plan_alone_fetches_no_layer(fake: FakeRegistry, audit: Auditor) -> None:
    for number in range(3):
        fake.push("team/api", f"{number}", numbered(number))
    fake.push("team/small", "1", API)
    done = audit("team/api", "team/small", terms={"plan_only": True})
    assert done.events == [done.plan]
    layers = {*API.layers, *(numbered(number).layers[-1] for number in range(3))}
    assert done.plan == Planned(
        repositories=2,
        tags=4,
        images=4,
        unread=1,
        layers=len(layers),
        bytes_to_fetch=sum(len(gzipped(layer)) for layer in layers),
    )
    assert audit.layers() == []


@pytest.mark.parametrize(
    ("terms", "tags"),
    [
        ({"include": ("1.*",)}, {"1.0", "1.10", "1.9"}),
        ({"exclude": ("1.*", "latest")}, {"2.0-rc1", "2.0-gpu"}),
        ({"include": ("1.*", "2.*"), "exclude": ("*.0*",)}, {"1.10", "1.9"}),
        ({"versions": ">=1.9,<2"}, {"1.10", "1.9"}),
        ({"versions": ">=1.9 <3"}, {"1.10", "1.9", "2.0-gpu"}),
        ({"versions": ">=2.0rc1"}, {"2.0-rc1", "2.0-gpu"}),
        ({"newest": 2}, {"2.0-gpu", "2.0-rc1"}),
        ({"newest": 1, "include": ("1.*",)}, {"1.10"}),
        ({"newest": 10}, {"1.0", "1.10", "1.9", "2.0-rc1", "2.0-gpu", "latest"}),
    ],
)
def test_tags_are_chosen(terms: dict[str, object], tags: set[str], fake: FakeRegistry, audit: Auditor) -> None:
    for tag in ("1.0", "1.10", "1.9", "2.0-rc1", "2.0-gpu", "latest"):
        fake.push("team/api", tag, API)
    done = audit("team/api", terms=terms)
    assert {tag for each in done.results.values() for tag in each.tags} == tags
    assert (done.plan.tags, done.plan.filtered) == (len(tags), 6 - len(tags))


def test_where_tags_are_no_versions_the_newest_are_those_made_last(fake: FakeRegistry, audit: Auditor) -> None:
    for number, tag in enumerate(("main", "a1b2c3d", "b2c3d4e", "1.0", "c3d4e5f")):
        blobs = Blobs(OCI)
        image = numbered(number)
        digest = blobs.manifest(image, [gzipped])["digest"].partition(":")[2]
        made = b"2024-01-%02dT00:00:00.123456789Z" % (20 - number)
        config = image.config.replace(b'"created":"2024-01-01T00:00:00Z","config"', b'"created":"%s","config"' % made)
        assert made in config
        fake.blobs[f"sha256:{sha256(config)}"] = config
        manifest = blobs.content[digest].replace(sha256(image.config).encode(), sha256(config).encode())
        manifest = manifest.replace(b'"size":%d}' % len(image.config), b'"size":%d}' % len(config), 1)
        fake.take("team/api", blobs, [(tag, blobs.add(manifest, OCI.manifest))])
    assert set(audit("team/api", terms={"newest": 2}).outcomes) == {"team/api:main", "team/api:a1b2c3d"}


def test_a_repository_that_is_named_twice_is_chosen_from_twice(fake: FakeRegistry, audit: Auditor) -> None:
    for number, tag in enumerate(("main", "a1b2c3d", "b2c3d4e")):
        fake.push("team/api", tag, numbered(number))
    done = audit("team/api", targets=[Scope(None, fake.host)], terms={"newest": 2})
    assert len(done.results) == 2
    assert (done.plan.tags, done.plan.filtered, done.plan.repositories) == (4, 2, 1)


def test_bytes_are_bounded_and_the_next_run_goes_on(fake: FakeRegistry, audit: Auditor) -> None:
    for number in range(8):
        fake.push("team/api", f"{number}", numbered(number))
    whole = audit("team/api", cached=False)
    audit.layers()
    first = audit("team/api", terms={"max_bytes": whole.ended.bytes_fetched * 3 // 4})
    assert 0 < first.ended.bytes_fetched <= whole.ended.bytes_fetched * 3 // 4
    left = first.ended.left
    assert (left.why, left.images) == ("--max-bytes", 8 - len(first.results))
    assert left.bytes == whole.ended.bytes_fetched - first.ended.bytes_fetched
    assert outcome_of_audit(first.outcomes.values(), left) == "unknown"  # type: ignore[arg-type]
    fetched = audit.layers()
    second = audit("team/api")
    assert second.outcomes == whole.outcomes
    assert not set(fetched) & set(layers := audit.layers())
    assert len(fetched) + len(layers) == whole.plan.layers


def test_requests_are_bounded(fake: FakeRegistry, audit: Auditor) -> None:
    for number in range(8):
        fake.push("team/api", f"{number}", numbered(number))
    done = audit("team/api", terms={"max_requests": 20}, jobs=1)
    assert done.ended.requests <= 20
    assert len(fake.asked) <= 20
    assert done.ended.left.why == "--max-requests"
    assert done.ended.left.tags + done.ended.left.images + len(done.results) == 8
    assert outcome_of_audit(done.outcomes.values(), done.ended.left) == "unknown"  # type: ignore[arg-type]
    runs = [audit("team/api", terms={"max_requests": 20}, jobs=1) for _ in range(4)]
    assert [len(run.results) for run in runs] == sorted(len(run.results) for run in runs)
    assert len(runs[-1].results) == 8
    assert set(runs[-1].outcomes.values()) == {"pass"}


def test_without_a_cache_nothing_is_left_behind(
    fake: FakeRegistry, audit: Auditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fake.push("team/api", "1", API)
    fake.push("team/api", "2", numbered(1))
    assert set(audit("team/api", cached=False).outcomes.values()) == {"pass"}
    layers = audit.layers()
    assert len(layers) == len(set(layers))
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_can_not_be_used_is_replaced_for_the_run(
    fake: FakeRegistry, audit: Auditor, tmp_path: Path
) -> None:
    (tmp_path / "layers.sqlite").write_bytes(b"no database" * 1000)
    for number in range(3):
        fake.push("team/api", f"{number}", numbered(number))
    assert set(audit("team/api").outcomes.values()) == {"pass"}
    layers = audit.layers()
    assert len(layers) == len(set(layers))


def test_a_cache_too_small_costs_requests_and_no_verdict(fake: FakeRegistry, audit: Auditor, tmp_path: Path) -> None:
    for number in range(3):
        fake.push("team/api", f"{number}", numbered(number))
    cache = IndexCache(tmp_path / "small.sqlite", 1)
    targets = [parse_scope(f"{fake.host}/team/api")]
    events = list(run_audit(targets, POLICY, Options(cache=cache), settings=audit.settings))
    cache.close()
    assert [one.outcome for one in events if isinstance(one, Audited)] == ["pass"] * 3


def test_the_bound_of_the_cache_holds_for_manifests_and_configs(
    fake: FakeRegistry, audit: Auditor, tmp_path: Path
) -> None:
    for number in range(40):
        fake.push("team/api", f"{number}", numbered(number))
    folder = tmp_path / "bounded"
    cache = IndexCache(folder / "layers.sqlite", 100_000)
    targets = [parse_scope(f"{fake.host}/team/api")]
    events = list(run_audit(targets, POLICY, Options(cache=cache), settings=audit.settings))
    assert [one.outcome for one in events if isinstance(one, Audited)] == ["pass"] * 40
    cache.close()
    held = cache.info()
    assert 0 < held.documents < 80
    assert held.bytes <= 100_000
    cache.close()
    assert sum(file.stat().st_size for file in folder.iterdir()) < 200_000


def test_results_come_while_others_are_read(fake: FakeRegistry, audit: Auditor) -> None:
    """The second image's layer is held back until the first's result was seen."""
    fake.push("team/api", "1", API)
    fake.push("team/api", "2", numbered(2))
    seen = threading.Event()

    def late(asked: Asked) -> Answer:
        assert seen.wait(5)
        return fake.good(asked)

    fake.route("GET", f"/v2/team/api/blobs/{own_layer(2)}", late)
    targets = [parse_scope(f"{fake.host}/team/api")]
    tags: list[str] = []
    for event in run_audit(targets, POLICY, Options(), settings=audit.settings):
        if isinstance(event, Audited):
            tags += event.tags
            seen.set()
    assert tags == ["1", "2"]


def test_closing_the_run_stops_it(fake: FakeRegistry, audit: Auditor) -> None:
    """A registry that sends a byte now and then does not hold it."""
    fake.push("team/api", "1", API)
    fake.push("team/api", "2", numbered(2))
    fake.route("GET", f"/v2/team/api/blobs/{own_layer(2)}", Answer(200, fake.blobs[own_layer(2)], pause=0.02))
    targets = [parse_scope(f"{fake.host}/team/api")]
    events = run_audit(targets, POLICY, Options(), settings=audit.settings)
    assert isinstance(next(events), Planned)
    assert isinstance(next(events), Audited)
    begun = time.monotonic()
    with contextlib.closing(events):
        pass
    assert time.monotonic() - begun < 2
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("inspector")]


def test_another_executor_gives_the_same(fake: FakeRegistry, audit: Auditor) -> None:
    for number in range(5):
        fake.push("team/api", f"{number}", numbered(number))
    units: list[Unit] = []

    class Backwards:
        """Reads all that it is given, and tells of the last first."""

        def __init__(self, inner: ThreadExecutor) -> None:
            self._inner = inner

        def run(self, given: Iterable[Unit]) -> Iterator[tuple[Unit, Scanned | Failure]]:
            """See `Executor.run`."""
            units.extend(given)
            yield from reversed(list(self._inner.run(units)))

    def executor(registries: Registries, options: Options, meter: Callable[[int], None]) -> Backwards:
        return Backwards(ThreadExecutor(registries, jobs=2, verify=options.verify, meter=meter))

    expected = audit("team/api", cached=False).results
    targets = [parse_scope(f"{fake.host}/team/api")]
    events = run_audit(targets, POLICY, Options(), executor=executor, settings=audit.settings)
    found = {one.image.partition("/")[2]: one for one in events if isinstance(one, Audited)}
    assert {name: (one.outcome, one.torch) for name, one in found.items()} == {
        name: (one.outcome, one.torch) for name, one in expected.items()
    }
    assert len(units) == len({unit.diff_id for unit in units})
    (unit,) = [one for one in units if one.digest == own_layer(0)]
    assert pickle.loads(pickle.dumps(unit)) == unit
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(unit), type=Unit) == unit


def test_an_executor_that_breaks_ends_the_run(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/api", "1", API)

    class Broken:
        """Breaks."""

        def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Scanned | Failure]]:
            """See `Executor.run`."""
            yield next(iter(units)), Failure("refused", "no")
            raise ValueError("broken")

    targets = [parse_scope(f"{fake.host}/team/api")]
    with pytest.raises(ValueError, match="broken"):
        list(run_audit(targets, POLICY, Options(), executor=lambda *_: Broken(), settings=audit.settings))


@pytest.mark.parametrize("terms", [{"include": ("[",)}, {"versions": "^1.2"}, {"versions": "newest"}])
def test_wrong_selections(terms: dict[str, object], audit: Auditor) -> None:
    with pytest.raises(UsageError):
        audit("team/api", terms=terms)


def test_nothing_to_audit(audit: Auditor) -> None:
    with pytest.raises(UsageError, match="nothing to audit"):
        audit()


def test_offline(audit: Auditor, fake: FakeRegistry) -> None:
    assert audit("team/api", offline=True).outcomes == {"team/api": "unknown"}
    assert fake.asked == []


@pytest.mark.parametrize(
    ("outcomes", "left", "outcome"),
    [
        ([], Left(), "unknown"),
        (["pass", "warn"], Left(), "warn"),
        (["pass"], Left(why="--max-bytes"), "unknown"),
        (["pass", "fail"], Left(why="--max-bytes"), "fail"),
        (["unknown", "fail"], Left(), "fail"),
        ([None, None], Left(), "pass"),
    ],
)
def test_what_an_audit_comes_to(outcomes: list[Outcome | None], left: Left, outcome: Outcome) -> None:
    assert outcome_of_audit(outcomes, left) == outcome


def test_a_plan_that_a_bound_cuts_short_says_so(fake: FakeRegistry, audit: Auditor) -> None:
    for number in range(8):
        fake.push("team/api", f"{number}", numbered(number))
    done = audit("team/api", terms={"plan_only": True, "max_requests": 6})
    assert done.ended.left.why == "--max-requests"
    assert 0 < done.ended.left.tags <= done.plan.tags
    assert outcome_of_audit([], done.ended.left) == "unknown"


def test_what_failing_layers_cost_counts(fake: FakeRegistry, audit: Auditor) -> None:
    """Else a registry whose layers all fail at their end is read without bound."""
    noise = random.Random(1).randbytes(200_000)
    sizes = []
    for number in range(6):
        image = API.with_steps(Step(f"RUN {number}", {f"srv/{number}": noise + b"%d" % number}))
        fake.push("team/api", f"{number}", image)
        blob = gzipped(image.layers[-1])
        fake.blobs[f"sha256:{sha256(blob)}"] = blob[:-1] + bytes([blob[-1] ^ 1])
        sizes.append(len(blob))
    done = audit("team/api", terms={"max_bytes": 3 * max(sizes)}, jobs=1)
    assert done.ended.left.why == "--max-bytes"
    assert sizes[0] < done.ended.bytes_fetched <= 3 * max(sizes)


def test_a_registry_that_can_not_be_listed_is_called_by_its_name(fake: FakeRegistry, audit: Auditor) -> None:
    fake.route("GET", "/v2/_catalog.*", answer_json({"errors": []}, 404))
    (lost,) = audit(targets=[Scope(None, fake.host)]).results.values() or [None]
    assert lost is not None
    assert (lost.image, lost.repository, lost.tags) == (fake.host, fake.host, ())
    assert "docker info" not in lost.findings[0].advice
