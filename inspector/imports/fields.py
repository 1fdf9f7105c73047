"""`sys.version_info` as a value."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Self


class Fields(tuple[Any, ...]):
    """`sys.version_info`."""

    __slots__ = ()
    major, minor, micro, releaselevel = (property(itemgetter(at)) for at in range(4))

    def __new__(cls, *items: Any) -> Self:
        """Take five parts."""
        return super().__new__(cls, items)
