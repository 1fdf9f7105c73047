"""A model of what loads shared objects: the kernel at a program's start, ld.so of glibc and musl, dlopen, `import`.

Against the files and the environment of an image alone; nothing of it runs.
"""

from __future__ import annotations

from inspector.loader.extension import ImportFailure, built_in_modules, import_extension, open_library
from inspector.loader.hwcaps import LEVELS
from inspector.loader.levels import at_each_level
from inspector.loader.model import Loaded, LoadFailure, Outcome, Rights
from inspector.loader.process import LATE, Process
from inspector.loader.tables import Tables
from inspector.loader.torch_import import TorchFiles, import_torch

__all__ = [
    "LATE",
    "LEVELS",
    "ImportFailure",
    "LoadFailure",
    "Loaded",
    "Outcome",
    "Process",
    "Rights",
    "Tables",
    "TorchFiles",
    "at_each_level",
    "built_in_modules",
    "import_extension",
    "import_torch",
    "open_library",
]
