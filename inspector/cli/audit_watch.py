"""`inspector audit --watch`: a process that lives long, and checks what a registry notifies of."""

from __future__ import annotations

import os
import signal
import string
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector.cli.option import option, together

if TYPE_CHECKING:
    from inspector.cli.audit_sink import Sink
    from inspector.cli.destinations import Destination
    from inspector.pipeline.audit import Terms
    from inspector.pipeline.model import Options
    from inspector.pipeline.scopes import Scope
    from inspector.policy.role import Policy
    from inspector.watch.watching import Watcher

GRACE = 8.0
"""Seconds in which what waits is still checked, once the process is asked to end; engines kill after ten."""
SHORTEST_TOKEN = 16

_TOKEN_VARIABLE = "INSPECTOR_WATCH_TOKEN"  # noqa: S105 - a name
_MAX_TOKEN = 4096
_CHARACTERS = frozenset(string.ascii_letters + string.digits + string.punctuation)


watch_options = together(
    option(
        "--watch",
        is_flag=False,
        flag_value="127.0.0.1",
        metavar="[HOST:PORT]",
        help="Check each image that a registry notifies of, until stopped; prints JSON lines.",
    ),
    option(
        "--watch-token-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"The secret that notifications must show; default: {_TOKEN_VARIABLE}.",
    ),
)
"""`keep_watch` takes what these options give."""


def refuse_other_modes(reports: Sequence[Destination], terms: Terms, cluster: str | None) -> None:
    """Raise `UsageError` for options that make no sense of what never ends."""
    from inspector.errors import UsageError

    other = next((each.form for each in reports if each.form not in ("table", "jsonl")), "")
    for is_given, name in (
        (bool(other), f"--format {other}"),
        (len(reports) > 1, "more than one --format"),
        (terms.plan_only, "--plan"),
        (terms.known, "--known"),
        (terms.max_bytes is not None, "--max-bytes"),
        (terms.max_requests is not None, "--max-requests"),
        (cluster is not None, "--cluster"),
    ):
        if is_given:
            raise UsageError(f"{name} and --watch exclude each other: a watch goes on, and prints lines of JSON")


def watch_sink(reports: Sequence[Destination]) -> Sink:
    """Make the sink for the lines, which go where the one report was to go."""
    from inspector.cli.audit_sink import LINES, Sink
    from inspector.cli.destinations import Destination

    return Sink([Destination(LINES, each.file) for each in reports], quiet=True, only_failed=False, plan_only=False)


def keep_watch(
    listen: str,
    token_file: Path | None,
    targets: Sequence[Scope],
    policy: Policy | None,
    options: Options,
    terms: Terms,
    sink: Sink,
) -> int:
    """Listen and check until SIGTERM or SIGINT, after which no more is taken; 0 then, whatever was found."""
    from inspector.cli.output import complain, say
    from inspector.watch.clients import PATH
    from inspector.watch.listener import Listener, parse_listen
    from inspector.watch.watching import Watcher

    watcher = Watcher(targets, policy, options, selection=terms.selection)
    with Listener(parse_listen(listen), watcher.offer, read_token(token_file)) as listener, _until_stopped(watcher):
        say(f"listening for notifications at http://{listener.address}{PATH}")
        try:
            with closing(watcher.results()) as results:
                sink.take(results)
        except KeyboardInterrupt:
            number = len(watcher) + 1
            left = "1 image that was notified of is" if number == 1 else f"{number} images that were notified of are"
            complain(f"stopped; {left} not checked", "warning")
    return 0


def read_token(path: Path | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """Read the secret from the file, else the environment; None where neither is given. Raises `UsageError`."""
    from inspector.errors import UsageError

    where = _TOKEN_VARIABLE if path is None else f"--watch-token-file {path}"
    if path is None:
        if _TOKEN_VARIABLE not in environment:
            return None
        token = environment[_TOKEN_VARIABLE]
    else:
        try:
            with path.open("rb") as file:
                token = file.read(_MAX_TOKEN).decode("ascii", "replace")
        except OSError as error:
            raise UsageError(f"{where}: can't be read: {error.strerror or error}") from error
    token = token.strip()
    if len(token) < SHORTEST_TOKEN or not set(token) <= _CHARACTERS:
        raise UsageError(f"{where}: no token: {SHORTEST_TOKEN} or more letters, digits and signs, without spaces")
    return token


@contextmanager
def _until_stopped(watcher: Watcher) -> Iterator[None]:
    """Stop the watcher on the first signal, and let it finish; interrupt it on a second, or when its time is over."""
    late = threading.Timer(GRACE, _interrupt)
    late.daemon = True

    def stop(*_: object) -> None:
        if watcher.is_stopping:
            raise KeyboardInterrupt
        watcher.stop()
        late.start()

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        late.cancel()


def _interrupt() -> None:
    """Send the main thread a signal, which ends what it waits for where the system allows that."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
