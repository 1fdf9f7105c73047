"""What reading one image may take beside time: one value an image, which all that reads its files spends from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, NamedTuple

from inspector.errors import LimitExceeded, UsageError
from inspector.work.token import check

VARIABLE = "INSPECTOR_LIMITS"
"""The environment variable that raises or lowers bounds: `entries=2000000,steps=20000000`."""

Bound = Literal["entries", "bytes", "steps"]
_STEPS_A_CHECK = 1000


class Bounds(NamedTuple):
    """The bounds of one image, each some times what the largest known images take (6 GB, 42,000 files).

    `entries` are what is held at once: a file that a list names is one, an installed distribution a hundred, an entry
    of the search path, in which every module is looked for, five hundred. `bytes` are those of files that are read. A
    step is about a microsecond: a name that is looked up, a row of a list, a character that is parsed is eight.
    """

    entries: int = 1_000_000
    bytes: int = 128 << 20
    steps: int = 5_000_000


def stated_bounds(environment: Mapping[str, str] = os.environ) -> Bounds:
    """Read the bounds that `INSPECTOR_LIMITS` states; the others are ours. Raises `UsageError`.

    >>> stated_bounds({"INSPECTOR_LIMITS": "entries=2000000"}).entries
    2000000
    """
    stated: dict[str, int] = {}
    for item in filter(None, environment.get(VARIABLE, "").replace(" ", "").split(",")):
        name, _, number = item.partition("=")
        if name not in Bounds._fields or not (number.isascii() and number.isdigit() and len(number) <= 18):
            raise UsageError(
                f"{VARIABLE}: {item[:100]!r} is not a bound and a number; write {', '.join(Bounds._fields)} as in "
                "'entries=2000000,steps=20000000'"
            )
        stated[name] = int(number)
    return Bounds(**stated)


class Budget:
    """What is left of the bounds of an image; for one thread at a time.

    Once a bound is met everything is refused: a caller that takes the first refusal for one unreadable file gets no
    further.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = stated_bounds() if bounds is None else bounds
        self._left = self.bounds._asdict()
        self._unchecked = 0
        self._refusal = ""

    def spend(self, bound: Bound, amount: int, what: str) -> None:
        """Spend from a bound; `what` names the work in the refusal. Raises `LimitExceeded`, and as `work.check`."""
        self._left[bound] -= amount
        if self._left[bound] < 0 and not self._refusal:
            most = getattr(self.bounds, bound)
            self._refusal = (
                f"reading the image takes more than {most} {bound} ({what}), as one that is made to cost work does; "
                f"if you trust it, set {VARIABLE}={bound}={2 * most}"
            )
        self._unchecked += amount
        if self._unchecked > _STEPS_A_CHECK:
            self._unchecked = 0
            check()
        self.check()

    def check(self) -> None:
        """Raise `LimitExceeded` once a bound was met."""
        if self._refusal:
            raise LimitExceeded(self._refusal)
