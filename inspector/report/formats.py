"""The output formats: each is one entry, which names the renderer for each command's report.

A further format is one `Format`, added below or from outside:

    add_format(Format("csv", {"check": Renderer("my_formats.csv:render")}))

A renderer is a function that takes the report and returns the text, or `module:function`, whose module is imported
when the format is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from inspector.report.context import Context
    from inspector.report.document import ShowError

Command = Literal["check", "audit", "show", "diff", "runtime", "fleet", "doctor", "explain"]
"""The commands that print reports: `check` a `Report`, `audit` an `AuditReport`, `diff` a `Difference`, `fleet matrix`
a `Matrix`, `doctor` a `Diagnosis`, `explain` `Explanations`, the others a list of `ImageFacts`."""

_OF_NO_IMAGES = frozenset({"doctor", "explain"})


class View:
    """How a report is to be shown, for the renderers that ask: `width` is in cells.

    `passed` shows the checks that pass too, `only_failed` leaves out the images that pass. `errors` are of images that
    have no facts, where a report is of facts alone. `context` is the run: its time, and the checkout.
    """

    def __init__(
        self,
        width: int = 120,
        *,
        color: bool = False,
        passed: bool = False,
        only_failed: bool = False,
        errors: tuple[ShowError, ...] = (),
        context: Context | None = None,
    ) -> None:
        self.width = width
        self.color = color
        self.passed = passed
        self.only_failed = only_failed
        self.errors = errors
        self.context = context


class Renderer:
    """A function that renders a report, and the fields of `View` that it takes as keywords."""

    __slots__ = ("function", "takes")

    def __init__(self, function: Callable[..., str] | str, takes: tuple[str, ...] = ()) -> None:
        self.function = function
        self.takes = takes

    def render(self, report: Any, view: View) -> str:
        """Render the report; what the view doesn't have is left to the function."""
        shown = {name: value for name in self.takes if (value := getattr(view, name)) is not None}
        return self.load()(report, **shown)

    def load(self) -> Callable[..., str]:
        """Import the function, if it is only named."""
        if not isinstance(self.function, str):
            return self.function
        module, _, name = self.function.partition(":")
        function: Callable[..., str] = getattr(import_module(module), name)
        return function


class Format:
    """One format, and the commands whose reports it renders.

    `line` renders each result of an audit as it comes, in place of one text at the end. `whole` formats are documents
    for programs: they are printed even of no image, and an audit keeps all of each result for them; the others are
    for people, and an audit keeps only what a table shows. `endings` are those of files that are in the format.
    `sizes` says that `show` and `check` find out for it where the bytes are.
    """

    def __init__(
        self,
        name: str,
        renderers: Mapping[Command, Renderer],
        *,
        line: Renderer | None = None,
        whole: bool = True,
        endings: tuple[str, ...] = (),
        sizes: bool = False,
    ) -> None:
        self.name = name
        self.renderers = renderers
        self.line = line
        self.whole = whole
        self.endings = endings
        self.sizes = sizes


_SIZED = ("width", "color")
_RUN = ("context",)
_JSON = "inspector.report.document"
_HTML: dict[Command, Renderer] = {
    "check": Renderer("inspector.report.html.check:render_check", ("only_failed",)),
    "audit": Renderer("inspector.report.html.audit:render_audit", ("only_failed",)),
    "show": Renderer("inspector.report.html.show:render_show", ("errors",)),
    "fleet": Renderer("inspector.report.html.fleet:render_matrix"),
}


def _judged(function: str, takes: tuple[str, ...] = ()) -> dict[Command, Renderer]:
    """List the commands that judge, for a format of findings."""
    return {"check": Renderer(function, takes), "audit": Renderer(function, takes)}


