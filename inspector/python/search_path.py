"""`sys.path` of `python -c`, in order: CPython's getpath.py and Lib/site.py over the image's files."""

from __future__ import annotations

import posixpath
import re
import sys
from typing import Literal

import msgspec

from inspector.errors import Malformed, Unsupported
from inspector.python.access import READ, allowed
from inspector.python.environment import Environment
from inspector.python.files import (
    StartFails,
    exists,
    find,
    is_listed,
    join,
    list_dir,
    names_in,
    read_strict,
)
from inspector.python.harmless import is_harmless
from inspector.python.inert import added_paths
from inspector.python.model import Hook
from inspector.python.prefix import Prefixes
from inspector.python.pth import EDITABLE, MAX_TEXT, parse_pth, parse_start
from inspector.python.pth_text import Reader, read_pth
from inspector.python.site_rules import FROZEN, SiteRules, includes_system_sites, site_folders
from inspector.python.sources import read_source
from inspector.python.version import Minor
from inspector.rootfs import NotKept, NotListed, Rootfs, is_dir, is_file

_ENTRIES_AN_ENTRY = 500  # of the budget: every module is looked for in each entry
_STEPS_A_LINE = 50  # each may name a path behind forty links

Customizing = Literal["sitecustomize", "usercustomize"]

_APPORT = ["try:", "import apport_python_hook", "except ImportError:", "pass", "else:", "apport_python_hook.install()"]
_IMPORT = r"import[ \t]+([A-Za-z]\w{0,100})[ \t]*"
_OWN_FOLDER = re.compile(r"(?s)\A/++proc/++self/++cwd(?:/++|\Z)(?!(?:.*/)?\.\.(?:/|\Z))")
"""Not before `..`, which Python takes away with the name before it, and the kernel follows."""
_ZERO = re.compile(r"\s*+[+-]?0++\s*+", re.ASCII)


class SearchPath(msgspec.Struct, frozen=True):
    """The entries with the working directory in place of `''`; `prefix` is `sys.prefix`.

    What the .pth files of `unlisted` site folders add is missing: single files were asked for, none listed. `fails`
    says why Python stops on the way.
    """

    entries: tuple[str, ...]
    prefix: str
    hooks: tuple[Hook, ...]
    unlisted: tuple[str, ...] = ()
    fails: str = ""


class Python(msgspec.Struct, frozen=True):
    """An interpreter as far as the search path depends on it."""

    prefixes: Prefixes
    minor: Minor
    rules: SiteRules
    musl: bool = False


def search_path(fs: Rootfs, python: Python, environment: Environment) -> SearchPath:
    """Return what the interpreter searches for imports.

    Raises `NotKept`, `LimitExceeded`, `Malformed`, `Unsupported`.
    """
    builder = _Builder(fs, python, environment)
    path_file = python.prefixes.path_file
    if path_file is None:
        builder.start(python_path(environment) + list(python.prefixes.standard_library(python.minor)))
    else:
        builder.start(path_file.entries)
    fails = ""
    if environment.site if path_file is None else path_file.with_site:  # getpath.py has the file outdo -S
        try:
            builder.run_site()
        except StartFails as error:
            fails = str(error)
    safe = path_file is not None or (python.minor.at_least >= (3, 11) and environment.get("PYTHONSAFEPATH"))
    entries = builder.entries if safe else [environment.cwd, *builder.entries]
    return SearchPath(tuple(entries), builder.prefix, tuple(builder.hooks), tuple(builder.unlisted), fails)


def python_path(environment: Environment) -> list[str]:
    """Return PYTHONPATH: an empty one adds nothing, an empty component is the working directory, `~` a plain name.

    The kernel's link to the working directory (proc_pid_cwd(5)) stands for it, whatever the image has in /proc; not
    where its name would be a pattern to what globs the entries, as torch does.
    """
    value = environment.get("PYTHONPATH")
    plain = not set("*?[") & set(environment.cwd)
    entries = [_OWN_FOLDER.sub("", entry) if plain else entry for entry in value.split(":")] if value else []
    return [posixpath.join(environment.cwd, entry) for entry in entries]


