"""The answer for each name that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from inspector.errors import InspectorError
from inspector.imports.finder import Finder, ReadContent
from inspector.imports.model import Imported
from inspector.imports.opening import Opener
from inspector.imports.record import unlike_record
from inspector.imports.state import Ends, Loaded, Raised, doubts_left
from inspector.imports.walk import Walk
from inspector.loader import TorchFiles
from inspector.loader.torch_preloads import read_opened
from inspector.oci import ImageConfig
from inspector.python.access import as_user
from inspector.python.editable import is_editable_hook
from inspector.python.environment import Environment, environment_of
from inspector.python.folders import Folders
from inspector.python.literals import parse_literals
from inspector.python.model import Interpreter
from inspector.rootfs import Rootfs
from inspector.unknown import Absent, Importable, Unknown

MAX_REASONS = 5
"""Doubts that are listed of one name."""
MAX_FOLLOWED = 3000
"""Modules that are listed of one name."""
_MAX_VERSION_FILE = 64 << 10


def find_imports(
    fs: Rootfs,
    config: ImageConfig,
    interpreter: Interpreter | Unknown,
    names: Iterable[str],
    content: ReadContent,
    doubts: Sequence[str] = (),
) -> dict[str, Imported]:
    """Return what the interpreter would do on `import NAME`, for each of `names` in a process of its own.

    `content` reads any file of the image; `doubts` are what its entrypoint may change.
    """
    if isinstance(interpreter, Unknown):
        answer = Imported(
            importable=Importable.NO if isinstance(interpreter, Absent) else Importable.UNKNOWN,
            reasons=(interpreter.unknown,),
        )
        return dict.fromkeys(names, answer)
    found: dict[str, Imported] = {}
    for name in dict.fromkeys(names):
        found[name] = _doubted(_find(fs, config, interpreter, name, content), doubts)
    return found


def _doubted(answer: Imported, doubts: Sequence[str]) -> Imported:
    if not doubts:
        return answer
    return Imported(
        importable=Importable.UNKNOWN,
        reasons=(*answer.reasons, *doubts),
        path=answer.path,
        followed=answer.followed,
        modules=answer.modules,
        extensions=answer.extensions,
        layer=answer.layer,
    )


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question about one import, where more is known of its files: `fs` is what the container's user sees.

    `changed` tells which sources aren't as they were installed, `refused` what Python raises for a module's bytecode
    (`?` where that isn't known); where `trusted`, other bytecode, and functions that import, are taken for those of an
    import that works. `gone` are modules whose files were installed and are missing: no code makes these.
    """

    fs: Rootfs
    environment: Environment
    interpreter: Interpreter
    content: ReadContent
    changed: Callable[[str], bool] = lambda _: False
    refused: Callable[[str, str], tuple[str, str] | None] = lambda _, __: None
    trusted: bool = False
    gone: frozenset[str] = frozenset()


def follow(asked: Asked, name: str) -> Imported:
    """Return what `import NAME` would do, whatever the entrypoint does. Raises `InspectorError`, `RecursionError`."""
    return _import(asked, name)


def _find(fs: Rootfs, config: ImageConfig, interpreter: Interpreter, name: str, content: ReadContent) -> Imported:
    if interpreter.implementation != "cpython":
        return _unknown(f"what {interpreter.implementation} imports is not followed")
    if interpreter.runs != "yes":
        why = interpreter.reasons or ("whether the interpreter starts is not known",)
        return Imported(importable=Importable.NO if interpreter.runs == "no" else Importable.UNKNOWN, reasons=why)
    try:
        environment = environment_of(fs, config)
        seen = as_user(fs, environment)
        return _import(Asked(fs=seen, environment=environment, interpreter=interpreter, content=content), name)
    except (InspectorError, RecursionError) as error:
        return _unknown(str(error))


def _unknown(why: str) -> Imported:
    return Imported(importable=Importable.UNKNOWN, reasons=(why,))


