"""`python -m bench.audit` measures an audit: tags a second cold and warm, and memory for few tags and for many.

The registry is a `docker-registry` of this run alone on the same machine, whose own work is in the figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Measured, measure
from tests.lab.many import REPOSITORIES, fleet, push_all
from tests.lab.registries import registry

MB = 1e6
MANY, LAYERS = 1000, 200


def audit_rows(inspector: Sequence[str], tags: int = MANY) -> list[str]:
    """Push so many tags over `LAYERS` layers, and audit them: nothing cached, all cached, and a tenth of them."""
    memory = Path("/dev/shm")  # noqa: S108 - a registry writes through, and the disk is not what is measured
    with tempfile.TemporaryDirectory(prefix="inspector-bench-", dir=memory if memory.is_dir() else None) as folder:
        root = Path(folder)
        with registry(root) as host:
            push_all(host, fleet(tags, LAYERS))
            names = [f"{host}/{name}" for name in REPOSITORIES]
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
        f"memory: {(cold.peak - few.peak) / MB:+.1f} MB for ten times as many tags",
    ]


def _once(words: list[str], *, times: int = 1) -> Measured:
    return measure(words, times=times, env={}, keep=False)


def _row(job: str, measured: Measured, tags: int | None) -> str:
    rate = "" if tags is None else f"{tags / measured.median:6.0f} tags/s"
    return f"{job:58}  {measured.median:6.2f} s  {rate:14}  {measured.peak / MB:5.0f} MB"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.audit", description=__doc__)
    parser.add_argument("--tags", type=int, default=MANY, help=f"tags in all (default: {MANY})")
    options = parser.parse_args()
    for row in audit_rows([sys.executable, "-m", "inspector"], options.tags):
        sys.stdout.write(f"{row}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
