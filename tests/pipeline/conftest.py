"""An audit of a registry in the tests: what it says, and what it asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inspector.layers.cache import IndexCache
from inspector.pipeline.audit import Event, Terms
from inspector.pipeline.audit import audit as run_audit
from inspector.pipeline.model import Options
from inspector.pipeline.scopes import Scope, Selection, parse_scope
from inspector.policy.audited import Audited, Ended, Planned
from inspector.policy.role import Limits, Policy, Role
from inspector.registry.settings import Settings
from inspector.testing.registry import FakeRegistry
from tests.registry.conftest import HASTE

POLICY = Policy(
    origin="inspector.toml",
    roles=(
        Role(name="api", match=("*/api:*",), torch="absent"),
        Role(name="worker", match=("*/worker:*",), torch="cpu"),
        Role(name="small", match=("*/small:*",), torch="absent", compressed_size=Limits(most=10)),
    ),
)


class Done(NamedTuple):
    """The events of one audit."""

    events: list[Event]

    @property
    def plan(self) -> Planned:
        """The one plan."""
        (plan,) = [event for event in self.events if isinstance(event, Planned)]
        return plan

    @property
    def ended(self) -> Ended:
        """How it ended."""
        ended = self.events[-1]
        assert isinstance(ended, Ended)
        return ended

    @property
    def results(self) -> dict[str, Audited]:
        """The results by repository and first tag, without the host."""
        return {one.image.partition("/")[2]: one for one in self.events if isinstance(one, Audited)}

    @property
    def outcomes(self) -> dict[str, str | None]:
        """The outcome of each."""
        return {name: each.outcome for name, each in self.results.items()}


class Auditor:
    """Audits the fake registry, with a cache that lasts from one audit to the next."""

    def __init__(self, fake: FakeRegistry, settings: Settings, folder: Path) -> None:
        self.fake = fake
        self.settings = settings
        self.folder = folder

    def __call__(
        self,
        *names: str,
        policy: Policy | None = POLICY,
        targets: Sequence[Scope] = (),
        cached: bool = True,
        terms: dict[str, Any] | None = None,
        **options: Any,
    ) -> Done:
        """The events of an audit of these repositories; `terms` has fields of `Terms` and of `Selection`."""
        given = terms or {}
        chosen = {name: value for name, value in given.items() if name in Selection.__struct_fields__}
        rest = {name: value for name, value in given.items() if name not in chosen}
        cache = IndexCache(self.folder / "layers.sqlite") if cached else None
        try:
            events = run_audit(
                [parse_scope(f"{self.fake.host}/{name}") for name in names] + list(targets),
                policy,
                Options(cache=cache, **options),
                terms=Terms(selection=Selection(**chosen), **rest),
                settings=self.settings,
            )
            return Done(list(events))
        finally:
            if cache is not None:
                cache.close()

    def layers(self) -> list[str]:
        """The digests of the blobs asked for that are no configs, since the last call."""
        blobs = [one.path.rpartition("/")[2] for one in self.fake.asked if "/blobs/" in one.path]
        self.fake.asked.clear()
        return [digest for digest in blobs if not self.fake.blobs[digest].startswith(b"{")]


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """A registry that speaks no TLS."""
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def audit(fake: FakeRegistry, tmp_path: Path) -> Auditor:
    """Audits the fake registry, as a user who has no settings."""
    return Auditor(fake, Settings(home=tmp_path / "home", etc=tmp_path / "etc", patience=HASTE), tmp_path)
