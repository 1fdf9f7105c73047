"""The options of `inspector audit` that have a cluster read the layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from inspector.cluster.cluster import Logins
    from inspector.pipeline.audit import NewExecutor

Command = TypeVar("Command", bound=Callable[..., Any])


def cluster_options(command: Command) -> Command:
    """`--cluster` and `--cluster-logins`; `executor_of` takes what they give."""
    logins = click.option(
        "--cluster-logins",
        type=click.Choice(("tokens", "tokens-in-clear", "workers")),
        default="tokens",
        show_default=True,
        help="What workers show to registries: tokens lent to them, or logins of their own.",
    )
    address = click.option("--cluster", metavar="ADDRESS", help="Read layers on the Dask cluster at tls://HOST:PORT.")
    return address(logins(command))


@contextmanager
def executor_of(cluster: str | None, logins: Logins) -> Iterator[NewExecutor | None]:
    """What reads layers on the cluster, connected as long as it is held; None for threads of this process."""
    if cluster is None:
        yield None
        return
    from inspector.cluster.cluster import connected, parse_cluster

    with connected(parse_cluster(cluster, logins)) as executor:
        yield executor
