"""Python's own zstd, or its backport: imported where it is first of use."""

from __future__ import annotations

import sys
from types import ModuleType


def zstd_module() -> ModuleType:
    """Import it."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    return zstd
