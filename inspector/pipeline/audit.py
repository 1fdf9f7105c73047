"""An audit of registries: every manifest once, every distinct layer once, a verdict on each image as it can be told."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path

import msgspec

from inspector import work
from inspector.errors import UsageError
from inspector.layers.blob import Scanned
from inspector.layers.cache import IndexCache
from inspector.layers.indexer import Indexer
from inspector.pipeline.budget import Budget, Spent
from inspector.pipeline.check import asking
from inspector.pipeline.executor import JOBS, READERS, Executor, Failure, ThreadExecutor, Unit
from inspector.pipeline.indexing import WorkQueueIndexer
from inspector.pipeline.judging import Judge
from inspector.pipeline.reading import DEFAULTS, Options
from inspector.pipeline.resolving import Resolver, Watch
from inspector.pipeline.scopes import Selection, Target, once
from inspector.pipeline.trials import role_named
from inspector.pipeline.work_queue import Waiting, WorkQueue
from inspector.policy.audited import Audited, Ended, Left, Planned
from inspector.policy.role import Policy
from inspector.registry.settings import Settings, user_settings
from inspector.sources.registry.open import Registries

TEMPORARY_BYTES = 1 << 40
"""The bound on a cache that is removed at the end: the disk's."""

Event = Audited | Planned | Ended
NewExecutor = Callable[[Registries, Options, Callable[[int], None]], Executor]
"""Makes an executor of one's own: given the run's registries and options, and who is told of bytes that come."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be audited, and at what cost: which tags, whether to stop at the plan, and no more than so much.

    `max_bytes` are of layers, `max_requests` of any kind; None is no bound.
    """

    selection: Selection = Selection()
    plan_only: bool = False
    max_bytes: int | None = None
    max_requests: int | None = None


EVERYTHING = Terms()


def audit_registries(
    targets: Iterable[Target],
    policy: Policy | None,
    options: Options = DEFAULTS,
    *,
    terms: Terms = EVERYTHING,
    watch: Watch | None = None,
    executor: NewExecutor | None = None,
    settings: Settings | None = None,
) -> Generator[Event, None, None]:
    """Results as they come, the plan among them before any layer is read, and at last how it ended.

    Without a policy, facts without a verdict; without `settings`, registries are reached as the user's files say.
    Raises `UsageError` for what can't be asked, `PolicyError` for a role that the policy lacks. Closing the generator
    stops the work; what was read by then is in the cache.
    """
    terms.selection.check()
    wanted = once(targets)
    if not wanted:
        raise UsageError("nothing to audit: name a repository, as in registry.example.com/team/api")
    budget = Budget(terms.max_requests, terms.max_bytes)
    with contextlib.ExitStack() as stack:
        cache = stack.enter_context(_usable(options.cache))
        settings = settings or user_settings(options.insecure_registries)
        registries = Registries(settings, kept=cache.documents, offline=options.offline, gate=budget.ask)
        ledger = WorkQueue()
        for close in (ledger.close, registries.close):
            stack.callback(close)
        run = _Run(policy, msgspec.structs.replace(options, cache=cache), ledger, registries, budget, watch)
        yield from run.resolve(wanted, terms.selection)
        if terms.plan_only:
            yield from run.cut_short()
            return
        yield from run.judge_all(executor or _threads)
        yield run.ended(() if cache is options.cache else cache.warnings)


