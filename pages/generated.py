"""The pages, and parts of pages, that follow from the program: a test compares them with what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from inspector.api.page import render_page
from inspector.cli.root import cli
from inspector.policy.reference import render_reference
from inspector.report.explain import render_markdown
from pages.measured import bench_table
from pages.seconds import seconds_table

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = 100
_BARRED = re.compile(r"`[^`\n]*\\\|[^`\n]*`")
_COMMANDS_HEAD = """# Commands

<!-- Made by `make docs` from the program's own help. -->

This is what `inspector COMMAND --help` prints. `inspector IMAGE…` is `inspector show IMAGE…`.
"""


_POLICY_COMMANDS = """```console
$ inspector check
$ inspector schema policy -o inspector.schema.json
```

The second line writes the JSON Schema that the example's first line names, by which editors complete keys.
`inspector init` writes a policy from the images at hand.
"""


def generated() -> dict[Path, str]:
    """Every page that programs write, whole, by its path."""
    speed, stored = DOCS / "explanation" / "access-and-speed.md", DOCS / "pictures" / "bench.txt"
    return {
        DOCS / "reference" / "cli.md": commands_page(),
        DOCS / "reference" / "policy.md": _without_bars(policy_page()),
        DOCS / "reference" / "checks.md": _without_bars(render_markdown()),
        DOCS / "reference" / "python.md": _without_bars(render_page()),
        speed: _with(
            _with(speed.read_text(encoding="utf-8"), "seconds", seconds_table(stored)), "bench", bench_table()
        ),
    }


def commands_page() -> str:
    """The help of every command, as a reader of 100 columns sees it."""
    parts = [_COMMANDS_HEAD]
    parts += [f"## {name}\n\n```text\n$ {name} --help\n{text}\n```\n" for name, text in _helps()]
    return "\n".join(parts)


def policy_page() -> str:
    """The reference of all keys, an example before it."""
    text = Path(__file__).with_name("example.toml").read_text(encoding="utf-8")
    example = f'## An example\n\n```toml title="inspector.toml"\n{text}```\n\n{_POLICY_COMMANDS}'
    head, first, keys = render_reference().partition("\n## ")
    return f"{head}\n{example}{first}{keys}"


def _helps() -> Iterator[tuple[str, str]]:
    wide = {**cli.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    root = click.Context(cli, info_name="inspector", **wide)
    yield "inspector", _plain(cli.get_help(root))
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=root, **wide)
        yield f"inspector {name}", _plain(command.get_help(context))


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in click.unstyle(text).split("\n"))


def _without_bars(text: str) -> str:
    """The page with "or" for the escaped bars in the code of its tables, which readers of Markdown show differently."""
    return _BARRED.sub(lambda found: found[0].replace("\\|", "or"), text)


def _with(text: str, name: str, content: str) -> str:
    """The page with what stands between the marks of `name` replaced."""
    pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- /generated -->)", re.DOTALL)
    assert pattern.search(text), f"no marks for {name}"
    return pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)
