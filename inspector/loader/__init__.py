"""A model of what loads shared objects: the kernel at a program's start, ld.so of glibc and musl, dlopen.

Against the files and the environment of an image alone; nothing of it runs.
"""

from __future__ import annotations

from inspector.loader.model import Loaded, LoadFailure, Objects, Outcome, Rights
from inspector.loader.process import Process
from inspector.loader.tables import Tables

__all__ = ["LoadFailure", "Loaded", "Objects", "Outcome", "Process", "Rights", "Tables"]
