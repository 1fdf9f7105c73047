"""An audit of registries: each manifest and each layer once, and a verdict as soon as an image's layers are known.

The pipeline is that of `check`, but its plan lies in a work queue on disk.
"""

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
from inspector.pipeline.audited import Judge
from inspector.pipeline.budget import AuditBudget, Spent
from inspector.pipeline.executor import READERS, Executor, Failure, ThreadExecutor, Unit
from inspector.pipeline.indexing import WorkQueueIndexer
from inspector.pipeline.model import DEFAULTS, Options, Progress
from inspector.pipeline.resolve import Resolver
from inspector.pipeline.scopes import Scope, Selection, once, parse_scope
from inspector.pipeline.work_queue import State, Waiting, WorkQueue
from inspector.policy.audited import Audited, Ended, Left, Planned
from inspector.policy.role import Policy
from inspector.registry.settings import Settings, user_settings
from inspector.sources.registry.open import Registries

TEMPORARY_BYTES = 1 << 40
"""The bound on a cache that is removed at the end: the disk's."""

Event = Audited | Planned | Ended
NewExecutor = Callable[[Registries, Options, Callable[[int], None]], Executor]
"""Makes an executor of one's own: given the run's registries and options, and the meter for bytes that arrive."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be audited, and at what cost: which tags, whether to stop at the plan, and no more than so much.

    `max_bytes` are of layers, `max_requests` of any kind; None sets no bound. What is `known` is judged without asking
    any registry.
    """

    selection: Selection = Selection()
    plan_only: bool = False
    known: bool = False
    max_bytes: int | None = None
    max_requests: int | None = None


EVERYTHING = Terms()


def audit(
    scopes: Iterable[Scope | str],
    policy: Policy | None,
    options: Options = DEFAULTS,
    *,
    terms: Terms = EVERYTHING,
    progress: Progress | None = None,
    executor: NewExecutor | None = None,
    settings: Settings | None = None,
) -> Generator[Event, None, None]:
    """Yield results as they come, the plan among them before any layer is read, and at last how it ended.

    Without a policy, facts without a verdict; without `settings`, registries are reached as the user's files say.
    Raises `UsageError` for what can't be asked, `PolicyError` for a role that the policy lacks. Closing the generator
    stops the work; what was read by then is in the cache.

    >>> for event in audit(["registry.example.com/team/api"], load_policy("inspector.toml")):
    ...     print(event)
    """
    terms.selection.check()
    wanted = once(parse_scope(each) if isinstance(each, str) else each for each in scopes)
    if not wanted:
        raise UsageError("nothing to audit: name a repository, as in registry.example.com/team/api")
    if policy is not None:
        options = options.trusting(policy.trust_toc)
    budget = AuditBudget(terms.max_requests, terms.max_bytes)
    with contextlib.ExitStack() as stack:
        cache = stack.enter_context(_usable(options.cache))
        settings = settings or user_settings(options.insecure_registries, options.trust_toc)
        queue = stack.enter_context(contextlib.closing(WorkQueue()))
        registries = stack.enter_context(contextlib.closing(_registries(settings, cache, options, terms, budget)))
        is_own = cache is not options.cache
        options = msgspec.structs.replace(options, cache=cache)
        resolver = Resolver(
            registries=registries,
            judge=Judge(policy, options),
            selection=terms.selection,
            options=options,
            cache=cache,
            queue=queue,
            budget=budget,
            progress=progress or Progress(),
        )
        run = _Run(resolver)
        yield from run.resolve(wanted)
        if not terms.plan_only:
            yield from run.judge(executor or _threads)
            yield run.ended(cache.warnings if is_own else ())
        elif budget.why:
            yield run.cut_short()


def _registries(
    settings: Settings, cache: IndexCache, options: Options, terms: Terms, budget: AuditBudget
) -> Registries:
    if not terms.known:
        return Registries(settings, kept=cache.documents, offline=options.offline, gate=budget.ask)
    if cache is not options.cache:
        raise UsageError("an audit of what is known reads the cache alone, and that is off or can't be written")
    from inspector.sources.registry.remembered import RememberedRegistries

    return RememberedRegistries(settings, answers=cache.answers, kept=cache.documents)


