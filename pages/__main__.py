"""`python -m pages` writes the generated pages of docs/; `python -m pages pictures` draws the pictures again."""

from __future__ import annotations

import sys

from pages.generated import DOCS, generated


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
    for path, text in generated().items():
        if path.read_text(encoding="utf-8") != text if path.exists() else True:
            path.write_text(text, encoding="utf-8", newline="\n")
            sys.stdout.write(f"{path.relative_to(DOCS.parent)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
