"""Images against hosts: words, layout, every format, and names that would do more than be read."""

from __future__ import annotations

import json
import re

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from inspector.gpu.hosts import Host
from inspector.gpu.image import ImageGpu
from inspector.policy.role import Fleet
from inspector.report.document import ShowError
from inspector.report.fleet import Matrix, causes, cell, matrix, tally
from inspector.report.formats import View, formats, render
from inspector.report.html.fleet import HOSTS
from tests.report.fleets import FLEET, documented, images
from tests.report.html.reading import read
from tests.report.samples import HOSTILE, facts, torch
from tests.schemas import validate

ERROR = ShowError(reference="gone.tar", kind="not-found", message="gone.tar: no such file")


def table(found: Matrix, width: int = 100) -> str:
    return render("fleet", found, "table", View(width=width))


def test_the_lab_s_images_on_the_documented_fleet() -> None:
    (found,) = documented().fleets
    verdicts = [[each.verdict for each in image.hosts] for image in found.images]
    assert verdicts == [["fails"] * 5] * 3 + [["fails"] * 3 + ["works"] * 2]
    assert [cell(each) for each in found.images[3].hosts] == ["driver", "driver", "driver", "works", "works"]
    assert tally(found) == "4 images, 5 hosts: 2 work, 18 fail"


def test_a_cause_is_told_once_with_all_that_it_holds_for() -> None:
    (found,) = documented().fleets
    told = {each.word: each for each in causes(found)}
    assert told["wrong build"].where == "ktrdr-backend:dev, ktrdr-worker-cpu:test on every host"
    assert told["driver"].where == "ktrdr-worker-gpu:test on edge, a10, h100-old"
    assert told["driver"].reason.count("too old for 13.0") == 3
    assert told["driver"].change == "use driver 580.65.06 or newer, or install torch for an older CUDA"


def test_what_is_unknown_or_noted_has_words_of_its_own() -> None:
    based = {"NVIDIA_REQUIRE_CUDA": "cuda>=13.1"}
    gpu = ImageGpu(build="cuda", cuda="13.0", architectures=("sm_80", "sm_90"), environment=based)
    noted = replace(gpu, environment={}, baked=("/usr/bin/nvidia-smi",))
    cuda = torch("cuda", "2.13.0+cu130", 1_730_000_000)
    read_all = [facts("a:1", cuda, gpu=gpu), facts("b:1", cuda, gpu=noted)]
    (found,) = matrix(read_all, [Fleet("gpu", FLEET.hosts[3:4])]).fleets
    assert [cell(image.hosts[0]) for image in found.images] == ["injection", "works, note"]
    assert tally(found) == "2 images, 1 host: 1 work, 1 unknown"
    assert [(each.verdict, each.word) for each in causes(found)] == [("unknown", "injection"), ("works", "note")]


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_a_table_is_parted_where_it_is_too_wide(width: int) -> None:
    text = table(documented(), width)
    assert max(map(cell_len, text.splitlines())) <= width
    heads = re.findall(r"^ +(?:(?:edge|a10|h100-old|h100|desk) *)+$", text, re.MULTILINE)
    assert [name for line in heads for name in line.split()] == [host.name for host in FLEET.hosts]
    assert len(heads) == {60: 3, 80: 2, 100: 1, 160: 1}[width]


def test_json_fits_the_schema() -> None:
    document = json.loads(render("fleet", matrix(images(), [FLEET], (ERROR,)), "json", View()))
    validate(document)
    assert document["fleets"][0]["images"][3]["hosts"][0]["causes"][0]["stage"] == "driver"


def test_markdown_and_html() -> None:
    found = matrix(images(), [FLEET, Fleet("other", FLEET.hosts[:1])], (ERROR,))
    told = render("fleet", found, "markdown", View())
    assert "| <code>ktrdr-worker-gpu:test</code> | ❌ driver | ❌ driver | ❌ driver | ✅ works | ✅ works |" in told
    assert "- ❔ <code>gone.tar</code>: gone.tar: no such file" in told
    page = read(render("fleet", found, "html", View()))
    assert len(page.all("table")) == 2
    assert "Fleet other" in page.words
    assert "gone.tar" in page.words


def test_a_page_of_many_hosts_has_several_tables() -> None:
    many = tuple(replace(FLEET.hosts[0], name=f"edge{at}") for at in range(2 * HOSTS + 1))
    page = read(render("fleet", matrix(images(), [Fleet("gpu", many)]), "html", View()))
    assert len(page.all("table")) == 3
    assert all(host.name in page.words for host in many)


@pytest.mark.parametrize("form", formats("fleet"))
@pytest.mark.parametrize("name", [HOSTILE, "<script>alert(1)</script>", "a" * 5000, "` | ` @me #1 https://a.b"])
def test_no_name_does_anything(form: str, name: str) -> None:
    cuda = torch("cuda", name, 1)
    gpu = ImageGpu(build="cuda", cuda=name, architectures=(name,), environment={"NVIDIA_REQUIRE_CUDA": name})
    hosts = (Host(name=name, driver="580.95.05", gpus=("A10",)),)
    made = render("fleet", matrix([facts(name, cuda, gpu=gpu)], [Fleet(name, hosts)]), form, View(width=80))
    assert made.replace("\n", "").isprintable()
    if form == "html":
        read(made)
    assert "<script" not in made or form in ("json", "table")


def test_nothing_was_read() -> None:
    found = matrix([], [FLEET])
    assert table(found) == "fleet gpu  0 images, 5 hosts: nothing\n"
    assert render("fleet", found, "markdown", View()) == "## inspector: fleet gpu, 0 images, 5 hosts: nothing\n"
