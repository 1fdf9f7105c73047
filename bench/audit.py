"""`python -m bench.audit` measures an audit: tags a second cold and warm, and memory for few tags and for many.

The registry is a `docker-registry` of this run alone on the same machine, whose own work is in the figures;
for what repositories and round trips cost, one of the tests' stands in, which waits before it answers, and for very
many of them a simulated one (`bench.far`).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.far import REPOSITORIES, Fleet, plan_once
from bench.measure import Measured, measure
from bench.table import Beside, Row, Target, headings, line
from fixtures.roles import right_images
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from tests.lab.many import REPOSITORIES as NAMES
from tests.lab.many import fleet, push_all
from tests.lab.registries import registry

MANY, LAYERS = 1000, 200
GUARDED, TOKEN_SECONDS = 40, 0.3
FAR, TAGS_EACH, ROUND_TRIP = 100, 10, 0.03
JOBS, WIDTHS = 8, (8, 32)
OF_THE_LEAST = 1.25
"""How long a plan may take, in the least that its requests can: round trips by jobs."""


def audit_rows(inspector: Sequence[str], tags: int = MANY) -> list[Row]:
    """Push so many tags over `LAYERS` layers, and audit them: nothing cached, all cached, and a tenth of them."""
    memory = Path("/dev/shm")  # noqa: S108 - a registry writes through, and the disk is not what is measured
    with tempfile.TemporaryDirectory(prefix="inspector-bench-", dir=memory if memory.is_dir() else None) as folder:
        root = Path(folder)
        with registry(root) as host:
            push_all(host, fleet(tags, LAYERS))
            names = [f"{host}/{name}" for name in NAMES]
            words = [*inspector, "audit", *names, "--no-policy", "--format", "jsonl", "-q"]
            cold = _once([*words, "--cache-dir", str(root / "cache")])
            warm = _once([*words, "--cache-dir", str(root / "cache")], times=3)
            plan = _once([*words, "--cache-dir", str(root / "cache"), "--plan"], times=3)
            few = _once([*words, "--cache-dir", str(root / "few"), "--include", "1.?", "--include", "1.?0"])
    return [
        _row(f"audit of {tags} tags, {LAYERS} layers, nothing cached", cold, tags),
        _row(f"audit of {tags} tags, everything cached", warm, tags),
        _row(f"plan of {tags} tags", plan, tags),
        _row("audit of a tenth of them, nothing cached", few, None),
    ]


def listing_rows(inspector: Sequence[str]) -> list[Row]:
    """Audit many repositories behind a slow token server, and behind a link with a delay: first run, and a later one.

    The registry is one of the tests', which waits as long as it is told to.
    """
    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder, FakeRegistry() as fake:
        _fill(fake, GUARDED, 1)
        fake.answer = _guarded(fake)  # type: ignore[method-assign, assignment]
        guarded = _listed(inspector, fake, GUARDED, Path(folder) / "guarded")
    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder, FakeRegistry() as fake:
        _fill(fake, FAR, TAGS_EACH)
        good = fake.answer
        fake.answer = lambda asked: _late(ROUND_TRIP, good, asked)  # type: ignore[method-assign]
        far = [_listed(inspector, fake, FAR, Path(folder) / "far") for _ in range(2)]
    tags = FAR * TAGS_EACH
    return [
        _row(
            f"audit of {GUARDED} repositories, a token takes {TOKEN_SECONDS} s, {JOBS} jobs",
            guarded,
            None,
            GUARDED * TOKEN_SECONDS / JOBS,
        ),
        _row(f"audit of {FAR} repositories, {tags} tags, {ROUND_TRIP * 1000:.0f} ms a request", far[0], tags),
        _row("the same again, everything cached", far[1], tags),
    ]


def plan_rows(inspector: Sequence[str], repositories: int = REPOSITORIES) -> Iterator[Row]:
    """Plan many repositories in a registry that answers late, beside the least that so many requests can take."""
    fleet = Fleet(repositories, TAGS_EACH, 1)
    for jobs in WIDTHS:
        with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
            for what in ("nothing known", "all known"):
                done = plan_once([*inspector], fleet, jobs, cache=Path(folder))
                job = f"plan of {repositories:,} repositories, {repositories * TAGS_EACH:,} tags, -j {jobs}, {what}"
                beside, target = Beside(run=done.bound), Target(of_run=OF_THE_LEAST)
                row = Row(job, done.measured, files=done.requests, beside=beside, target=target)
                yield row.with_yardstick(done.bound)  # what it waits for is as long on every machine


def _fill(fake: FakeRegistry, repositories: int, tags: int) -> None:
    images = right_images()
    for number in range(repositories):
        for tag in range(tags):
            fake.push(f"team/{number}", f"1.{tag}", images["backend-prod"])


def _listed(inspector: Sequence[str], fake: FakeRegistry, count: int, cache: Path) -> Measured:
    names = [f"{fake.host}/team/{number}" for number in range(count)]
    return _once([*inspector, "audit", *names, "--no-policy", "-q", "-j", f"{JOBS}", "--cache-dir", str(cache)])


def _guarded(fake: FakeRegistry) -> Callable[[Asked], Answer]:
    """A registry that asks for a token for each repository, which takes its server so long."""

    def answer(asked: Asked) -> Answer:
        if asked.path.startswith("/token"):
            return _late(TOKEN_SECONDS, lambda _: answer_json({"token": "t"}), asked)
        if "authorization" in asked.headers or asked.path == "/v2/":
            return fake.good(asked)
        scope = f"repository:{'/'.join(asked.path.split('/')[2:4])}:pull"
        challenge = f'Bearer realm="{fake.url}/token",service="bench",scope="{scope}"'
        return Answer(401, b"", {"WWW-Authenticate": challenge})

    return answer


def _late(seconds: float, good: Callable[[Asked], Answer], asked: Asked) -> Answer:
    time.sleep(seconds)
    return good(asked)


def _once(words: list[str], *, times: int = 1) -> Measured:
    return measure(words, times=times, env={}, keep=False)


def _row(job: str, measured: Measured, tags: int | None, least: float | None = None) -> Row:
    return Row(job, measured, files=tags, beside=Beside(run=least))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.audit", description=__doc__)
    parser.add_argument("--tags", type=int, default=MANY, help=f"tags in all (default: {MANY})")
    parser.add_argument("--listing", action="store_true", help="measure repositories and round trips alone")
    options = parser.parse_args()
    inspector = [sys.executable, "-m", "inspector"]
    sys.stdout.write(headings() + "\n")
    for row in (*listing_rows(inspector), *([] if options.listing else audit_rows(inspector, options.tags))):
        sys.stdout.write(line(row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
