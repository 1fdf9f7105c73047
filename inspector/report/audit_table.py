"""An audit as a person reads it: for each repository a row an image, then what is wrong, each thing told once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.policy.audited import Audited, AuditReport
from inspector.policy.model import WORST_FIRST, Finding
from inspector.report.audit import by_repository, claimed_told, left_of, left_told, named, tags_told
from inspector.report.canvas import STYLES, draw, hanging, indented, symbol, words
from inspector.report.text import NOTHING, SYMBOLS, count, size
from inspector.torchbuild.model import Torch, build_name


def render_audit(report: AuditReport, *, width: int = 120, color: bool = False, only_failed: bool = False) -> str:
    """Repository by repository; `only_failed` leaves out the images that pass. `width` is in cells."""
    return draw(_parts(report, only_failed=only_failed), width=width, color=color)


def torch_told(torch: Torch | None) -> tuple[str, str]:
    """Return the version of torch, or why there is none, and its build."""
    if torch is None:
        return NOTHING, NOTHING
    if not torch.installed:
        return ("absent" if torch.importable == "no" else "unknown"), NOTHING
    broken = ", broken" if torch.importable == "no" else ""
    return torch.version or torch.distribution_version or "version unknown", build_name(torch) + broken


def problems(results: Iterable[Audited]) -> list[tuple[Finding, list[Audited]]]:
    """Return everything that is not well, worst first, with the images of which it is said in the same words."""
    found: dict[tuple[str, str, str], tuple[Finding, list[Audited]]] = {}
    for each in results:
        for finding in _told_of(each):
            key = (finding.outcome, finding.check, finding.message)
            found.setdefault(key, (finding, []))[1].append(each)
    return sorted(found.values(), key=lambda pair: WORST_FIRST.index(pair[0].outcome))


def _told_of(audited: Audited) -> Iterator[Finding]:
    yield from (finding for finding in audited.findings if finding.outcome != "pass")
    if audited.error is not None and not audited.findings:
        yield Finding(check=audited.error.kind, outcome="unknown", message=audited.error.message)


def _parts(report: AuditReport, *, only_failed: bool) -> Iterator[RenderableType]:
    for repository, results in by_repository(report.results).items():
        shown = [each for each in results if not only_failed or each.outcome not in ("pass", None) or each.error]
        yield Text.assemble(words(repository, "bold underline"), f"  {count(len(results), 'image')}")
        if shown:
            yield _table(shown)
        for finding, images in problems(results):
            yield indented(_problem(finding, images), 2)
        if claimed := claimed_told(results):
            yield indented(hanging(Text("note:", style="bold dim"), words(claimed, "dim")), 2)
        yield ""
    if (left := left_of(report)).why:
        yield hanging(Text("note:", style="bold dim"), words(left_told(left), "dim"))


def _table(results: Sequence[Audited]) -> Table:
    titles = ["Tags", "Platform", "Role", "Python", "Torch", "Build", "Verdict", "Size"]
    cells = [_cells(each) for each in results]
    platforms = {str(each.platform) for each in results if each.platform}
    left_out = {"Platform"} if len(platforms) < 2 else set()
    judged = any(each.outcome is not None for each in results)
    left_out |= set() if judged else {"Role"}
    left_out |= set() if judged or any(each.error for each in results) else {"Verdict"}
    kept = [at for at, title in enumerate(titles) if title not in left_out]
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for at in kept:
        justify = "right" if titles[at] == "Size" else "left"
        table.add_column(titles[at], justify=justify, overflow="fold", no_wrap=titles[at] in ("Size", "Verdict"))  # type: ignore[arg-type]  # one of rich's words
    for row in cells:
        table.add_row(*(row[at] for at in kept))
    return table


def _cells(audited: Audited) -> tuple[Text, ...]:
    version, build = torch_told(audited.torch)
    outcome = audited.outcome or ("unknown" if audited.error else None)
    verdict = Text(NOTHING)
    if outcome is not None:
        verdict = Text(f"{SYMBOLS[outcome]} {outcome.upper()}", style=f"bold {STYLES[outcome]}")
    return (
        words(tags_told(audited)),
        words(str(audited.platform or NOTHING)),
        words(audited.role or NOTHING),
        words(audited.python or NOTHING),
        words(version),
        words(build),
        verdict,
        Text(size(audited.size.uncompressed) if audited.size else NOTHING),
    )


def _problem(finding: Finding, images: Sequence[Audited]) -> Table:
    sentence = Text.assemble(
        words(finding.check, f"bold {STYLES[finding.outcome]}"), ": ", words(finding.message), overflow="fold"
    )
    if finding.category:
        sentence.append(f"  [{finding.category}]", style="dim")
    sentence.append("\n")
    sentence.append_text(words(f"{count(len(images), 'image')}: {named(images)}", "dim"))
    if finding.advice:
        sentence.append("\n")
        sentence.append_text(words(finding.advice, "cyan"))
    return hanging(symbol(finding.outcome), sentence)
