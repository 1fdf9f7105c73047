"""What `import NAME` would do in an image: Python's files followed by syntax, compiled modules through the loader.

What is asked for most is only the names and the answers: the rest is imported with the first question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspector.imports.model import MAX_NAMES, Imported, module_name

if TYPE_CHECKING:
    from inspector.imports.find import find_imports

__all__ = ["MAX_NAMES", "Imported", "find_imports", "module_name"]


def __getattr__(name: str) -> Any:
    """Return `find_imports`, with all that it brings."""
    if name != "find_imports":
        raise AttributeError(name)
    from inspector.imports.find import find_imports

    return find_imports
