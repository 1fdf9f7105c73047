"""Checks torch's own `__init__`: whether Python loads it, and whether the modules that it imports are there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from inspector.errors import InspectorError
from inspector.python.bytecode import state_of
from inspector.python.modules import find_in
from inspector.python.sources import read_source
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.completeness import rows_of
from inspector.torchbuild.core_modules import MODULES
from inspector.torchbuild.diagnostics import Diagnostic

MAX_SOURCE = 256 << 10
"""Characters of an `__init__` that are read; that of 2.13 has 120,000."""
MAX_IMPORTS = 1000
"""Modules that are looked for; the `__init__` of 2.13 imports a hundred of torch's own."""

_TEXTS = re.compile(
    r"""'''(?:[^\\]|\\.)*?(?:'''|\Z)|\"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\Z)"""
    r"""|'(?:[^'\\\n]|\\.)*+'?|\"(?:[^\"\\\n]|\\.)*+\"?|#[^\n]*+""",
    re.DOTALL,
)
_STATEMENT = re.compile(
    r"^(?:from[ \t]+(?P<base>\.?(?:\w+\.)*\w+|\.)[ \t]+import[ \t]*(?:\((?P<inside>[^()]*)\)|(?P<names>[^\n;(]*))"
    r"|import[ \t]+(?P<modules>[^\n;]*))",
    re.MULTILINE,
)
_BOUND = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
"""What binds a name at the left margin."""


def check_init(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that Python loads the package's `__init__`: source that is not empty, or bytecode of this Python."""
    origin = torch.found.origin
    node = torch.folders.node(origin) if origin else None
    if torch.found.loader == "bytecode":
        yield from _check_bytecode(torch, origin or torch.path)
    elif torch.found.loader != "source":
        yield Diagnostic("unknown", f"{origin!r} is no source: whether it loads is not known")
    elif node is not None and node.size == 0:
        yield Diagnostic("no", "torch/__init__.py is empty: what is imported holds nothing")


def check_own_imports(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that the modules of torch are there that its `__init__` imports in any case.

    Where its bytes were not kept nothing is said here: `check_files` and `check_core_modules` know the usual ones.
    """
    if torch.found.loader != "source" or not torch.found.origin:
        return
    try:
        text = read_source(torch.folders.fs, torch.found.origin) or ""
    except InspectorError:
        return
    if len(text) > MAX_SOURCE:
        return
    torch.folders.count_rows(len(text) // 10)  # a few expressions go over it, and no parser
    code = _code_of(text)
    imports = [*_imports_in(code)]
    if not imports and text.strip():
        yield Diagnostic("unknown", "torch/__init__.py imports nothing of torch: it is not PyTorch's own", asks=True)
    bound = {name for found in _BOUND.finditer(code) for name in found.groups() if name}
    known = {*MODULES, *_listed(torch, [name for _, name in imports])}
    for module, name in imports[:MAX_IMPORTS]:
        if name and (name in bound or name not in known):
            continue  # an attribute of the package need not be a module
        why = _lacks(torch, f"{module}.{name}" if name else module)
        if why:
            text = _explain(torch, module, name, why)
            yield Diagnostic("no", text) if why == "gone" else Diagnostic("unknown", text, asks=True)


def _listed(torch: Candidate, names: Iterable[str]) -> Iterator[str]:
    """List those of the names that are modules of torch, as its RECORD has them."""
    files = {f"torch/{name}{ending}": name for name in names for ending in (".py", "/__init__.py")}
    for paths, _, _ in rows_of(torch.folders, torch.distribution).columns():
        yield from map(files.__getitem__, files.keys() & paths)


def own_imports(text: str) -> Iterator[tuple[str, str]]:
    """List what a source of the package torch imports of torch at the left margin, where nothing is conditional.

    Each is a module, and the name that is taken from the package itself: `("torch", "testing")`, `("torch.nn", "")`.
    The C extension and what it holds are left out.
    """
    return _imports_in(_code_of(text))


def _code_of(text: str) -> str:
    """Return a source without its texts and comments, statements of several lines joined."""
    return _TEXTS.sub(" ", text.replace("\\\n", " "))


def _imports_in(code: str) -> Iterator[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    for statement in _STATEMENT.finditer(code):
        if statement["modules"] is not None:
            found.update(dict.fromkeys((module, "") for module, _ in _names(statement["modules"])))
            continue
        base = statement["base"]
        module = f"torch{base.rstrip('.')}" if base.startswith(".") else base
        if module == "torch":
            names = _names(statement["inside"] or statement["names"] or "")
            found.update(dict.fromkeys(("torch", name) for name, _ in names if name not in ("*", "_C")))
        else:
            found[module, ""] = None
    for module, name in found:
        if module == "torch" if name else module.startswith("torch.") and not f"{module}.".startswith("torch._C."):
            yield module, name


def _names(text: str) -> Iterator[tuple[str, str]]:
    """List the names of an import statement, each with what it is bound as."""
    for part in text.split(","):
        words = part.split()
        if words:
            yield words[0], words[-1]


def _lacks(torch: Candidate, module: str) -> str:
    """Tell `gone` of a module that is not there, `unlike` of a folder without an `__init__`; empty where it is."""
    folder = torch.path
    for name in module.split(".")[1:]:
        found = find_in(torch.folders, folder, name, torch.suffixes)
        if found is None:
            return "gone"
        if found.form == "namespace":
            return "unlike"
        if found.form != "package":
            break
        folder = found.path
    return ""


def _explain(torch: Candidate, module: str, name: str, why: str) -> str:
    if why == "unlike":
        return f"torch/__init__.py imports {name or module}, whose folder has no __init__"
    if not name:
        return f"ModuleNotFoundError: No module named {module!r}, which torch/__init__.py imports"
    return f"ImportError: cannot import name {name!r} from partially initialized module 'torch' ({torch.found.origin})"


def _check_bytecode(torch: Candidate, path: str) -> Iterator[Diagnostic]:
    """Check the number that bytecode begins with: Python refuses that of another minor version."""
    minor = ".".join(torch.interpreter.version.split(".")[:2])
    try:
        state = state_of(torch.folders.read(path), minor)
    except InspectorError:
        yield Diagnostic("unknown", f"{path!r} is bytecode, and whether it is of this Python is not known")
        return
    if state == "other":
        yield Diagnostic("no", f"ImportError: bad magic number in 'torch': {path!r} is no bytecode of Python {minor}")
    elif state == "unknown":
        yield Diagnostic("unknown", f"{path!r} is bytecode, and whether Python {minor} loads it is not known")