class _Run:
    """One audit between its plan and its end."""

    def __init__(
        self,
        policy: Policy | None,
        options: Options,
        ledger: WorkQueue,
        registries: Registries,
        budget: Budget,
        watch: Watch | None,
    ) -> None:
        if policy is not None:
            policy = asking(policy, options.python)
        held = role_named(policy, options.role) if policy is not None and options.role is not None else None
        python, seconds = options.python or "python", options.image_timeout
        self._judge = Judge(policy, held, python=python, whole=options.verify, seconds=seconds)
        self._options = options
        self._ledger = ledger
        self._registries = registries
        self._budget = budget
        self._watch = watch
        self._indexer = WorkQueueIndexer(options, ledger, budget)
        self._resolver: Resolver | None = None
        self._fetched = 0

    def resolve(self, targets: list[Target], selection: Selection) -> Iterator[Event]:
        """All images taken into the ledger, and the plan; results for what can't be opened."""
        jobs = self._options.jobs or JOBS
        resolver = Resolver(
            self._registries,
            self._judge,
            selection,
            self._options.platform,
            jobs=jobs,
            budget=self._budget,
            seconds=self._options.image_timeout,
        )
        assert self._options.cache is not None
        self._resolver = resolver
        yield from resolver.resolve(
            targets, self._ledger, self._options.cache, self._watch, verify=self._options.verify
        )
        plan = self._ledger.plan(resolver.plan)
        if self._watch:
            self._watch.planned(plan)
        yield plan

    def judge_all(self, new_executor: NewExecutor) -> Iterator[Audited]:
        """Each image as soon as all its layers are known, while a thread takes what the executor gives."""
        executor = new_executor(self._registries, self._options, self._advanced)
        read = executor.run(self._units())
        waiting: Waiting | None = None
        with work.SideBySide(lambda each: each, read, 1, stop=self._registries.close) as results:
            while True:
                for item in results.take(wait=waiting is None):
                    self._settle(*item)
                waiting = self._ledger.ready()
                if waiting is not None:
                    yield from self._verdicts(waiting, self._indexer)
                elif results.ended:
                    return

    def cut_short(self) -> Iterator[Ended]:
        """How a plan ended that a bound, or a registry that was lost, kept from being whole; nothing of one that is."""
        if self._budget.why:
            left = Left(why=self._budget.why, tags=self._resolver.left if self._resolver else 0)
            yield Ended(layers_fetched=0, bytes_fetched=0, requests=self._budget.requests, left=left)

    def ended(self, warnings: tuple[str, ...]) -> Ended:
        """What was done in all, and what a bound kept from being done."""
        left = self._ledger.left(self._budget.why, self._resolver.left if self._resolver else 0)
        if left.images and not left.why:  # an executor that answers for less than it was given
            left = msgspec.structs.replace(left, why="some layers were never answered for")
        return Ended(
            layers_fetched=self._fetched + self._indexer.fetched,
            bytes_fetched=self._budget.bytes,
            requests=self._budget.requests,
            left=left,
            warnings=warnings,
        )

    def _units(self) -> Iterator[Unit]:
        for unit in self._ledger.wanted():
            if not self._budget.is_lost(unit.host) and self._budget.reserve(unit.size):
                yield unit
            else:
                self._ledger.leave(unit)

    def _settle(self, unit: Unit, outcome: Scanned | Failure) -> None:
        self._budget.settle(unit.size, outcome.bytes_read)
        self._budget.note(unit.host, outcome.kind if isinstance(outcome, Failure) else "")
        if isinstance(outcome, Failure) and isinstance(outcome.error(), Spent):
            self._ledger.leave(unit)
            return
        if isinstance(outcome, Scanned):
            self._fetched += 1
            assert self._options.cache is not None
            self._options.cache.put(outcome.index, unit.digest)
        self._ledger.note(unit, outcome)

    def _verdicts(self, waiting: Waiting, indexer: Indexer) -> Iterator[Audited]:
        pending = waiting.pending
        image = pending.image(waiting.tags[0], self._registries)
        found = list(self._judge.verdicts(image, waiting.tags, pending.digest, indexer if waiting.needs else None))
        if any(each.error is not None and each.error.kind == Spent("").kind for each in found):
            self._ledger.put_off(waiting.id)
            return
        self._ledger.judged(waiting.id)
        if self._watch:
            self._watch.judged(waiting.tags[0])
        yield from found

    def _advanced(self, count: int) -> None:
        work.advance(count)
        if self._watch:
            self._watch.advanced(count)


def _threads(registries: Registries, options: Options, meter: Callable[[int], None]) -> Executor:
    jobs, seconds = options.jobs or READERS, options.image_timeout
    return ThreadExecutor(registries, jobs=jobs, verify=options.verify, meter=meter, seconds=seconds)


@contextlib.contextmanager
def _usable(cache: IndexCache | None) -> Iterator[IndexCache]:
    """The cache, if it can be read and written; else one for this run alone, since indexes are never held in memory."""
    if cache is not None and cache.is_usable():
        yield cache
        return
    with (
        work.cleanup_pending(),
        tempfile.TemporaryDirectory(prefix="inspector-audit-") as folder,
        contextlib.closing(IndexCache(Path(folder) / "layers.sqlite", TEMPORARY_BYTES)) as own,
    ):
        yield own
