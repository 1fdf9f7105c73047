"""`inspector doctor`: what inspector finds on this machine, and what to do where something is missing."""

from __future__ import annotations

from pathlib import Path

import click

from inspector.cli.command import Command
from inspector.cli.destinations import format_option, output_option
from inspector.cli.options import cache_dir_option


@click.command("doctor", cls=Command, follows_file=False, short_help="Report what inspector finds on this machine.")
@format_option("doctor")
@output_option
@cache_dir_option
def command(form: str, output: Path | None, cache_dir: Path | None) -> int:
    """Report what is found here: Python, settings, cache, engines and how their images would be read, credentials,
    certificates, proxies, GPU.

    Nothing is changed, no registry is asked, and no container is made. The exit code is 1 where something that
    was configured, such as DOCKER_HOST, does not work.

    \b
      inspector doctor
      inspector doctor --format json
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.output import emit, ensure_writable, rendered
    from inspector.cli.probes import probes  # brings engines, registries and the cache
    from inspector.report.doctor import diagnosis

    ensure_writable(output)
    found = diagnosis(probes(cache_dir))
    emit(rendered("doctor", found, form, output), output)
    return 1 if found.outcome == "fail" else 0
