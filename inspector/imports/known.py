"""Modules and names that are there without a file that shows them."""

from __future__ import annotations

STARTED = frozenset(
    [
        "sys",
        "builtins",
        "_frozen_importlib",
        "_imp",
        "_thread",
        "_warnings",
        "_weakref",
        "_io",
        "marshal",
        "posix",
        "_frozen_importlib_external",
        "time",
        "zipimport",
        "_codecs",
        "codecs",
        "encodings.aliases",
        "encodings",
        "encodings.utf_8",
        "_signal",
        "_abc",
        "abc",
        "io",
        "__main__",
        "_stat",
        "stat",
        "_collections_abc",
        "posixpath",
        "genericpath",
        "os.path",
        "os",
        "_sitebuiltins",
        "site",
    ]
)
"""What an interpreter has loaded before its program begins: that it starts is another question."""
FROZEN = frozenset({"importlib.util", "importlib.machinery", "importlib._bootstrap", "importlib._bootstrap_external"})
FROZEN_311 = FROZEN | {"runpy", "ntpath", "__hello__", "__phello__"}
MADE_BY_COMPILED = frozenset({("torch.multiprocessing", "_prctl_pr_set_pdeathsig")})
"""Names that functions of compiled modules bind in other modules."""
WHOLE = frozenset({"importlib"})
"""Packages that put no modules in place but those that are frozen, whatever their sources look like."""
