"""Pages read again, as a browser would, and what must hold for each of them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from inspector.report.html.markup import ATTRIBUTES, TAGS

VOID = {"meta"}
_HEADING = re.compile(r"h[1-4]")


class Reader(HTMLParser):
    """Collects what a page is made of. Raises `AssertionError` where its tags don't fit each other."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.words = ""
        self.style = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if _HEADING.fullmatch(tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        """See `HTMLParser`."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """See `HTMLParser`."""
        if self._open and self._open[-1] == "style":
            self.style += data
        else:
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def read(page: str) -> Reader:
    """A page that keeps to the rules of all pages: it runs, loads and leads to nothing, and is in good order."""
    found = Reader(page)
    allowed = {name.lower() for name in ATTRIBUTES}
    for tag, attributes in found.tags:
        assert tag in TAGS
        assert attributes.keys() <= allowed
        assert (attributes.get("href") or "#").startswith("#")
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {f"#{name}" for name in ids} >= {link["href"] for link in found.all("a")}
    assert found.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip([0, *found.headings], found.headings, strict=False))
    assert all(svg.get("aria-label") or svg.get("aria-hidden") for svg in found.all("svg"))
    assert len(found.all("caption")) == len(found.all("table"))
    assert all(cell.get("scope") == "col" for cell in found.all("th"))
    return found
