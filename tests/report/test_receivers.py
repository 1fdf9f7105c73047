"""Reports read by their receivers' own programs, offline; `make receivers` installs these."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.report import cyclonedx, sarif, spdx
from tests.report import samples
from tests.report.test_bills import RUN, rich
from tests.report.test_ci_formats import RUN as CHECKED
from tests.report.test_ci_formats import finding, report, result

ROOT = Path(__file__).parents[2]
MULTITOOL = ROOT / "build/receivers/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
SYFT = shutil.which("syft", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))

pytestmark = pytest.mark.receivers


@pytest.mark.skipif(not MULTITOOL.exists(), reason="`make receivers` installs Microsoft's SARIF tool")
@pytest.mark.parametrize("case", [*samples.CASES, "placed"])
def test_sarif_is_valid_by_its_own_tool_with_githubs_rules(case: str, tmp_path: Path) -> None:
    file = tmp_path / "report.sarif"
    if case == "placed":
        text = sarif.render_check(report(result("api:1", finding(line=3), finding("size"))), context=CHECKED)
    else:
        text = sarif.render_check(samples.CASES[case]())
    file.write_text(text, encoding="utf-8")
    words = [str(MULTITOOL), "validate", str(file), "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning"]
    words += ["-o", str(tmp_path / "out.sarif"), "--log", "ForceOverwrite"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120)
    told = [line for line in (done.stdout + done.stderr).splitlines() if ": error " in line or ": warning " in line]
    assert "successfully" in done.stdout, done.stdout  # it exits with 0 whatever it finds
    assert [line for line in told if "SARIF2005" not in line] == []  # that asks for a page of the project


@pytest.mark.skipif(SYFT is None, reason="`make receivers` installs syft")
@pytest.mark.parametrize("form", ["cyclonedx", "spdx"])
def test_syft_reads_a_bill_back(form: str, tmp_path: Path) -> None:
    file = tmp_path / "bill.json"
    render = {"cyclonedx": cyclonedx.render_show, "spdx": spdx.render_show}[form]
    file.write_text(render([rich()], context=RUN), encoding="utf-8")
    words = [str(SYFT), "convert", str(file), "-o", "syft-json"]
    quiet = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=120, env=quiet)
    read = {(one["name"], one["version"], one["purl"]) for one in json.loads(done.stdout)["artifacts"]}
    assert {
        ("torch", "2.14.1", "pkg:pypi/torch@2.14.1"),
        ("numpy", "2.4.2", "pkg:pypi/numpy@2.4.2"),
        ("My_Package", "1.0+local", "pkg:pypi/my-package@1.0%2Blocal"),
    } <= read
