from inspector.cli.version import command
