"""The skeleton of an ELF file: what a loader looks at before it maps the file, and the symbols that it binds.

Follows the System V gABI, chapters 4 and 5, and glibc's `elf.h` for what it adds.
"""

from __future__ import annotations

from inspector.elf.dynamic import Strings
from inspector.elf.facts import MAX_LOADER, is_loader, read_loader
from inspector.elf.forward import MAX_HELD, Passed, read_forward
from inspector.elf.hashes import gnu_hash
from inspector.elf.layout import MAGIC
from inspector.elf.listed import Listed, ListSearch, holds_list, read_listed, search_for
from inspector.elf.model import LoaderFacts, NotElf, Skeleton, Symbols, VersionNeed
from inspector.elf.skeleton import read_skeleton
from inspector.elf.source import Content, FilePart, Source, Window
from inspector.elf.symbols import read_both, read_symbols
from inspector.elf.words import bytes_of, words_of

__all__ = [
    "MAGIC",
    "MAX_HELD",
    "MAX_LOADER",
    "Content",
    "FilePart",
    "ListSearch",
    "Listed",
    "LoaderFacts",
    "NotElf",
    "Passed",
    "Skeleton",
    "Source",
    "Strings",
    "Symbols",
    "VersionNeed",
    "Window",
    "bytes_of",
    "gnu_hash",
    "holds_list",
    "is_loader",
    "read_both",
    "read_forward",
    "read_listed",
    "read_loader",
    "read_skeleton",
    "read_symbols",
    "search_for",
    "words_of",
]