FORMATS = (
    Format(
        "table",
        {
            "check": Renderer("inspector.report.plain:render_check", (*_SIZED, "passed", "only_failed")),
            "audit": Renderer("inspector.report.audit_table:render_audit", (*_SIZED, "only_failed")),
            "show": Renderer("inspector.report.show:render_show", _SIZED),
            "diff": Renderer("inspector.report.diff:render_diff", _SIZED),
            "runtime": Renderer("inspector.report.runtime:render_runtime", _SIZED),
            "fleet": Renderer("inspector.report.fleet_table:render_matrix", _SIZED),
        },
        whole=False,
        endings=(".txt",),
    ),
    Format(
        "text",
        {
            "doctor": Renderer("inspector.report.doctor:render_doctor", ("color",)),
            "explain": Renderer("inspector.report.explain:render_text"),
        },
        whole=False,
    ),
    Format(
        "jsonl",
        {"audit": Renderer(f"{_JSON}:encode")},
        line=Renderer(f"{_JSON}:encode_line"),
        endings=(".jsonl", ".ndjson"),
    ),
    Format(
        "json",
        {
            "check": Renderer(f"{_JSON}:encode"),
            "audit": Renderer(f"{_JSON}:encode"),
            "show": Renderer(f"{_JSON}:render_show", ("errors",)),
            "diff": Renderer(f"{_JSON}:encode"),
            "runtime": Renderer(f"{_JSON}:render_runtime"),
            "fleet": Renderer(f"{_JSON}:encode"),
            "doctor": Renderer(f"{_JSON}:encode"),
            "explain": Renderer(f"{_JSON}:encode"),
        },
        endings=(".json",),
    ),
    Format(
        "markdown",
        {
            "check": Renderer("inspector.report.markdown:render_check", ("only_failed",)),
            "audit": Renderer("inspector.report.audit_markdown:render_audit", ("only_failed",)),
            "show": Renderer("inspector.report.show_markdown:render_show", ("errors",)),
            "diff": Renderer("inspector.report.diff_markdown:render_diff"),
            "fleet": Renderer("inspector.report.fleet_markdown:render_matrix"),
            "explain": Renderer("inspector.report.explain:render_markdown"),
        },
        whole=False,
        endings=(".md", ".markdown"),
    ),
    Format(
        "junit",
        {
            **_judged("inspector.report.junit:render_check"),
            "diff": Renderer("inspector.report.diff_ci:render_junit"),
        },
        endings=(".xml",),
    ),
    Format("html", _HTML, endings=(".html", ".htm"), sizes=True),
    Format("sarif", _judged("inspector.report.sarif:render_check", _RUN), endings=(".sarif",)),
    Format(
        "github",
        {
            **_judged("inspector.report.github:render_check", _RUN),
            "diff": Renderer("inspector.report.diff_ci:render_github", _RUN),
        },
    ),
    Format("gitlab", _judged("inspector.report.gitlab:render_check", _RUN)),
    Format(
        "cyclonedx",
        {"show": Renderer("inspector.report.cyclonedx:render_show", _RUN)},
        whole=False,
        endings=(".cdx.json",),
    ),
    Format("spdx", {"show": Renderer("inspector.report.spdx:render_show", _RUN)}, whole=False, endings=(".spdx.json",)),
    Format("svr", {"check": Renderer("inspector.report.attest:render_svr", _RUN)}),
    Format("test-result", {"check": Renderer("inspector.report.attest:render_test_result", _RUN)}),
)
"""The formats that we know, the default first; `formats` also gives those that were added."""
_ADDED: list[Format] = []


def formats(command: Command) -> dict[str, Format]:
    """List the formats that render the command's report by name, the default first."""
    return {each.name: each for each in (*FORMATS, *_ADDED) if command in each.renderers}


def takes(command: Command, forms: Iterable[str], field: str) -> bool:
    """Tell whether a renderer of the command's report in any of these formats takes a field of `View`."""
    known = formats(command)
    return any(field in known[each].renderers[command].takes for each in forms)


def load(command: Command, forms: Iterable[str]) -> None:
    """Import the renderers of these formats."""
    for each in forms:
        formats(command)[each].renderers[command].load()


def names() -> tuple[str, ...]:
    """List the names of all formats that reports on images may have."""
    return tuple(each.name for each in (*FORMATS, *_ADDED) if not _OF_NO_IMAGES.issuperset(each.renderers))


def by_ending(file: str) -> str | None:
    """Return the name of the format whose files end as the name does, the longest ending first; None for none."""
    known = {ending: each.name for each in (*FORMATS, *_ADDED) for ending in each.endings}
    fitting = [ending for ending in known if file.lower().endswith(ending)]
    return known[max(fitting, key=len)] if fitting else None


def add_format(added: Format) -> None:
    """Add a format. Raises `ValueError` for a name that is taken, and for one that renders nothing."""
    if added.name in names():
        raise ValueError(f"the format {added.name!r} is there already")
    if not added.renderers:
        raise ValueError(f"the format {added.name!r} renders no report; name a renderer for one command at least")
    _ADDED.append(added)


def render(command: Command, report: Any, name: str, view: View) -> str:
    """Render a command's report in the format of that name."""
    return formats(command)[name].renderers[command].render(report, view)
