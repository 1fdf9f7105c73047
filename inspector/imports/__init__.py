"""What `import NAME` would do in an image: Python's files followed by syntax, compiled modules through the loader."""

from __future__ import annotations

from inspector.imports.find import find_imports
from inspector.imports.model import MAX_NAMES, Imported, module_name

__all__ = ["MAX_NAMES", "Imported", "find_imports", "module_name"]
