"""`sys.version_info` as a value."""

from __future__ import annotations

from typing import Any, Self


class Fields(tuple[Any, ...]):
    """`sys.version_info`."""

    __slots__ = ()

    def __new__(cls, *items: Any) -> Self:
        """Take five parts."""
        return super().__new__(cls, items)

    @property
    def major(self) -> Any:
        """The first."""
        return self[0]

    @property
    def minor(self) -> Any:
        """The second."""
        return self[1]

    @property
    def micro(self) -> Any:
        """The third."""
        return self[2]

    @property
    def releaselevel(self) -> Any:
        """The fourth."""
        return self[3]
