"""The worker: fits a line to each queued series with torch, on a GPU where there is one."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import torch

from ktrdr.queue import Queue

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def trend(values: Sequence[float]) -> dict[str, float]:
    """Slope and intercept of the line of least squares through `values`, one unit of time apart."""
    prices = torch.tensor(values, dtype=torch.float64, device=DEVICE)
    times = torch.arange(len(values), dtype=torch.float64, device=DEVICE)
    lines = torch.stack([times, torch.ones_like(times)], dim=1)
    slope, intercept = torch.linalg.lstsq(lines, prices.unsqueeze(1)).solution.squeeze(1).tolist()
    return {"slope": slope, "intercept": intercept}


def work(queue: Queue) -> int:
    """Do every job that waits; how many there were."""
    count = 0
    while (job := queue.claim()) is not None:
        queue.finish(job.id, trend(job.values))
        count += 1
    return count


def main() -> None:
    """Work for ever, or with --once until no job waits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when no job waits")
    once = parser.parse_args().once
    queue = Queue()
    while True:
        work(queue)
        if once:
            return
        time.sleep(1)


if __name__ == "__main__":
    main()