def _import(asked: Asked, name: str) -> Imported:
    fs, environment, interpreter = asked.fs, asked.environment, asked.interpreter
    folders = Folders(fs)
    finder = Finder(folders, interpreter, asked.content)
    finder.hooked = _hooked(interpreter)
    opener = Opener(fs, interpreter.resolved, environment, lambda path: _torch(finder, interpreter, environment, path))
    if opener.refused is not None:
        certain = opener.refused.certainty != "unknown"
        return Imported(importable=Importable.NO if certain else Importable.UNKNOWN, reasons=(opener.refused.text,))
    walk = Walk(finder, opener, environment.variables, interpreter.version, interpreter.machine or "")
    walk.changed, walk.refused, walk.trusted_bytecode = asked.changed, asked.refused, asked.trusted
    walk.gone = asked.gone
    failed = ""
    try:
        walk.load_all(name, "", maybe=False)
    except (Raised, Ends) as ended:
        failed = str(ended)
    unlike: list[str] = []
    if not failed:
        unlike = unlike_record(walk, folders, asked.content, functions=not asked.trusted)
    return _answer(walk, opener, name, failed, folders, unlike)


def _answer(walk: Walk, opener: Opener, name: str, failed: str, folders: Folders, unlike: Sequence[str]) -> Imported:
    loaded = [each for each in walk.modules.values() if not each.maybe]
    doubts = [*(each.text for each in doubts_left(walk.doubts, walk.modules)), *unlike]
    differs = opener.differs()
    reasons = [
        *([failed] if failed else []),
        *doubts[:MAX_REASONS],
        *opener.process.doubts,
        *([differs] if differs else []),
    ]
    certain_failure = failed and not differs and not opener.process.doubts and not _doubtful(failed, doubts)
    outcome = Importable.NO if certain_failure else Importable.UNKNOWN if reasons else Importable.YES
    module = walk.modules.get(name)
    found = module.found if module is not None else None
    path = found.path if found is not None else None
    node = None if path is None else folders.node(path)
    return Imported(
        importable=outcome,
        reasons=(failed,) if certain_failure else tuple(dict.fromkeys(reasons)),
        path=path,
        followed=tuple(each.name for each in loaded if _is_told(each))[:MAX_FOLLOWED],
        modules=len(loaded),
        extensions=sum(each.found is not None and each.found.loader == "extension" for each in loaded),
        layer=node.layer if node is not None else None,
    )


def _doubtful(failed: str, doubts: Sequence[str]) -> bool:
    """Tell whether a failure may not be reached, as something before it is not known."""
    return bool(doubts) and not failed.startswith(("ModuleNotFoundError", "ImportError"))


def _is_told(module: Loaded) -> bool:
    """Tell whether a module is not one of the standard library."""
    return module.found is not None and ("-packages/" in module.found.path or "/lib/python" not in module.found.path)


def _hooked(interpreter: Interpreter) -> str:
    """Return what runs at start and may change what is found; empty where nothing does."""
    for hook in interpreter.hooks:
        if hook.touches_torch != "no" and not is_editable_hook(hook):
            return f"{hook.path!r}, which runs code at start, changes what is found"
    return ""


def _torch(finder: Finder, interpreter: Interpreter, environment: Environment, extension: str) -> TorchFiles | None:
    """Return what torch's own `__init__` opens around its extension module."""
    package = extension.rpartition("/")[0]
    source = finder.source(f"{package}/__init__.py")
    return TorchFiles(
        package=package,
        source=source,
        extension=extension,
        search_path=interpreter.search_path,
        cuda=_cuda(finder, package),
        shared=bool(environment.variables.get("TORCH_USE_RTLD_GLOBAL")),
        opened=read_opened(source, package) or (),
    )


def _cuda(finder: Finder, package: str) -> str | None:
    try:
        values: Mapping[str, object] = parse_literals(finder.source(f"{package}/version.py"), _MAX_VERSION_FILE)
    except (InspectorError, ValueError):
        return None
    cuda = values.get("cuda")
    return cuda if isinstance(cuda, str) else None
