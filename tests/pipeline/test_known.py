"""`audit` of what is known: requests, verdicts and ages."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.roles import right_images
from inspector.errors import UsageError
from inspector.layers.answers import SeenTag
from inspector.layers.cache import IndexCache
from inspector.pipeline.audit import Terms, audit
from inspector.pipeline.model import Options
from inspector.policy.audited import Audited, Planned
from inspector.policy.role import Policy, Role
from inspector.sources.registry.remembered import age
from inspector.testing.registry import FakeRegistry
from tests.pipeline.conftest import POLICY

IMAGES = {"team/api": right_images()["backend-prod"], "team/worker": right_images()["worker-cpu"]}
KNOWN = Terms(known=True)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        for repository, image in IMAGES.items():
            registry.push(repository, "1", image)
        yield registry


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[IndexCache]:
    with contextlib.closing(IndexCache(tmp_path / "cache" / "layers.sqlite")) as cache:
        yield cache


def audited(
    registry: FakeRegistry, cache: IndexCache | None, terms: Terms = KNOWN, policy: Policy = POLICY, tag: str = ""
) -> list[Audited | Planned]:
    """The events but the last of an audit of all repositories."""
    scopes = [f"{registry.host}/{repository}{tag}" for repository in IMAGES]
    options = Options(cache=cache, insecure_registries=(registry.host,))
    return [each for each in audit(scopes, policy, options, terms=terms) if isinstance(each, Audited | Planned)]


def outcomes(events: list[Audited | Planned]) -> list[str | None]:
    return [each.outcome for each in events if isinstance(each, Audited)]


def test_known_images_cost_their_heads_alone_whatever_the_policy(registry: FakeRegistry, cache: IndexCache) -> None:
    assert outcomes(audited(registry, cache, Terms())) == ["pass", "pass"]
    before = len(registry.paths())
    changed = Policy(origin="other.toml", roles=(Role(name="all", match=("*",), torch="absent"),))
    plan, *results = audited(registry, cache, Terms(), changed)
    assert set(outcomes(results)) == {"fail", "pass"}
    heads = [path for path in registry.paths()[before:] if "/manifests/" in path or "/blobs/" in path]
    assert [path.split()[0] for path in heads] == ["HEAD", "HEAD"]
    assert isinstance(plan, Planned)
    assert (plan.layers, plan.bytes_to_fetch) == (0, 0)


def test_what_is_known_is_judged_without_any_request(registry: FakeRegistry, cache: IndexCache) -> None:
    audited(registry, cache, Terms())
    before = registry.paths()
    results = [each for each in audited(registry, cache) if isinstance(each, Audited)]
    assert registry.paths() == before
    assert [each.outcome for each in results] == ["pass", "pass"]
    assert all("the registry was not asked" in " ".join(each.warnings) for each in results)
    assert all(each.evidence is not None and each.evidence.known for each in results)
    assert outcomes(audited(registry, cache, tag=":1")) == ["pass", "pass"]


def test_what_was_planned_and_not_read_is_unknown(registry: FakeRegistry, cache: IndexCache) -> None:
    audited(registry, cache, Terms(plan_only=True))
    assert outcomes(audited(registry, cache)) == ["unknown", "unknown"]


def test_what_was_never_asked_for_is_not_there(registry: FakeRegistry, cache: IndexCache) -> None:
    for tag in ("", ":1"):
        results = [each for each in audited(registry, cache, tag=tag) if isinstance(each, Audited)]
        assert [each.error.kind for each in results if each.error] == ["not-found", "not-found"]
    assert registry.paths() == []


def test_a_tag_that_is_gone_is_forgotten(registry: FakeRegistry, cache: IndexCache) -> None:
    cache.answers.note_tags([SeenTag(f"{registry.host}/team/api", "old", "sha256:0", 1)])
    audited(registry, cache, Terms(plan_only=True))
    assert [each.tag for each in cache.answers.tags(registry.host, "team/api")] == ["1"]


def test_all_of_a_registry_that_is_known(registry: FakeRegistry, cache: IndexCache) -> None:
    from inspector.pipeline.scopes import parse_catalog

    audited(registry, cache, Terms())
    before = registry.paths()
    options = Options(cache=cache)
    results = list(audit([parse_catalog(f"{registry.host}/team/*")], POLICY, options, terms=KNOWN))
    assert [each.outcome for each in results if isinstance(each, Audited)] == ["pass", "pass"]
    assert registry.paths() == before


def test_without_a_cache_nothing_is_known(registry: FakeRegistry) -> None:
    with pytest.raises(UsageError, match="reads the cache alone"):
        audited(registry, None)


def test_layers_that_the_cache_lost_are_not_read_again_for_an_image_that_is_known(
    registry: FakeRegistry, cache: IndexCache
) -> None:
    audited(registry, cache, Terms())
    cache._store.change(lambda database: database.execute("DELETE FROM layer"), None)
    before = len(registry.paths())
    assert outcomes(audited(registry, cache, Terms())) == ["pass", "pass"]
    assert not [path for path in registry.paths()[before:] if "/blobs/" in path]


@pytest.mark.parametrize(
    ("span", "told"),
    [(0, "0 minutes"), (-5, "0 minutes"), (60, "1 minute"), (7300, "2 hours"), (3600, "1 hour"), (86400 * 3, "3 days")],
)
def test_ages_are_told_in_their_largest_unit(span: float, told: str) -> None:
    assert age(span) == told


def test_seen_is_now(registry: FakeRegistry, cache: IndexCache) -> None:
    audited(registry, cache, Terms(plan_only=True))
    assert abs(cache.answers.tags(registry.host, "team/api")[0].seen - time.time()) < 60
