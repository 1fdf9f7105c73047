"""Aliases: other words for the first word of a command, where the shell makes use of them."""

from __future__ import annotations

from inspector.errors import InspectorError
from inspector.python.shell.parser import parse
from inspector.python.shell.state import State
from inspector.python.shell.syntax import Simple, Text


def noted(words: list[str], state: State) -> bool:
    """Keep what `alias` defines; False where that is more than the words of one command."""
    for word in words:
        name, equals, value = word.partition("=")
        if equals and (only := _command(value, posix=state.dialect == "dash")) is not None:
            state.aliases = {**state.aliases, name: only}
        elif equals:
            return False
    return True


def replaced(command: Simple, state: State) -> Simple:
    """Return the command with what an alias stands for; a quoted word, or one from a variable, is not an alias."""
    first = command.words[0] if command.words else ()
    only = first[0] if len(first) == 1 else None
    if not isinstance(only, Text) or only.quoted or only.value not in state.aliases:
        return command
    other = state.aliases[only.value]
    words, assignments = (*other.words, *command.words[1:]), (*command.assignments, *other.assignments)
    return Simple(assignments, words, command.silent, command.writes, command.given)


def _command(text: str, *, posix: bool) -> Simple | None:
    """Return the one command that a text is, without redirections; None for others."""
    try:
        body = parse(text, posix=posix)
    except InspectorError:
        return None
    links = body[0].links if len(body) == 1 and not body[0].background else ()
    commands = links[0][1].commands if len(links) == 1 and not links[0][1].negated else ()
    only = commands[0] if len(commands) == 1 else None
    return only if isinstance(only, Simple) and only.words and not (only.silent or only.writes) else None
