"""Where an audit's results go: lines as they come, or one text at the end; and the exit code."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from inspector import work
from inspector.cli.destinations import Destination, emit_reports
from inspector.cli.output import complain, emit, say
from inspector.errors import UsageError
from inspector.pipeline import Progress
from inspector.pipeline.audit import Event
from inspector.policy.audited import Audited, AuditReport, Ended, Left, Planned, outcome_of_audit
from inspector.policy.model import Outcome, counted, exit_code, worst
from inspector.policy.role import Policy
from inspector.report.audit import (
    ended_told,
    left_told,
    plan_told,
    row_of,
)
from inspector.report.formats import View, formats

LINES = "jsonl"
MAX_AT_ONCE = 10_000
"""Results that are printed after an interruption, which is waited for: some 50 microseconds each."""


class Sink:
    """Takes the events of one audit. Of each result, no more is kept than the format shows at the end."""

    def __init__(
        self,
        reports: Sequence[Destination],
        policy: Policy | None = None,
        *,
        quiet: bool,
        only_failed: bool,
        plan_only: bool,
    ) -> None:
        known = formats("audit")
        self._lines = [each for each in reports if known[each.form].line is not None and not plan_only]
        self._texts = [each for each in reports if each not in self._lines]
        self._whole = any(known[each.form].whole for each in self._texts)
        self._policy = policy
        self._quiet = quiet
        self._only_failed = only_failed
        self._plan_only = plan_only
        self._results: list[Audited] = []
        self._counts: Counter[Outcome | None] = Counter()
        self._met: set[Outcome | None] = set()
        """What counts for the exit code: not the warnings of what is waived."""
        self._waived = 0
        self._plan: Planned | None = None
        self._ended: Ended | None = None
        self._files: dict[Path, BinaryIO] = {}

    def __enter__(self) -> Self:
        for each in self._lines:
            if each.file is not None:
                try:
                    self._files[each.file] = each.file.open("wb")
                except OSError as error:
                    raise UsageError(f"{each.file}: can't be written: {error.strerror or error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def take(self, events: Iterable[Event]) -> None:
        """Take all events, as they come; print the plan at once."""
        for event in events:
            match event:
                case Planned():
                    self._plan = event
                    if not self._quiet and not self._plan_only:
                        say(plan_told(event))
                case Ended():
                    self._ended = event
                case Audited():
                    outcome = event.outcome or ("unknown" if event.error else None)
                    self._counts[outcome] += 1
                    self._met.add(counted(outcome, event.findings) if outcome else None)
                    self._waived += event.waived
                    self._keep(event)

    def take_all(self, events: Iterable[Event], progress: Progress, begun: float) -> None:
        """Take all events; after an interruption, print what came until then."""
        try:
            self.take(events)
        except (KeyboardInterrupt, SystemExit, work.Stopped):
            with work.cleanup_pending():  # the end of the program waits for it
                if self._ended is None:
                    self._interrupt(progress.so_far)
                self.finish(time.monotonic() - begun)
            raise

    def _interrupt(self, so_far: Callable[[], Ended] | None) -> None:
        """Take it that no more events come; `so_far` sums up what was fetched."""
        if not self._whole and len(self._results) > MAX_AT_ONCE:
            self._results = [each for each in self._results if each.outcome not in ("pass", None)]
            complain("images that pass are not listed: they are too many to print within a second", "warning")
        images = max(self._plan.images - self._counts.total(), 0) if self._plan else 0
        ended = so_far() if so_far else Ended(layers_fetched=0, bytes_fetched=0, requests=0)
        self._ended = msgspec.structs.replace(ended, left=Left(why="the interruption", images=images))

    def finish(self, span: float, fail_on: Collection[str] = ()) -> int:
        """Print what is printed at the end; return the exit code. `span` is in seconds."""
        left = self._ended.left if self._ended else Left()
        if self._ended is None:
            outcome: Outcome = "unknown" if self._counts else "pass"  # errors are all that comes before the plan
        else:
            outcome = outcome_of_audit(self._counts, left)
        self._emit_texts(outcome)
        if not self._quiet:
            self._tell(left, span)
        return exit_code(
            outcome if outcome != "warn" else worst(each for each in self._met if each), self._met, fail_on
        )

    def _keep(self, event: Audited) -> None:
        for each in self._lines:
            line = formats("audit")[each.form].line
            assert line is not None
            text = line.render(event, View())
            if each.file is None:
                emit(text)
            else:
                self._files[each.file].write(text.encode())
                self._files[each.file].flush()
        if self._texts:
            self._results.append(event if self._whole else row_of(event))

    def _emit_texts(self, outcome: Outcome) -> None:
        plan = self._plan or Planned()
        report = AuditReport(outcome=outcome, plan=plan, results=tuple(self._results), ended=self._ended)
        for each in sorted(self._texts, key=lambda text: text.file is None):
            if self._plan_only and not formats("audit")[each.form].whole:
                emit(f"{plan_told(plan)}\n", each.file)
            else:
                emit_reports("audit", report, [each], self._policy, only_failed=self._only_failed)

    def _tell(self, left: Left, span: float) -> None:
        if self._plan_only:
            for each in self._results:
                message = each.error.message if each.error else ""
                complain(f"{each.image}: {message.removeprefix(f'{each.image}: ')}")
            if left.why:
                complain(left_told(left), "warning")
            return
        assert self._ended is not None
        for warning in self._ended.warnings:
            complain(warning, "warning")
        say(ended_told(self._counts, self._ended, span, self._waived))
        tells = any(each.file is None and not formats("audit")[each.form].whole for each in self._texts)
        if left.why and not tells:
            complain(left_told(left), "warning")
