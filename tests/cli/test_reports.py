"""The formats for other programs, as the command writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.roles import right_images
from inspector.testing import FakeRegistry
from tests.cli.program import run

GPU_AS_API = ("check", "--torch", "absent")


def test_annotations_go_to_the_log_and_the_table_to_the_summary(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    done = run(*GPU_AS_API, images / "worker-cpu.tar", "-f", "github", "-f", f"json={tmp_path / 'r.json'}")
    assert done.exit_code == 1
    assert done.stdout.startswith("::error title=")
    assert "## inspector: 1 image fails" in summary.read_text(encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "summary.md"))
    told = run(*GPU_AS_API, images / "worker-cpu.tar", "-f", "github")
    assert told.exit_code == 1
    assert "can't be written" in told.stderr


def test_sarif_is_chosen_by_the_ending_and_has_the_category_asked_for(images: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.sarif"
    done = run(*GPU_AS_API, images / "worker-cpu.tar", "-o", report, "--sarif-category", "cpu")
    assert done.exit_code == 1, done.stderr
    (only,) = json.loads(report.read_text(encoding="utf-8"))["runs"]
    assert only["automationDetails"]["id"] == "inspector/cpu/"
    assert only["invocations"][0]["exitCode"] == 1
    assert only["results"][0]["partialFingerprints"]["primaryLocationLineHash"]
    assert run(*GPU_AS_API, images / "worker-cpu.tar", "--sarif-category", " ").exit_code == 2


def test_bills_are_chosen_by_their_endings_and_are_the_same_twice(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764288000")
    texts = []
    for name in ("a.cdx.json", "b.cdx.json"):
        assert run("show", images / "worker-cpu.tar", "-o", tmp_path / name).exit_code == 0
        texts.append((tmp_path / name).read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    names = {one["name"] for one in json.loads(texts[0])["components"]}
    assert "torch" in names
    assert run("show", images / "worker-cpu.tar", "-o", tmp_path / "c.spdx.json").exit_code == 0
    packages = json.loads((tmp_path / "c.spdx.json").read_text(encoding="utf-8"))["packages"]
    assert {one["name"] for one in packages[1:]} == names


def test_several_images_make_no_bill(images: Path) -> None:
    done = run("show", images / "worker-cpu.tar", images / "backend-prod.tar", "-f", "cyclonedx")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "is of one image, and 2 were read" in done.stderr


def test_an_archive_is_not_attested_and_a_pushed_image_is(images: Path) -> None:
    done = run("check", "--torch", "absent", images / "backend-prod.tar", "-f", "svr")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the digest of its manifest is not known" in done.stderr
    with FakeRegistry() as registry:
        digest = registry.push("team/worker", "1", right_images()["worker-cpu"])
        name = f"docker://{registry.host}/team/worker:1"
        asked = ("--insecure-registry", registry.host, "-f", "svr")
        good = run("check", "--torch", "cpu", name, *asked)
        assert good.exit_code == 0, good.stderr
        assert "INSPECTOR_TORCH_BUILD_cpu" in json.loads(good.stdout)["properties"]
        shown = run("show", name, "--insecure-registry", registry.host, "-f", "json")
        found = json.loads(shown.stdout)["images"][0]["manifest_digest"]
        assert found == digest
        assert run("check", "--torch", "absent", name, *asked).exit_code == 1
        part = run("check", "--torch", "cpu", "--ignore", "size", name, *asked)
        assert part.exit_code == 2
        assert "--select and --ignore" in part.stderr
