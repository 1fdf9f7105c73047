"""`python -m pages` writes the generated pages of docs/; `python -m pages pictures` draws the pictures again."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def main() -> int:
    """The command line."""
    if sys.argv[1:] == ["pictures"]:
        from pages.pictures import draw_all

        for path in draw_all(DOCS / "pictures"):
            sys.stdout.write(f"{path.relative_to(DOCS.parent)}\n")
        return 0
    if sys.argv[1:]:
        sys.stderr.write("usage: python -m pages [pictures]\n")
        return 2
    from pages.generated import generated

    for path, text in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            sys.stdout.write(f"{path.relative_to(DOCS.parent)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
