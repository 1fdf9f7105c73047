"""The page around a report: its policy against scripts and loading, its one style, its title."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

from inspector.report.html.markup import Child, Markup, el, style

FOOT = "Written by inspector from the image's bytes; nothing of it was run. This page loads and sends nothing."


@cache
def css() -> str:
    """Return the style, without what only people who change it need."""
    written = resources.files("inspector.report.html").joinpath("page.css").read_text(encoding="utf-8")
    return "".join(line.strip() for line in written.splitlines() if not line.strip().startswith("/*"))


def policy() -> str:
    """Return the content security policy: nothing but this one style."""
    digest = base64.b64encode(hashlib.sha256(css().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def page(title: str, *body: Child) -> str:
    """Return the whole document."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy()),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        style(css()),
    )
    shown: Markup = el("body", el("main", body), el("footer", el("p", FOOT)))
    return f"<!doctype html>\n{el('html', head, shown, lang='en')}\n"
