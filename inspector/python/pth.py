"""Path configuration files (.pth): their path lines, and their `import` lines, which are told and never run."""

from __future__ import annotations

import re

import msgspec

from inspector.errors import LimitExceeded
from inspector.python.model import Hook
from inspector.python.site_rules import SiteRules
from inspector.unknown import Tri

MAX_LINES = 10_000
"""Lines of one file that are taken in."""

MAX_TEXT = 2000
"""Characters of an `import` line that are kept."""

_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"

_KNOWN = (
    (
        re.compile(
            r"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os\.environ\.get\(var, '(?:local|stdlib)'\)"
            r" == 'local'; enabled and __import__\('_distutils_hack'\)(?:\.add_shim\(\))?;?"
        ),
        "setuptools' own distutils",
    ),
    (re.compile(r"import _virtualenv"), "virtualenv's patch of distutils"),
    (
        re.compile(r"import coverage; ?coverage\.process_startup\((?:slug=.{0,20})?\)"),
        "coverage's measuring of subprocesses",
    ),
    (
        re.compile(
            r"import sys; exec\('import os\\n\\nif os\.getenv\(\"COVERAGE_PROCESS_START\"\)"
            r"(?: or os\.getenv\(\"COVERAGE_PROCESS_CONFIG\"\))?:\\n try:\\n  import coverage\\n"
            r" except:\\n  pass\\n else:\\n  coverage\.process_startup\((?:slug=\"pth\")?\)'\)"
        ),
        "coverage's measuring of subprocesses",
    ),
    (re.compile(r"import pywin32_bootstrap"), "pywin32's libraries"),
)
EDITABLE = re.compile(r"import (__editable___\w{1,200}_finder); ?\1\.install\(\)")
"""The line by which setuptools' editable installs put their finder, the group, into place."""
_EDITABLE_START = r"(__editable___\w{1,200}_finder):install"
_LITERAL = r"'([^'\\]{0,200})'"
_NAMESPACE = frozenset(
    {
        "import sys, types, os",
        "has_mfs = sys.version_info > (3, 5)",
        "p = os.path.join(sys._getframe(1).f_locals[''], *(''))",
        "importlib = __import__('')",
        "importlib = has_mfs and __import__('')",
        "__import__('')",
        "has_mfs and __import__('')",
        *(
            f"m = {when}sys.modules.setdefault('', importlib.util.module_from_spec("
            "importlib.machinery.PathFinder.find_spec('', [os.path.dirname(p)])))"
            for when in ("", "has_mfs and ")
        ),
        "m = m or sys.modules.setdefault('', types.ModuleType(''))",
        "mp = (m or []) and m.__dict__.setdefault('',[])",
        "(p not in mp) and mp.append(p)",
        "m and setattr(sys.modules[''], '', m)",
    }
)
"""The statements of setuptools' namespace packages (`*-nspkg.pth`), their texts left out."""

_TORCH = frozenset({"torch", "torchgen", "functorch", "nvidia", "triton"})


class PathLine(msgspec.Struct, frozen=True):
    """A line that names a file or folder, against the folder of the .pth file."""

    path: str


def read_lines(text: str, rules: SiteRules) -> list[str]:
    """Split lines as the interpreter's site.py does: 3.13 on drops a byte order mark, and splits at more signs."""
    lines = text.removeprefix(_BYTE_ORDER_MARK).splitlines() if rules.accepts_mark else re.split(r"\r\n|\r|\n", text)
    if len(lines) > MAX_LINES:
        raise LimitExceeded(f"a .pth file of more than {MAX_LINES} lines")
    return lines


def parse_pth(text: str, path: str, rules: SiteRules) -> list[PathLine | Hook]:
    """Return what a .pth file says, in order; comments and blank lines left out."""
    found: list[PathLine | Hook] = []
    for raw in read_lines(text, rules):
        line = raw.strip() if rules.start_files else raw
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith(("import ", "import\t")):
            found.append(import_hook(line, path))
        else:
            found.append(PathLine(line.rstrip()))
    return found


def parse_start(text: str, path: str, rules: SiteRules) -> list[Hook]:
    """Return the entry points that a .start file names (PEP 829)."""
    found = []
    for line in map(str.strip, read_lines(text, rules)):
        if line and not line.startswith("#"):
            editable = re.fullmatch(_EDITABLE_START, line)
            effect = _editable(editable[1]) if editable else "runs code that is not known"
            found.append(Hook(kind="start", path=path, text=line[:MAX_TEXT], effect=effect))
    return found


def import_hook(line: str, path: str) -> Hook:
    """Return an `import` line as what it is known to be; one that isn't known may do anything."""
    text = line.strip()
    touches: Tri = "unknown"
    effect = "runs code that is not known"
    known = next((name for pattern, name in _KNOWN if pattern.fullmatch(text)), None)
    namespace = _namespace(text)
    if editable := EDITABLE.fullmatch(text):
        effect = _editable(editable[1])
    elif known or namespace:
        effect = known or f"makes the namespace package {namespace}"
        touches = "unknown" if namespace and namespace.partition(".")[0] in _TORCH else "no"
    return Hook(kind="pth", path=path, text=text[:MAX_TEXT], effect=effect, touches_torch=touches)


def _editable(finder: str) -> str:
    return f"an editable install, found through {finder}"


def _namespace(text: str) -> str:
    """Return the package that a line of setuptools' making declares; empty if it is no such line."""
    if len(text) > MAX_TEXT or not text.startswith("import sys, types, os;"):
        return ""
    skeleton = re.sub(r"\*\((?:'',? ?)+\)", "*('')", re.sub(_LITERAL, "''", text))
    if not all(statement.strip() in _NAMESPACE for statement in skeleton.split(";")):
        return ""
    parts = re.search(r", \*\(([^)]{1,400})\)\)", text)
    return ".".join(re.findall(_LITERAL, parts[1])) if parts else ""