class _Builder:
    """The search path while site.py makes it: `known` holds what may not come twice."""

    def __init__(self, fs: Rootfs, python: Python, environment: Environment) -> None:
        self.fs, self.python, self.environment = fs, python, environment
        self.entries: list[str] = []
        self.known: set[str] = set()
        self.hooks: dict[Hook, None] = {}
        self.unlisted: dict[str, None] = {}
        self.prefix = python.prefixes.venv or python.prefixes.base

    def start(self, entries: list[str] | tuple[str, ...]) -> None:
        """Follow site.removeduppaths: made absolute, each once; two slashes at the beginning stay."""
        for entry in entries:
            self.add(posixpath.normpath(posixpath.join("/", entry)))

    def add(self, path: str) -> None:
        """Append what isn't there yet."""
        if path not in self.known:
            self.fs.budget.spend("entries", _ENTRIES_AN_ENTRY, "entries of the search path")
            self.known.add(path)
            self.entries.append(path)

    def run_site(self) -> None:
        """Follow site.main: the virtual environment, the user's site, the system's, and code that sites ask to run."""
        user_site = self._user_site_enabled()
        prefixes = [self.python.prefixes.base, self.python.prefixes.exec_base]
        modern = self.python.minor.at_least >= (3, 14)
        if modern and self.python.prefixes.venv:
            prefixes = [self.python.prefixes.venv]
        system_sites = includes_system_sites(self.fs, self.python.prefixes.executable)
        if system_sites is not None:
            if not modern:
                self.prefix = posixpath.dirname(posixpath.dirname(self.python.prefixes.executable))
            self.add_sites([self.prefix])
            bases = [self.python.prefixes.base, self.python.prefixes.exec_base]
            prefixes = [self.prefix, *bases] if system_sites else [self.prefix]
            user_site = user_site and system_sites
        if user_site and is_dir(self.fs, self._user_site()):
            self.add_site(self._user_site())
        if user_site and self.python.rules.layout == "fedora" and "RPM_BUILD_ROOT" not in self.environment.variables:
            prefixes.insert(0, "/usr/local")
        self.add_sites(prefixes)
        self._customize("sitecustomize")
        if user_site:
            self._customize("usercustomize")

    def add_sites(self, prefixes: list[str]) -> None:
        """Follow site.addsitepackages: of each prefix the site folders that exist."""
        python = self.python
        venv = self.prefix != python.prefixes.base
        for prefix in dict.fromkeys(prefixes):
            for folder in site_folders(python.rules, prefix, python.prefixes.libdir, python.minor, venv=venv):
                if is_dir(self.fs, folder):
                    self.add_site(folder)

    def _user_site(self) -> str:
        """Return the user's own site, there or not, `~` being HOME."""
        base = self.environment.get("PYTHONUSERBASE") or f"{self.environment.home.rstrip('/')}/.local"
        return posixpath.join(self.environment.cwd, base, "lib", self.python.minor.folder, "site-packages")

    def add_site(self, folder: str) -> None:
        """Follow site.addsitedir: the folder, then what its .pth files add, by sorted name."""
        folder = join(folder)
        self.add(folder)
        names = list_dir(self.fs, folder)
        try:
            ordered = sorted(names)
        except NotListed:
            self.unlisted[folder] = None
            return
        for name in ordered:
            if self.python.rules.skips_hidden and name.startswith("."):
                continue
            if name.endswith(".pth"):
                self._read_pth(folder, name, runs=f"{name[:-4]}.start" not in names)
            elif name.endswith(".start") and self.python.rules.start_files:
                text = read_strict(self.fs, join(folder, name)) or ""
                self._add_hooks(parse_start(text, join(folder, name), self.python.rules))

    def _read_pth(self, folder: str, name: str, *, runs: bool) -> None:
        """Follow the path lines; `runs` says that no .start file takes the place of the others."""
        path = join(folder, name)
        reached = find(self.fs, path)
        if reached is not None and allowed(reached[1], self.environment, READ) == "no":
            return  # site.py goes on where it can't open the file
        rules = self.python.rules
        reader = Reader(self.python.minor, as_utf8=rules.accepts_mark, musl=self.python.musl)
        text = read_pth(self.fs, path, reader, self.environment)
        items = parse_pth(text, path, self.python.rules) if text else []
        lines = len((text or "").splitlines())
        self.fs.budget.spend("steps", _STEPS_A_LINE * lines, "lines of .pth files")
        for item in items:
            if isinstance(item, Hook):
                if (runs or not self.python.rules.start_files) and self._run_line(item):
                    break
                continue
            if "\0" in item.path:
                if self.python.minor.at_least < (3, 8):
                    break
                continue
            target = join(folder, item.path)
            if target not in self.known and exists(self.fs, target):
                self.add(target)

    def _run_line(self, hook: Hook) -> bool:
        """Note what a line of code does; of one that is simple enough, with what it adds to the search path.

        Tell whether it fails at once, so that site.py leaves out the rest of its file.
        """
        if hook.touches_torch == "no" or EDITABLE.fullmatch(hook.text):
            self._add_hooks([hook])
            return False
        plain = re.fullmatch(_IMPORT, hook.text)
        if plain and self._is_absent(plain[1]):
            effect = f"fails: there is no module {plain[1]!r}"
            self._add_hooks([msgspec.structs.replace(hook, effect=effect, touches_torch="no")])
            return True
        self._run_code(hook, "" if self._left_out(hook.text) else hook.text)
        return False

    def _run_code(self, hook: Hook, text: str) -> None:
        """Note code that runs at start; where it is simple enough, with what it adds to the search path."""
        added = added_paths(text, self.environment.variables, self._module) if text else None
        if added is None:
            self._add_hooks([hook])
            return
        effect = (
            f"adds {':'.join(each.path for each in added)[:200]} to the search path"
            if added
            else "does nothing in this environment"
        )
        self._add_hooks([msgspec.structs.replace(hook, effect=effect, touches_torch="no")])
        for entry in added:
            self.fs.budget.spend("entries", _ENTRIES_AN_ENTRY, "entries of the search path")
            if entry.site:
                self.add_site(entry.path)
                continue
            place = 0 if entry.first else len(self.entries)
            self.entries.insert(place, posixpath.join(self.environment.cwd, entry.path))

    def _is_absent(self, name: str) -> bool:
        """Test whether no module of a name is on the search path as it is now, nor one that Python may have built in.

        Not so where something else than folders is there, or code that ran before may bring it.
        """
        finders = any(hook.touches_torch != "no" for hook in self.hooks)
        if finders or name.startswith("_") or name in sys.stdlib_module_names or self.python.prefixes.path_file:
            return False
        for entry in self.entries:
            self.fs.budget.spend("steps", _STEPS_A_LINE, "modules that lines of .pth files import")
            if is_file(self.fs, entry):
                return False
            if any(exists(self.fs, f"{entry}/{name}{ending}") for ending in ("", ".py", ".pyc", ".so", ".abi3.so")):
                return False
            children = list_dir(self.fs, entry) if is_dir(self.fs, entry) else {}
            if is_listed(children) and any(each.startswith(f"{name}.") for each in names_in(children, ())):
                return False
        return True

    @staticmethod
    def _left_out(text: str) -> bool:
        """Tell whether a line was cut, so that it may do more."""
        return len(text) >= MAX_TEXT

    def _module(self, name: str) -> str | None:
        """Return the source of a module on the search path as it is now; None for a package, or where there is none."""
        for entry in self.entries:
            if is_dir(self.fs, f"{entry}/{name}"):
                return None
            try:
                text = read_source(self.fs, f"{entry}/{name}.py")
            except (NotKept, Malformed, Unsupported):
                return None
            if text is not None:
                return text
        return None

    def _add_hooks(self, hooks: list[Hook]) -> None:
        """Add hooks once: a folder may be read twice."""
        self.hooks.update(dict.fromkeys(hooks))
        self.fs.budget.spend("entries", _ENTRIES_AN_ENTRY * len(hooks), "lines of code in .pth files")

    def _user_site_enabled(self) -> bool:
        """PYTHONNOUSERSITE turns it off unless it is the number 0 (3.7 on); from 3.14 on a `._pth` file does too."""
        value = self.environment.get("PYTHONNOUSERSITE")
        zero = bool(_ZERO.fullmatch(value)) and self.python.minor.at_least >= (3, 7)
        off = bool(value) and not zero
        if self.python.prefixes.path_file is not None and self.python.minor.at_least >= (3, 14):
            return False
        stated = self.python.rules.user_site
        if stated is not None and self.python.minor.at_least >= FROZEN and is_dir(self.fs, self._user_site()):
            raise Unsupported(
                f"site.py states whether {self._user_site()!r} counts, and Python {self.python.minor} runs a site.py "
                "that was compiled into it"
            )
        return not off if stated is None else stated

    def _customize(self, module: Customizing) -> None:
        """Note the first module of the name on the path, which site.py imports."""
        for entry in self.entries:
            for folder, name in ((f"{entry}/{module}", "__init__"), (entry, module)):
                for path in (f"{folder}/{each}" for each in self._files_of(folder, name)):
                    if is_file(self.fs, path):
                        hook, text = _customize_hook(self.fs, module, path)
                        self._run_code(hook, text)
                        return

    def _files_of(self, folder: str, name: str) -> list[str]:
        """Return the names that the module may have in a folder, extension modules first.

        These only where it is listed.
        """
        children = list_dir(self.fs, folder)
        start = f"{name}.cpython-{self.python.minor.abi.removeprefix('cp')}-"
        own = sorted(each for each in names_in(children, ()) if each.startswith(start))
        extensions = [*own, f"{name}.abi3.so", f"{name}.so"] if is_listed(children) and children else []
        return [*extensions, f"{name}.py", f"{name}.pyc"]


def _customize_hook(fs: Rootfs, module: Customizing, path: str) -> tuple[Hook, str]:
    """Return what a customizing module does; Debian's, which only sets up its crash reporter, is known by its text.

    Where that isn't known, with its source, if there is one.
    """
    unknown = Hook(kind=module, path=path, effect="runs code that is not known", touches_torch="unknown")
    try:
        text = read_source(fs, path) or ""
    except (NotKept, Malformed, Unsupported):
        return unknown, ""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    reports = lines == _APPORT
    if lines and not reports and not (path.endswith(".py") and is_harmless(text)):
        return unknown, text if path.endswith(".py") else ""
    effect = "sets up the distribution's crash reporter" if reports else "nothing"
    return Hook(kind=module, path=path, effect=effect, touches_torch="no"), ""
