"""The skeleton of an ELF file: what a loader looks at before it maps the file, and the symbols that it binds.

Follows the System V gABI, chapters 4 and 5, and glibc's `elf.h` for what it adds.
"""

from __future__ import annotations

from inspector.elf.model import NotElf, Skeleton, Symbols, VersionNeed, gnu_hash

__all__ = ["NotElf", "Skeleton", "Symbols", "VersionNeed", "gnu_hash"]
