"""`inspector completion`: the script that has a shell complete commands, options, images and files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from inspector.cli.command import Command
from inspector.cli.destinations import output_option

VARIABLE = "_INSPECTOR_COMPLETE"
"""Set by the scripts: the shell and the word `complete`."""
_PROGRAM = "inspector"
_BASH = """\
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" word="${COMP_WORDS[COMP_CWORD]}" current before kind value files=
    current="${line##*[[:space:]]}"
    [[ $word == [:=] ]] && word=""
    before="${current%%"$word"}"  # bash parts words at : and =, and replaces the last part alone
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("${value#"$before"}") ;;
            file|dir) files=1 ;;
        esac
    done < <(COMP_LINE="$line" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    [[ $files ]] || return 0
    if [[ ${#COMPREPLY[@]} == 0 ]]; then
        compopt -o default
    fi
    [[ $before || ${#COMPREPLY[@]} == 0 ]] && return 0
    while IFS= read -r value; do
        [[ -d $value ]] && value+=/
        COMPREPLY+=("$(printf '%%q' "$value")")
    done < <(compgen -f -- "$word")
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""


class _OrImage(ShellComplete):
    """Any shell: where a command may stand, an image may stand too, which `show` takes."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """See `ShellComplete`."""
        from inspector.cli.root import COMMANDS, IMPLIED

        if args and args[0] not in COMMANDS:
            return super().get_completions([IMPLIED, *args], incomplete)
        found = super().get_completions(args, incomplete)
        if args or not incomplete or incomplete.startswith("-"):
            return found
        return [*found, *super().get_completions([IMPLIED], incomplete)]


class _Bash(_OrImage, BashComplete):
    """Bash, for names with colons: click's own script would complete what follows the colon as a word of its own."""

    source_template = _BASH

    def source(self) -> str:
        """See `ShellComplete`; no bash is run to ask for its version."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """See `ShellComplete`; the line is parted by us."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        incomplete = "" if not words or line[-1:].isspace() else words.pop()
        return words[1:], incomplete


class _Zsh(_OrImage, ZshComplete):
    """Zsh, by click's own script."""


class _Fish(_OrImage, FishComplete):
    """Fish, by click's own script."""


_SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


@click.command("completion", cls=Command, follows_file=False, short_help="Print a shell's completion script.")
@click.argument("shell", type=click.Choice(tuple(_SHELLS)))
@output_option
def command(shell: str, output: Path | None) -> None:
    """Print the script that completes commands, options, the engine's images, roles, checks and files in SHELL.

    \b
      eval "$(inspector completion bash)"
      inspector completion bash > ~/.local/share/bash-completion/completions/inspector
      inspector completion zsh > ~/.zfunc/_inspector
      inspector completion fish > ~/.config/fish/completions/inspector.fish
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.output import emit, ensure_writable

    ensure_writable(output)
    emit(_made(shell).source(), output)


def answer() -> NoReturn:
    """Answer a script's question for completions, and end; silently, whatever goes wrong."""
    shell, _, instruction = os.environ[VARIABLE].partition("_")
    if shell not in _SHELLS or instruction != "complete":
        raise SystemExit(1)
    try:
        click.echo(_made(shell).complete().encode())
    except Exception:  # noqa: BLE001 - a person is typing
        raise SystemExit(1) from None
    raise SystemExit(0)


def _made(shell: str) -> ShellComplete:
    from inspector.cli.root import cli

    return _SHELLS[shell](cli, {}, _PROGRAM, VARIABLE)
