"""Where glibc looks for a library, in its order: RPATH, LD_LIBRARY_PATH, RUNPATH, the cache, default directories.

Follows `_dl_map_object` in glibc's `elf/dl-load.c`.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from inspector.elf import LoaderFacts
from inspector.errors import NotFound
from inspector.loader.cache import LoaderCache
from inspector.loader.candidate import Candidate, Machine, OtherClass, examine
from inspector.loader.errors import bad_file, not_found, unknown
from inspector.loader.facts import glibc_version, library_directory
from inspector.loader.files import Files, SystemRefuses
from inspector.loader.hwcaps import LEVELS, TOPS, X86_64, abi_flags, level_of_entry, platform_of, subdirectories
from inspector.loader.model import Loaded
from inspector.loader.tokens import expand, has_origin
from inspector.rootfs import NotKept, Rootfs

MAX_DIRECTORIES = 4096
_NODEFLIB = 0x800
_GOES_ON = (errno.ENOENT, errno.EACCES)
_ENOTDIR_GOES_ON_FROM = (2, 39)
_CACHE = "/etc/ld.so.cache"


class Search:
    """The search of one process. `levels` gathers the x86-64 levels at which it would find another file."""

    def __init__(self, fs: Rootfs, files: Files, machine: Machine, facts: LoaderFacts, level: int) -> None:
        self._fs = fs
        self._files = files
        self.machine = machine
        self._level = level
        self.glibc = glibc_version(facts) or (0, 0)
        self._defaults = tuple(f"{folder.rstrip('/')}/" for folder in facts.folders)
        self._library_directory = library_directory(facts.folders)
        self._cache_file = facts.cache or _CACHE
        self.levels: set[int] = set()
        self.program: Loaded | None = None
        self.secure = False
        self._library_path: tuple[str, ...] = ()
        self._loader_cache: LoaderCache | None = None
        self._below: dict[str, tuple[tuple[str, int], ...]] = {}
        self._absent: set[str] = set()
        self._entries: dict[str, str | None] = {}
        self._number = errno.ENOENT
        self._other_class = False

    def begin(self, program: Loaded, environment: Mapping[str, str], *, secure: bool) -> None:
        """Take the program and the environment; a program with more rights than its user has LD_LIBRARY_PATH unset."""
        self.program, self.secure = program, secure
        if not secure:
            self._library_path = self._directories(program, environment.get("LD_LIBRARY_PATH", ""), "[:;]")

    def expand(self, text: str, of: Loaded | None) -> str:
        """Return a name or path with the tokens of the object replaced."""
        origin = of.origin if of is not None else "/"
        values = {
            "ORIGIN": origin,
            "LIB": self._library_directory,
            "PLATFORM": platform_of(self.machine.number, self._level),
        }
        if "PLATFORM" in text and self.machine.number == X86_64:
            self.levels.add(3)
        return expand(text, values)

    def reaches(self, level: int) -> bool:
        """Tell whether the processor has the level that a file is built for."""
        if self._level < level <= LEVELS[-1]:
            self.levels.add(level)
        return level <= self._level

    def find(self, name: str, loader: Loaded | None) -> tuple[Candidate, str]:
        """Return the file for a name that `loader` asks for, and the source that had it. Raises `LoadStops`."""
        self._number, self._other_class = 0, False
        needed_by = loader.shown if loader is not None else ""
        if "/" in name:
            found = self._try(name)
            if found is not None:
                return found, "path"
        else:
            for how, look in self._sources(name, loader):
                found = look()
                if found is not None:
                    return found, how
        if self._other_class:
            raise bad_file(name, f"wrong ELF class: ELFCLASS{96 - self.machine.bits}", needed_by)
        raise not_found(name, self._number, needed_by)

    def _sources(self, name: str, loader: Loaded | None) -> Iterable[tuple[str, Callable[[], Candidate | None]]]:
        for of in self._inherited(loader):
            yield f"RPATH of {of.shown}", partial(self._in, self._rpath(of), name)
        yield "LD_LIBRARY_PATH", partial(self._in, self._library_path, name)
        if loader is not None:
            yield f"RUNPATH of {loader.shown}", partial(self._in, self._runpath(loader), name)
        asker = loader or self.program
        without_defaults = asker is not None and bool(asker.skeleton.flags_1 & _NODEFLIB)
        yield "ld.so.cache", partial(self._cached, name, without_defaults=without_defaults)
        if not without_defaults:
            yield "default directories", partial(self._in, self._defaults, name)

    def _inherited(self, loader: Loaded | None) -> Iterable[Loaded]:
        """Yield the objects whose RPATH serves what `loader` asks for."""
        if loader is not None and loader.skeleton.runpath is not None:
            return
        at, had_program = loader, False
        while at is not None:
            if self._rpath(at):
                yield at
                had_program |= at is self.program
            at = at.loader
        if not had_program and self.program is not None:
            yield self.program

    def _rpath(self, of: Loaded) -> tuple[str, ...]:
        if "rpath" not in of.searched:
            text = of.skeleton.rpath if of.skeleton.runpath is None else None
            of.searched["rpath"] = self._directories(of, text or "", ":")
        return of.searched["rpath"]

    def _runpath(self, of: Loaded) -> tuple[str, ...]:
        if "runpath" not in of.searched:
            of.searched["runpath"] = self._directories(of, of.skeleton.runpath or "", ":")
        return of.searched["runpath"]

    def _directories(self, of: Loaded, text: str, separator: str) -> tuple[str, ...]:
        """List the directories of a path, with a slash at their ends; an empty element is the working directory.

        Of a program with more rights than its user, one by `$ORIGIN` counts only if it is a default directory.
        """
        trusted = of is self.program and self.secure
        found: dict[str, None] = {}
        for part in re.split(separator, text) if text else []:
            expanded = self.expand(part, of)
            directory = expanded.rstrip("/") + "/" if expanded else ""
            if trusted and has_origin(part) and directory not in self._defaults:
                continue
            found[directory] = None
            if len(found) > MAX_DIRECTORIES:
                raise unknown(of.shown, f"its search path names more than {MAX_DIRECTORIES} directories")
        return tuple(found)

    def _in(self, directories: Iterable[str], name: str) -> Candidate | None:
        for directory in directories:
            exists = False
            for below, level in (*self._subdirectories(directory), ("", 1)):
                path = directory + below
                real = self._files.directory(path)
                if real is None:
                    self._note_absent(path)
                    continue
                exists = True
                if level > 1:
                    self._note_level(real, name, level)
                    if level > self._level:
                        continue
                found = self._try(path + name, real)
                if found is not None:
                    return found
            ends = _GOES_ON if self.glibc < _ENOTDIR_GOES_ON_FROM else (*_GOES_ON, errno.ENOTDIR)
            if exists and self._number not in ends:
                return None
        return None

    def _note_absent(self, directory: str) -> None:
        """Remember that a directory is not there: it is looked for once, and leaves its error then alone."""
        if directory not in self._absent and len(self._absent) < MAX_DIRECTORIES:
            self._absent.add(directory)
            self._number = errno.ENOENT

    def _note_level(self, real: str, name: str, level: int) -> None:
        if self._fs.lstat(f"{real}/{name}") is not None:
            self.levels.add(level)

    def _subdirectories(self, directory: str) -> tuple[tuple[str, int], ...]:
        """Return the directories for better processors that are there."""
        if directory not in self._below:
            if len(self._below) > MAX_DIRECTORIES:
                self._below.clear()
            tops = {top for top in TOPS if self._files.directory(directory + top) is not None}
            every = subdirectories(self.machine.number, self.glibc) if tops else ()
            self._below[directory] = tuple(
                (f"{name}/", level) for name, level in every if name.partition("/")[0] in tops
            )
        return self._below[directory]

    def _try(self, path: str, directory: str | None = None) -> Candidate | None:
        """Return the candidate at a path; None, with the error's number kept, where the search goes on."""
        try:
            name = path.rpartition("/")[2]
            file, node = self._files.open(path) if directory is None else self._files.open_in(directory, name)
            return examine(self._fs, self.machine, path, file, node)
        except OtherClass as refused:
            self._other_class, self._number = True, refused.number
        except SystemRefuses as refused:
            self._number = refused.number
        return None

    def _cached(self, name: str, *, without_defaults: bool) -> Candidate | None:
        if name not in self._entries:
            if len(self._entries) > MAX_DIRECTORIES:
                self._entries.clear()
            self._entries[name] = self._cache_entry(name)
        path = self._entries[name]
        if path is None or (without_defaults and path.startswith(self._defaults)):
            return None
        return self._try(path)

    def _cache_entry(self, name: str) -> str | None:
        """Find the best entry: those of named capabilities come first, the highest that the processor has."""
        cache = self._cache()
        best: tuple[int, str] | None = None
        for entry in cache.look_up(name):
            if entry.flags != abi_flags(self.machine.number):
                continue
            level = level_of_entry(entry.hwcap, cache.hwcaps, self.glibc)
            if level is None:
                continue
            if level > 1:
                self.levels.add(level)
            if level > self._level:
                continue
            if level == 1:
                return entry.path if best is None else best[1]
            if best is None or level > best[0]:
                best = level, entry.path
        return best[1] if best is not None else None

    def _cache(self) -> LoaderCache:
        if self._loader_cache is None:
            self._loader_cache = LoaderCache(self._read(self._cache_file), self.machine.order)
        return self._loader_cache

    def _read(self, path: str) -> bytes:
        try:
            return self._fs.read(self._files.open(path)[0])
        except (SystemRefuses, NotFound):
            return b""
        except NotKept as error:
            raise unknown(path, f"it is not known what it holds: {error}") from None
