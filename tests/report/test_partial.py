"""Reports of facts that are partial: what nobody looked at is said, never shown as nothing."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from inspector.facts import ImageFacts, Size
from inspector.report import diff, document, junit, markdown, show, table
from inspector.report.difference import difference
from inspector.unknown import Unknown
from tests.report import samples
from tests.report.samples import ON_A_GPU, facts, glanced, passed, report, result, torch

CPU = torch("cpu", "2.14.1+cpu", 702_000_000)
PARTIAL = glanced("ktrdr-worker-cpu:test", CPU)
WHOLE = facts("ktrdr-worker-cpu:test", CPU)


def test_show_says_what_was_not_looked_at() -> None:
    text = show.render_show([replace(PARTIAL, size=Size(None, None))])
    assert "size not looked at in 5 layers, entries not looked at, id not told" in text
    assert "its size was not looked at" in text
    assert text.count("not looked at: only single files were asked for") == 2
    assert not re.search(r"\b0 (B|entries|packages)", text)


def test_show_names_access_questions_and_what_was_passed_over() -> None:
    text = show.render_show([PARTIAL])
    assert "access method files: 58 questions of the engine (1.20 MB), no layer read, proof: files, in 0.23 s" in text
    assert "passed over: storage: /var/lib/docker can't be read by this user" in text


@pytest.mark.parametrize("access", ["cache", "storage", "save"])
def test_show_names_the_other_access(access: str) -> None:
    seen = replace(WHOLE.evidence, access=access)
    assert f"access method {access}: 4 layers read (1.31 MB by seek+cache)" in show.render_show(
        [replace(WHOLE, evidence=seen)]
    )


def test_the_table_says_of_a_pass_that_it_is_partial() -> None:
    """Whatever the facts themselves warn of: nobody may take such an answer for a whole one."""
    quiet = replace(PARTIAL, warnings=())
    well = report(result("ktrdr-worker-cpu:test", "worker", quiet, passed("torch", "torch can be imported")))
    told = "partial: the engine was asked for single files; not looked at: layers, packages, torch where"
    assert f"note: {told}" in table.render_check(well, width=200)
    assert f"- note: {told}" in markdown.render_check(well)
    assert told in str(ET.fromstring(junit.render_check(well)).findtext(".//system-err"))
    listed = report(result("a:1", "worker", replace(quiet, distributions=()), passed("torch", "torch is there")))
    assert "not looked at: layers, torch where `python` does not look" in table.render_check(listed, width=200)
    assert "partial" not in table.render_check(report(result("a:1", "worker", WHOLE, passed("torch", "well"))))


def test_json_gives_the_reason_in_place_of_what_was_not_looked_at() -> None:
    found = json.loads(document.render_show([PARTIAL]))["images"][0]
    reason = {"unknown": "only single files were asked for"}
    assert (found["distributions"], found["torch_elsewhere"]) == (reason, reason)
    assert (found["image_id"], found["torch"]["size"]) == (None, None)
    assert {layer["size"] for layer in found["layers"]} == {None}
    assert found["evidence"]["access"] == "files"


def test_what_one_side_does_not_know_is_no_change_and_no_sameness() -> None:
    for one, other in ((PARTIAL, WHOLE), (WHOLE, PARTIAL), (PARTIAL, PARTIAL)):
        found = difference(one, other)
        assert (found.changed, found.packages, found.equal) == ((), (), False)
        assert found.not_compared == (
            "image_id",
            "size.compressed",
            "torch.size",
            "torch.stack_size",
            "torch_elsewhere",
            "packages",
        )
        text = diff.render_diff(found)
        assert "not compared, since one side was not looked at: image_id, size.compressed" in text
        assert "no difference" not in text


def test_whole_facts_leave_nothing_uncompared() -> None:
    found = difference(WHOLE, WHOLE)
    assert (found.equal, found.not_compared) == (True, ())


def test_a_layer_of_unknown_size_is_listed_all_the_same() -> None:
    text = diff.render_diff(difference(replace(PARTIAL, layers=()), PARTIAL))
    assert re.search(r"\+ +5 +\? +build step not told$", text, re.MULTILINE)


def test_a_size_that_is_not_known_is_compared_with_nothing() -> None:
    unknown = replace(WHOLE, size=Size(None, None))
    assert difference(WHOLE, unknown).not_compared == ("size.uncompressed",)


@pytest.mark.parametrize("unseen", ["distributions", "torch_elsewhere"])
def test_a_diff_with_one_unknown_side_of_many(unseen: str) -> None:
    half: ImageFacts = replace(WHOLE, **{unseen: Unknown("why")})
    assert difference(half, WHOLE).not_compared == ({"distributions": "packages"}.get(unseen, unseen),)


def test_a_run_is_told_of_an_image_that_passes() -> None:
    well = report(result("gpu:1", "gpu", replace(WHOLE, runtime=ON_A_GPU), passed("torch", "torch can be imported")))
    told = "torch 2.14.1 (CUDA 13.0), with NVIDIA A10 (compute capability 8.6, 23.6 GB), driver 580.95.05, in 6.25 s"
    assert f"run: {told}" in table.render_check(well, width=200)
    assert "- run: torch 2.14.1 (CUDA 13.0), with NVIDIA A10" in markdown.render_check(well)
    (run,) = ET.fromstring(junit.render_check(well)).iterfind(".//property[@name='run']")
    assert run.get("value") == told
    assert ET.fromstring(junit.render_check(samples.four_roles())).find(".//property[@name='run']") is None


def test_only_what_is_not_well_is_shown_on_request() -> None:
    for text in (
        table.render_check(samples.mixed(), only_failed=True),
        markdown.render_check(samples.mixed(), only_failed=True),
    ):
        assert "ktrdr-backend:prod" not in text
        assert "ktrdr-backend:wrong" in text
        assert "note: role 'dev' has no image" in text
    assert table.render_check(samples.four_roles(), only_failed=True) == "4 images: all checks passed\n"


def test_a_warning_is_not_well() -> None:
    warned = report(result("a:1", "api", WHOLE, replace(samples.torch_in_api(), outcome="warn")))
    assert "a:1" in table.render_check(warned, only_failed=True)


def test_without_images_there_is_an_empty_table_as_ever() -> None:
    assert table.render_check(report(), only_failed=True) == table.render_check(report())