class _Run:
    """One audit between its plan and its end."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._judge = resolver.judge
        self._options = resolver.options
        self._queue = resolver.queue
        self._registries = resolver.registries
        self._cache = resolver.cache
        self._budget = resolver.budget
        self._progress = resolver.progress
        self._indexer = WorkQueueIndexer(self._options, self._queue, self._budget)
        self._fetched = 0
        self._progress.so_far = self.so_far

    def resolve(self, scopes: list[Scope]) -> Iterator[Event]:
        """Queue all images, and yield the plan; before it, results for what can't be opened."""
        yield from self._resolver.resolve(scopes)
        plan = self._queue.plan(self._resolver.plan)
        self._progress.add(images=plan.images, size=plan.bytes_to_fetch)
        yield plan

    def judge(self, new_executor: NewExecutor) -> Iterator[Audited]:
        """Judge each image as soon as all its layers are known, while a thread takes what the executor gives."""
        read = new_executor(self._registries, self._options, self._progress.meter).run(self._units())
        waiting: Waiting | None = None
        with work.SideBySide(lambda each: each, read, 1, stop=self._registries.close) as results:
            while True:
                for unit, outcome in results.take(wait=waiting is None):
                    self._settle(unit, outcome)
                waiting = self._queue.next_image()
                if waiting is not None:
                    yield from self._verdicts(waiting)
                elif results.ended:
                    return

    def cut_short(self) -> Ended:
        """Say that a bound, or a registry that was lost, kept the plan from being whole."""
        left = Left(why=self._budget.why, tags=self._resolver.left)
        return Ended(layers_fetched=0, bytes_fetched=0, requests=self._budget.requests, left=left)

    def ended(self, warnings: tuple[str, ...]) -> Ended:
        """Sum up what was done, and what a bound kept from being done."""
        left = self._queue.left(self._budget.why, self._resolver.left)
        if left.images and not left.why:  # an executor that answers for less than it was given
            left = msgspec.structs.replace(left, why="some layers were never answered for")
        return msgspec.structs.replace(self.so_far(), left=left, warnings=(*warnings, *self._judge.warnings()))

    def so_far(self) -> Ended:
        """Sum up what was fetched until now."""
        return Ended(
            layers_fetched=self._fetched + self._indexer.fetched,
            bytes_fetched=self._budget.bytes,
            requests=self._budget.requests,
        )

    def _units(self) -> Iterator[Unit]:
        for unit in self._queue.layers_to_read():
            if not self._budget.is_lost(unit.host) and self._budget.reserve(unit.size):
                yield unit
            else:
                self._queue.mark(unit, State.SKIPPED)

    def _settle(self, unit: Unit, outcome: Scanned | Failure) -> None:
        self._budget.settle(unit.size, outcome.bytes_read)
        self._budget.note(unit.host, outcome.kind if isinstance(outcome, Failure) else "")
        if isinstance(outcome, Failure) and isinstance(outcome.error(), Spent):
            self._queue.mark(unit, State.SKIPPED)
            return
        if isinstance(outcome, Scanned):
            self._fetched += 1
            self._cache.put(outcome.index, unit.digest)
        self._queue.finish_layer(unit, outcome)

    def _verdicts(self, waiting: Waiting) -> Iterator[Audited]:
        image = waiting.pending.image(waiting.tags[0], self._registries)
        needs = waiting.needs or any(self._judge.needs_layers(image, tag) for tag in waiting.tags)
        indexer = self._indexer if needs else None
        found = list(self._judge.verdicts(image, waiting.tags, waiting.pending.digest, indexer))
        if any(each.error is not None and each.error.kind == Spent("").kind for each in found):
            self._queue.skip_image(waiting.id)
            return
        self._queue.finish_image(waiting.id)
        self._progress.finished(waiting.tags[0])
        yield from found


def _threads(registries: Registries, options: Options, meter: Callable[[int], None]) -> Executor:
    jobs, seconds = options.jobs or READERS, options.image_timeout
    return ThreadExecutor(registries, jobs=jobs, verify=options.verify, meter=meter, seconds=seconds)


@contextlib.contextmanager
def _usable(cache: IndexCache | None) -> Iterator[IndexCache]:
    """Use the cache, if it can be read and written; else one for this run alone: indexes are never held in memory."""
    if cache is not None and cache.is_usable():
        yield cache
        return
    with (
        work.cleanup_pending(),
        tempfile.TemporaryDirectory(prefix="inspector-audit-") as folder,
        contextlib.closing(IndexCache(Path(folder) / "layers.sqlite", TEMPORARY_BYTES)) as own,
    ):
        yield own
