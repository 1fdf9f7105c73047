"""`inspector audit`: every image of registries, each layer read once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.audit_watch import keep_watch, refuse_other_modes, watch_options, watch_sink
from inspector.cli.command import Command
from inspector.cli.destinations import Destination, report_options
from inspector.cli.option import option
from inspector.cli.options import policy_option, reading, registry_options, size_of, today_option, verdict_options

if TYPE_CHECKING:
    from inspector.cluster.cluster import Logins
    from inspector.pipeline.audit import NewExecutor, Terms
    from inspector.pipeline.scopes import Scope
    from inspector.policy.role import Policy


@click.command("audit", cls=Command, short_help="Check every image of registries, each layer read once.")
@click.argument("repositories", nargs=-1, metavar="[REPOSITORY]...")
@option("--catalog", multiple=True, metavar="HOST[/GLOB]", help="All repositories that a registry lists.")
@option("--from", "files", multiple=True, metavar="FILE", help="A file of repositories or images; - is stdin.")
@option("--include", multiple=True, metavar="GLOB", help="Only tags that match this or another --include.")
@option("--exclude", multiple=True, metavar="GLOB", help="No tags that match this.")
@option("--semver", "versions", metavar="RANGE", help="Only tags with a version in RANGE, as in '>=1.2,<2'.")
@option("--newest", type=click.IntRange(min=1), metavar="N", help="The newest N tags of each repository.")
@policy_option
@option("--no-policy", is_flag=True, help="Show what the images hold, without a verdict.")
@option("--role", metavar="NAME", help="Check every image against this role, regardless of its name.")
@option("--plan", "plan_only", is_flag=True, help="Stop after the plan: nothing of a layer is fetched.")
@option("--known", is_flag=True, help="Judge what was read before, without asking a registry; say how old it is.")
@option("--max-bytes", callback=size_of, metavar="SIZE", help="Fetch layers of no more than SIZE, as in '50 GB'.")
@option("--max-requests", type=click.IntRange(min=1), metavar="N", help="Make no more than N requests.")
@report_options("audit")
@verdict_options
@today_option
@option("--only-failed", is_flag=True, help="Leave out of tables and Markdown the images that pass.")
@option("--cluster", metavar="ADDRESS", help="Read layers on the Dask cluster at tls://HOST:PORT.")
@option(
    "--cluster-logins",
    type=click.Choice(("tokens", "tokens-in-clear", "workers")),
    default="tokens",
    show_default=True,
    help="What workers show to registries: tokens lent to them, or logins of their own.",
)
@watch_options
@registry_options
def command(
    repositories: tuple[str, ...],
    *,
    reports: Sequence[Destination],
    fail_on: tuple[str, ...],
    exit_zero: bool,
    only_failed: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Check whether every image of a REPOSITORY suits its role; REPOSITORY:TAG is one image.

    First, all tags are listed and their manifests fetched, which gives the plan; then each layer that is not in the
    cache is read once, however many images share it. An interrupted audit continues where it stopped.

    \b
      inspector audit registry.example.com/team/api --newest 20
      inspector audit --catalog registry.example.com --plan
      inspector audit registry.example.com/team/api --known
      inspector audit --from images.txt --format jsonl | jq -r 'select(.outcome == "fail").image'
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.audit_sink import Sink
    from inspector.cli.check import refuse_policies
    from inspector.pipeline import Progress
    from inspector.pipeline.audit import audit  # all that reads images comes with it

    begun = time.monotonic()
    refuse_policies(repositories, "name it by -p FILE")
    targets = list(_targets(repositories, given.pop("catalog"), given.pop("files")))
    policy = _policy(given)
    terms = _terms(given)
    listen, token_file = given.pop("watch"), given.pop("watch_token_file")
    cluster, logins = given.pop("cluster"), given.pop("cluster_logins")
    if listen is not None:
        refuse_other_modes(reports, terms, cluster)
        with reading(quiet=quiet, **given) as (options, _), watch_sink(reports) as sink:
            return keep_watch(listen, token_file, targets, policy, options, terms, sink)
    with (
        _executor(cluster, logins) as executor,
        reading(quiet=quiet, **given) as (options, shown),
        Sink(reports, policy, quiet=quiet, only_failed=only_failed, plan_only=terms.plan_only) as sink,
        closing(
            audit(targets, policy, options, terms=terms, progress=(counted := shown or Progress()), executor=executor)
        ) as events,
    ):
        sink.take_all(events, counted, begun)
    code = sink.finish(time.monotonic() - begun, fail_on)
    return 0 if exit_zero else code


def _executor(cluster: str | None, logins: Logins) -> AbstractContextManager[NewExecutor | None]:
    """Connect to what reads layers on the cluster; None for threads of this process."""
    if cluster is None:
        return nullcontext()
    from inspector.cluster.cluster import connected, parse_cluster

    return connected(parse_cluster(cluster, logins))


def _terms(given: dict[str, Any]) -> Terms:
    from inspector.pipeline.audit import Terms
    from inspector.pipeline.scopes import Selection

    selection = Selection(**{name: given.pop(name) for name in ("include", "exclude", "versions", "newest")})
    return Terms(
        selection=selection, **{name: given.pop(name) for name in ("plan_only", "known", "max_bytes", "max_requests")}
    )


def _policy(given: dict[str, Any]) -> Policy | None:
    """Load the policy named, else the nearest. Raises `PolicyError` for none: a lost file must not pass all."""
    from inspector.cli.check import policy_here
    from inspector.errors import PolicyError, UsageError

    path = given.pop("policy")
    if given.pop("no_policy"):
        if given["select"] or given["ignore"]:
            raise UsageError("--no-policy checks nothing, so there is nothing to --select or --ignore")
        if path is not None:
            raise UsageError("--policy and --no-policy exclude each other")
        return None
    policy = policy_here(path)
    if policy is not None or given["plan_only"]:
        return policy
    raise PolicyError(
        "no policy: name a file with --policy, or write inspector.toml; --no-policy shows what images hold"
    )


def _targets(repositories: tuple[str, ...], catalogs: tuple[str, ...], files: tuple[str, ...]) -> Iterator[Scope]:
    import sys

    from inspector.errors import UsageError
    from inspector.pipeline.scopes import parse_catalog, parse_scope, read_scopes

    yield from (parse_scope(text) for text in repositories if text != "-")
    yield from map(parse_catalog, catalogs)
    for name in dict.fromkeys((*files, *(text for text in repositories if text == "-"))):
        if name == "-":
            if sys.stdin is None:
                raise UsageError("standard input is closed; pipe names in, one a line")
            yield from read_scopes(sys.stdin.buffer, "standard input")
            continue
        try:
            with Path(name).open("rb") as file:
                yield from read_scopes(file, name)
        except OSError as error:
            raise UsageError(f"--from {name}: can't be read: {error.strerror or error}") from error
