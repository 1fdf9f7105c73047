"""The step of action.yml: checks, writes the job's summary, marks Dockerfiles, and sets the outputs.

Reads INPUT_POLICY, INPUT_IMAGES, INPUT_ARGS and INPUT_ANNOTATIONS; ends with the exit code of `inspector check`.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_LEVELS = {"fail": "error", "unknown": "error", "warn": "warning"}


def main() -> int:
    """The exit code of the check."""
    report = Path(os.environ["RUNNER_TEMP"], "inspector-report.json")
    summary = report.with_suffix(".md")
    report.unlink(missing_ok=True)
    code = _inspector({"json": report, "markdown": summary})
    if not report.exists():
        _print("error", "inspector", f"`inspector check` ended with {code}: see its message above")
        return code
    _append("GITHUB_STEP_SUMMARY", summary.read_text(encoding="utf-8"))
    document = json.loads(report.read_text(encoding="utf-8"))
    _append("GITHUB_OUTPUT", f"outcome={document['outcome']}\nreport={report}\n")
    if os.environ.get("INPUT_ANNOTATIONS") != "false":
        for line in commands(document, Path.cwd()):
            print(line)
    return code


def commands(document: dict[str, Any], root: Path) -> Iterator[str]:
    """A workflow command for each finding that did not pass, at its Dockerfile's line where that is known."""
    for result in document["results"]:
        title = f"{result['image']} ({result['role']})" if result["role"] else result["image"]
        for finding in result["findings"]:
            if finding["outcome"] in _LEVELS:
                text = f"{finding['message']}\n{finding['advice']}"
                yield _command(_LEVELS[finding["outcome"]], _place(result, finding, root) | {"title": title}, text)


def _place(result: dict[str, Any], finding: dict[str, Any], root: Path) -> dict[str, str]:
    """File and line, as far as they are known; what is no fault of the image build has none."""
    dockerfile, at = result["dockerfile"], finding["evidence"]
    if finding["category"] != "CODE_BUG" or dockerfile is None or not (root / dockerfile).is_file():
        return {}
    line = at.get("line") if "layer" in at else result["line"]
    return {"file": dockerfile} | ({"line": str(line)} if line else {})


def _command(level: str, properties: dict[str, str], text: str) -> str:
    shown = ",".join(f"{name}={_escaped(value, ',:')}" for name, value in properties.items())
    return f"::{level} {shown}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    """`text` so that nothing in it ends the command or begins another, or does something to who reads the log."""
    plain = "".join(char if char.isprintable() or char in "\r\n" else ascii(char)[1:-1] for char in text)
    return "".join(f"%{ord(char):02X}" if char in f"%\r\n{more}" else char for char in plain)


def _print(level: str, title: str, text: str) -> None:
    print(_command(level, {"title": title}, text))


def _inspector(files: Mapping[str, Path]) -> int:
    """Run the check, its report in a file for each format, and return its exit code."""
    given = [os.environ.get(f"INPUT_{name}", "") for name in ("POLICY", "ARGS", "IMAGES")]
    policy, options, images = [given[0]] if given[0] else [], shlex.split(given[1]), given[2].split()
    formats = [f"--format={name}={file}" for name, file in files.items()]
    command = [sys.executable, "-m", "inspector", "check", *policy, *options, *formats, "--", *images]
    return subprocess.run(command, check=False).returncode


def _append(variable: str, text: str) -> None:
    with Path(os.environ[variable]).open("a", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
