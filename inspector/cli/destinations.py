"""Which formats a report is printed in, and where each of them goes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from inspector.cli.option import CATEGORY, Decorator, option, together
from inspector.cli.output import emit, ensure_writable, rendered
from inspector.errors import UsageError
from inspector.report import formats

if TYPE_CHECKING:
    from inspector.policy.role import Policy

STDOUT = Path("-")
SARIF = "sarif"


class Destination:
    """One format of a report, and the file that it is written to.

    None is standard output; where a format is only asked for, it is what `--output` names.
    """

    __slots__ = ("file", "form")

    def __init__(self, form: str, file: Path | None = None) -> None:
        self.form = form
        self.file = file


class _FormatChoice(click.Choice):  # type: ignore[type-arg]  # click 8.1 has no generic one
    """The formats that render a command's report, those included that are added after the command was declared."""

    def __init__(self, command: formats.Command) -> None:
        self._command = command
        self.case_sensitive = True

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]  # click only reads it
        return tuple(formats.formats(self._command))

    def get_metavar(self, *_: Any, **__: Any) -> str:
        """See `click.Choice`."""
        return f"[{'|'.join(self.choices)}][=FILE]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.Choice`; what follows `=` is a file."""
        if isinstance(value, Destination):
            return value
        name, equals, file = value.partition("=")
        if equals and not file:
            self.fail(f"{value!r} names no file; write one as in '{name}=report.txt'", param, ctx)
        return Destination(super().convert(name, param, ctx), Path(file) if file else None)


def format_option(command: formats.Command) -> Decorator:
    """Add `--format` to what prints no report on images: one format, and no variable, since that is about reports."""
    choices = tuple(formats.formats(command))
    choice = click.Choice(choices)
    return option("-f", "--format", "form", type=choice, default=choices[0], show_default=True, help="What to print.")


def report_options(command: formats.Command) -> Decorator:
    """Add `--format` and `--output`; the function takes what both come to as `reports`, whose files can be written."""

    def add(function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        def with_reports(*, form: Sequence[Destination], output: Path | None, **given: Any) -> Any:
            if output is not None and formats.by_ending(output.name) and not _is_on_the_line("form"):
                form = [each for each in form if each.file is not None]  # the line's ending beats a variable's format
            reports = destinations(command, form, output)
            for each in reports:
                ensure_writable(each.file)
            return function(reports=reports, **given)

        return options(with_reports)

    told = f"What to print; default: {next(iter(formats.formats(command)))}. Repeat it with files for further ones."
    options = together(
        option("-f", "--format", "form", type=_FormatChoice(command), multiple=True, help=told),
        *([_CATEGORY] if SARIF in formats.formats(command) else []),
        _output_option("Write to FILE, whose ending chooses the format."),
    )
    return add


def destinations(
    command: formats.Command, asked: Sequence[Destination], output: Path | None
) -> tuple[Destination, ...]:
    """Say where each format goes: to its own file, or, at most one of them, to `output` or standard output.

    Where no format waits for it, `output` gets the one that its ending names, else the default. Raises `UsageError`.
    """
    waiting = list(dict.fromkeys(each.form for each in asked if each.file is None))
    if len(waiting) > 1:
        sentence = f"--format: {' and '.join(waiting)} are both for {output or 'standard output'}"
        raise UsageError(f"{sentence}; give one a file, as in --format {waiting[-1]}=FILE")
    if not waiting and (output is not None or not asked):
        waiting = [_form_by_ending(command, output)]
    placed = [(each.form, each.file) for each in asked if each.file is not None] + [(form, output) for form in waiting]
    files = [None if file == STDOUT else file for _, file in placed]
    for at, file in enumerate(files):
        if any(_is_same(file, other) for other in files[:at]):
            raise UsageError(f"--format: two formats are for {file or 'standard output'}; give each a file of its own")
    return tuple(Destination(form, file) for (form, _), file in zip(placed, files, strict=True))


def emit_reports(
    command: formats.Command,
    report: Any,
    reports: Iterable[Destination],
    policy: Policy | None = None,
    **shown: Any,
) -> None:
    """Write a command's report in all its formats; that for standard output last, which nobody may be reading.

    `policy` is the one that was asked, whose checkout the formats show findings in that take the context of the run.
    """
    reports = tuple(reports)
    if formats.takes(command, [each.form for each in reports], "context"):
        from inspector.cli.context import context_of  # the formats for people take none

        shown["context"] = context_of(policy)
    for each in sorted(reports, key=lambda destination: destination.file is None):
        emit(rendered(command, report, each.form, each.file, **shown), each.file)
    if any(each.form == "github" for each in reports):
        from inspector.cli.github import append_summary  # a format for one place

        append_summary(command, report)


def loading(command: formats.Command, reports: Iterable[Destination]) -> Callable[[], None]:
    """Return what imports all that writes the reports, for a moment in which there is nothing else to do."""
    return functools.partial(formats.load, command, [each.form for each in reports])


def want_sizes(command: formats.Command, reports: Iterable[Destination]) -> bool:
    """Tell whether any of the formats shows where the bytes are."""
    known = formats.formats(command)
    return any(known[each.form].sizes for each in reports)


def _is_on_the_line(parameter: str) -> bool:
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE


def _is_same(file: Path | None, other: Path | None) -> bool:
    return file is other if file is None or other is None else file.resolve() == other.resolve()


def _form_by_ending(command: formats.Command, output: Path | None) -> str:
    """Return the format that the file's ending names; the default for an ending that is of no format."""
    known = formats.formats(command)
    named = formats.by_ending(output.name) if output is not None else None
    if named is None:
        return next(iter(known))
    if named not in known:
        sentence = f"--output {output}: `{command}` has no format {named!r}"
        raise UsageError(f"{sentence}; it has {', '.join(known)}: name one by --format")
    return named


def _keep_category(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip("/ "):
        raise click.BadParameter("an empty category; name one, as in worker-gpu", context, parameter)
    context.meta[CATEGORY] = value
    return value


_CATEGORY = option(
    "--sarif-category",
    metavar="NAME",
    callback=_keep_category,
    expose_value=False,
    help="Distinguish several SARIF reports on one commit, as of a matrix; default: the policy's path.",
)


def _output_option(told: str, instead: dict[Path, None] | None = None) -> Decorator:
    def parse(context: click.Context, parameter: click.Parameter, value: str | None) -> Path | None:
        if value is None:
            return None
        if value in formats.names():
            choices = [one.type for one in context.command.params if one.name == "form"]
            takes = any(value in choice.choices for choice in choices if isinstance(choice, click.Choice))
            takes = takes or any(isinstance(choice, _FormatChoice) for choice in choices)
            chosen = f"did you mean --format {value}? " if takes else ""
            message = f"{value!r} is the name of a format; {chosen}-o ./{value} writes a file of that name"
            raise click.BadParameter(message, context, parameter)
        path = Path(value)
        return (instead or {}).get(path, path)

    return option("-o", "--output", callback=parse, metavar="FILE", help=told)


output_option = _output_option("Write to FILE; - is standard output.", {STDOUT: None})
"""`--output`: a file in place of standard output, which `-` names too."""
