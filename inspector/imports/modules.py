"""Loading modules: found, opened where they are compiled, and walked where they are sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inspector.errors import InspectorError, LimitExceeded, Malformed
from inspector.imports.compiled import CompiledNames
from inspector.imports.evaluate import UNSURE, Module, Thing
from inspector.imports.finder import Finder
from inspector.imports.known import FROZEN, FROZEN_311, MADE_BY_COMPILED, STARTED, WHOLE
from inspector.imports.opening import Opener
from inspector.imports.state import Doubt, Ends, Function, Loaded, Raised, is_closed, may_make, mentions, version_of
from inspector.imports.statements import read_statements
from inspector.imports.syntax import Block, Source
from inspector.python.modules import Found
from inspector.unknown import Unknown

MAX_MODULES = 6_000
"""Modules that one image's questions load; torch loads some 1,100."""
MAX_PARSED = 40 << 20
"""Characters of all sources that are parsed for one image; torch has 19 MB."""
MAX_DEPTH = 70
"""Imports within imports."""
MAX_DOUBTS = 200
_CHARACTERS_A_STEP = 10


class Modules:
    """The modules of one importing process. What isn't decided is in `doubts`."""

    def __init__(
        self, finder: Finder, opener: Opener, variables: Mapping[str, str], version: str, machine: str
    ) -> None:
        self._finder = finder
        self._opener = opener
        self.variables = variables
        self.machine = machine
        self.version = version_of(version)
        self._compiled = CompiledNames(finder, opener)
        self.modules: dict[str, Loaded] = {}
        self.doubts: list[Doubt] = []
        self._failed: dict[str, Raised] = {}
        self._sources: dict[str, Source] = {}
        self._parsed = 0
        self._depth = 0
        self._loads = 0
        self.mentioned: set[str] = set()
        self.changed: Callable[[str], bool] = lambda _: False
        self.refused: Callable[[str, str], tuple[str, str] | None] = lambda _, __: None
        self.trusted_bytecode = False
        self.gone: frozenset[str] = frozenset()
        self.trusted: set[tuple[str, str]] = set()
        for name in STARTED:
            self._add(Loaded(name, None, self._own_paths(name), "compiled"))
        self.modules["os"].names |= {
            "environ": Thing("os", "environ"),
            "path": Module("os.path"),
            "getenv": Thing("os", "getenv"),
        }

    def _own_paths(self, name: str) -> tuple[str, ...]:
        return self._finder.find(name, None)[1] if name == "encodings" else ()

    def run_module(self, module: Loaded, body: Block, *, maybe: bool) -> None:
        """Run a module's own statements."""
        raise NotImplementedError

    def call(self, called: Function, args: list[Any], named: dict[str, Any], *, maybe: bool) -> Any:
        """Run a function's statements; return what it returns."""
        raise NotImplementedError

    def attribute(self, module: str, name: str) -> Any:
        """See `World.attribute`."""
        found = self.modules.get(module)
        value = found.names.get(name, UNSURE) if found is not None else UNSURE
        if value is UNSURE and f"{module}.{name}" in self.modules:
            return Module(f"{module}.{name}")
        return value

    def findable(self, name: str) -> bool | None:
        """See `World.findable`."""
        if name in self.modules or name in self._opener.built_in:
            return True
        parent = name.rpartition(".")[0]
        if parent and parent not in self.modules:
            return None
        found, _ = self._finder.find(name, self.modules[parent].paths if parent else None)
        return None if isinstance(found, Unknown) or (found is None and self._finder.hooked) else found is not None

    def doubt(self, module: str, error: str, text: str) -> None:
        """Note what may go wrong."""
        made = Doubt(module, error, text)
        if len(self.doubts) < MAX_DOUBTS and made not in self.doubts:
            self.doubts.append(made)

    def load_all(self, name: str, where: str, *, maybe: bool) -> Loaded:
        """Load a module and all above it, as `import a.b.c` does. Raises `Raised`, `Ends`, `LimitExceeded`."""
        known = self.modules.get(name)
        if known is not None and (maybe or not known.maybe):
            return known
        parts = name.split(".")
        parent: Loaded | None = None
        for count in range(1, len(parts) + 1):
            whole = ".".join(parts[:count])
            known = self.modules.get(whole)
            if known is None or (known.maybe and not maybe):
                known = self._load(whole, parent, where, maybe=maybe)
                if parent is not None:
                    parent.names[parts[count - 1]] = Module(whole)
            parent = known
        assert parent is not None
        return parent

    def member(
        self, module: Loaded, name: str, where: str, *, maybe: bool, relative: bool = False, own: bool = False
    ) -> Any:
        """Return what `from module import name` gives: a value, else a submodule. Raises as `load_all`.

        `relative` says that the module is named by dots alone: then most names are submodules. `own` says that the
        module itself asks, so that what it binds later is not there.
        """
        whole = f"{module.name}.{name}"
        if name in module.names:
            value = module.names[name]
            if (
                isinstance(value, Module)
                and value.name == whole
                and whole in self.modules
                and self.modules[whole].maybe
            ):
                self.load_all(whole, where, maybe=maybe)
            return value
        if whole in self.modules and (maybe or not self.modules[whole].maybe):
            return Module(whole)
        if module.is_package and self._is_there(module, whole):
            self.load_all(whole, where, maybe=maybe)
            return Module(whole)
        if module.opened:
            self._compiled.check(module, name, where, self.changed)
            return UNSURE
        self._ask_for(module, name, where, maybe=maybe, relative=relative, own=own)
        return UNSURE

    def _ask_for(self, module: Loaded, name: str, where: str, *, maybe: bool, relative: bool, own: bool) -> None:
        """Ask for a name that is not bound: the module's `__getattr__` may make it. Raises `Raised`."""
        text = f"cannot import name {name!r} from {module.name!r} ({module.origin})"
        maker = module.names.get("__getattr__")
        if isinstance(maker, Function) and not module.loading:
            self.call(maker, [name], {}, maybe=maybe)
        whole = f"{module.name}.{name}"
        if module.dynamic and not relative:
            self.trusted.add((module.name, name))
            return
        if module.dynamic and (not module.is_package or name != name.lower() or self._is_made(module, name)):
            return  # it is no submodule, which could be missing: code makes it
        if module.dynamic or module.registers or "__getattr__" in module.names:
            if name not in module.words:
                self.doubt(whole, "ImportError", f"ImportError: {text}, {where}, unless its code makes that name")
        elif module.loading and not own and (module.binds is None or name in module.binds):
            self.doubt(whole, "ImportError", f"ImportError: {text}, {where}, unless it is bound by then")
        else:
            raise Raised("ImportError", text, where)

    def _is_made(self, module: Loaded, name: str) -> bool:
        """Tell whether a function or method of a package has the name, or compiled code that is known makes it."""
        if (module.name, name) in MADE_BY_COMPILED:
            return True
        below = f"{module.name}."
        return any(
            name in self._sources[each.origin].defined
            for each in self.modules.values()
            if each.name.startswith(below) and each.origin in self._sources
        )

    def _is_there(self, module: Loaded, whole: str) -> bool:
        return whole in self._failed or self._finder.find(whole, module.paths)[0] is not None

    def _load(self, name: str, parent: Loaded | None, where: str, *, maybe: bool) -> Loaded:
        if name in self._failed:
            raise self._failed[name]
        self._loads += 1
        if self._loads > MAX_MODULES:
            raise LimitExceeded(f"it loads more than {MAX_MODULES} modules")
        if name in self._opener.built_in:
            return self._add(Loaded(name, None, (), "compiled"), maybe=maybe)
        if parent is not None and not parent.is_package:
            return self._below_module(name, parent, where, maybe=maybe)
        try:
            found, paths = self._finder.find(name, None if parent is None else parent.paths)
        except InspectorError as error:
            found, paths = Unknown(str(error)), ()
        if isinstance(found, Found):
            return self._open(Loaded(name, found, paths), where, maybe=maybe)
        return self._not_found(name, parent, found, where, maybe=maybe)

    def _below_module(self, name: str, parent: Loaded, where: str, *, maybe: bool) -> Loaded:
        """Return a module below one that is no package: there only where that one registers it itself."""
        if parent.opened or parent.registers:
            return self._made(name, parent, where, maybe=maybe)
        text = f"No module named {name!r}; {parent.name!r} is not a package"
        raise Raised("ModuleNotFoundError", text, f"imported {where}" if where else "")

    def _not_found(self, name: str, parent: Loaded | None, found: Unknown | None, where: str, *, maybe: bool) -> Loaded:
        frozen = FROZEN_311 if self.version >= (3, 11) else FROZEN
        if name in frozen:
            return self._add(Loaded(name, None, (), "compiled"), maybe=maybe)
        closed = name in self.gone or (parent is not None and parent.name in WHOLE and not parent.opened)
        if parent is not None and not closed and (parent.registers or parent.moves or parent.opened):
            return self._made(name, parent, where, maybe=maybe)
        if found is not None or (parent is None and self._finder.hooked):
            why = found.unknown if found is not None else f"No module named {name!r}, unless {self._finder.hooked}"
            self.doubt(name, "?", why)
            return self._add(Loaded(name, None, (), "unknown"), maybe=maybe)
        raise Raised("ModuleNotFoundError", f"No module named {name!r}", f"imported {where}" if where else "", name)

    def _made(self, name: str, parent: Loaded, where: str, *, maybe: bool) -> Loaded:
        """Return a module that no file shows, which the code of the one above it may put in place."""
        if not may_make(parent, name):
            text = f"ModuleNotFoundError: No module named {name!r}, imported {where}, unless code makes it"
            self.doubt(name, "?", text)
        made = Loaded(name, None, parent.paths[:1], "unknown" if parent.opened == "unknown" else "compiled")
        made.words, made.registers = parent.words, True
        return self._add(made, maybe=maybe)

    def _add(self, module: Loaded, *, maybe: bool = False) -> Loaded:
        module.maybe = maybe
        self.modules[module.name] = module
        return module

    def _open(self, module: Loaded, where: str, *, maybe: bool) -> Loaded:
        assert module.found is not None
        self._add(module, maybe=maybe)
        if module.found.loader == "none":
            return self._of_namespace(module, where)
        self._depth += 1
        module.loading = True
        try:
            if self._depth > MAX_DEPTH:
                self._leave_open(module, f"{module.name} is imported within more than {MAX_DEPTH} other imports")
            elif module.found.loader == "extension":
                self._open_extension(module, where, maybe=maybe)
            else:
                self._run_source(module, maybe=maybe)
        except Raised as raised:
            self.modules.pop(module.name, None)
            if not maybe:
                self._failed[module.name] = raised
            raise
        finally:
            self._depth -= 1
            module.loading = False
        return module

    def _of_namespace(self, module: Loaded, where: str) -> Loaded:
        if module.name == "torch._C":
            self.modules.pop(module.name)
            raise Raised("ImportError", "torch's extension module torch/_C*.so is missing", f"imported {where}")
        return module

    def _open_extension(self, module: Loaded, where: str, *, maybe: bool) -> None:
        assert module.found is not None
        assert module.found.origin is not None
        module.opened = "compiled"
        failure = self._opener.open(module.name, module.found.origin, maybe=maybe)
        if failure is None:
            return
        if failure.certainty == "unknown":
            self.doubt(module.name, "?", f"{module.found.origin}: {failure.text}")
        elif failure.certainty == "dies":
            text = f"the process ends: {failure.text or module.found.origin}, where {module.name} is imported {where}"
            if not maybe:
                raise Ends(text)
            self.doubt(module.name, "?", text)
        else:
            raise Raised(failure.error, failure.text, f"imported {where}" if where else "", module.name)

    def _leave_open(self, module: Loaded, why: str) -> None:
        module.opened = "unknown"
        self.doubt(module.name, "?", why)

    def _run_source(self, module: Loaded, *, maybe: bool) -> None:
        assert module.found is not None
        refused = self.refused(module.name, module.origin)
        if refused == ("", ""):
            module.opened = "compiled"
            return
        if refused is not None and refused[0] != "?":
            raise Raised(*refused, subject=module.name)
        if refused is not None or (module.found.loader == "bytecode" and not self.trusted_bytecode):
            told = refused[1] if refused else f"{module.origin} is compiled: what it imports is not known"
            self._leave_open(module, told)
            return
        if module.found.loader == "bytecode":
            module.opened = "compiled"
            return
        try:
            source = self._source(module.origin)
        except LimitExceeded:
            raise
        except (SyntaxError, Malformed) as error:
            raise Raised(
                "SyntaxError", f"{str(error).partition(' (')[0]} ({module.origin})", "", module.name
            ) from error
        except (InspectorError, ValueError) as error:
            text = str(error)
            self._leave_open(module, text if module.origin in text else f"{module.origin}: {text}")
            return
        module.names["__spec__"] = Thing(module.package, "__spec__")
        self.mentioned |= mentions(module, source.imports)
        module.dynamic, module.words = source.dynamic, source.words
        module.registers, module.moves = source.registers, source.paths
        self.run_module(module, source.body, maybe=maybe)
        for name, attribute in sorted(source.attributes):
            self._look_up(module, module.names.get(name), attribute)

    def _look_up(self, module: Loaded, value: Any, attribute: str) -> None:
        """Ask a module's `__getattr__` for a name, which may load another module."""
        other = self.modules.get(value.name) if isinstance(value, Module) else None
        if other is None or attribute in other.names:
            return
        if attribute not in other.words:
            if self.changed(other.origin) and self.lacks(other.name, attribute):
                text = f"AttributeError: module {other.name!r} has no attribute {attribute!r}, which"
                self.doubt(module.name, "?", f"{text} {module.origin} uses")
            return
        maker = other.names.get("__getattr__")
        if isinstance(maker, Function):
            self.call(maker, [attribute], {}, maybe=True)

    def lacks(self, name: str, attribute: str) -> bool:
        """Tell whether a module certainly has no attribute of a name."""
        other = self.modules.get(name)
        if other is None or not is_closed(other) or "__getattr__" in other.names or attribute.startswith("__"):
            return other is not None and self._compiled.lacks(other, attribute)
        return attribute not in other.names and f"{name}.{attribute}" not in self.modules

    def _source(self, origin: str) -> Source:
        known = self._sources.get(origin)
        if known is None:
            text = self._finder.source(origin)
            self._parsed += len(text)
            if self._parsed > MAX_PARSED:
                raise LimitExceeded(f"the sources of its modules have more than {MAX_PARSED} characters")
            self._finder.spend(len(text) // _CHARACTERS_A_STEP)
            known = read_statements(text, self.version[:2], whole=self.changed(origin))
            self._sources[origin] = known
        return known
