"""Bills of materials: CycloneDX and SPDX, valid by their own tools whatever an image calls its packages."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from msgspec.structs import replace
from packageurl import PackageURL

from inspector.errors import InspectorError, UsageError
from inspector.facts import ImageFacts
from inspector.report import cyclonedx, spdx
from inspector.report.bill import purl_of
from inspector.report.context import Context
from inspector.torchbuild.model import TorchElsewhere
from inspector.unknown import Unknown
from tests.effort import examples
from tests.factories import SITE, digest, distribution
from tests.report import samples
from tests.report.test_all_formats import ANY

RUN = Context(version="9.9.9", now=dt.datetime(2026, 11, 28, 6, 7, 8, 9, tzinfo=dt.UTC))
STRICT = JsonStrictValidator(SchemaVersion.V1_6)


def rich(**changes: Any) -> ImageFacts:
    """Return an image with all that a bill may hold."""
    listed = (
        replace(distribution("torch", "2.14.1", layer=3), requires=("numpy", 'triton; platform_system == "Windows"')),
        replace(distribution("numpy", "2.4.2", layer=3), license="BSD-like, see LICENSE.txt", requires=("absent",)),
        replace(distribution("My_Package", "1.0+local", layer=3), license_expression="MIT OR Apache-2.0"),
        replace(distribution("odd", "1"), license_expression="my own licence"),
        replace(distribution("python", "3.12.1"), path="/opt/conda/conda-meta/python-3.12.1-h1_0.json"),
    )
    other = TorchElsewhere(path="/old/torch", version="1.0", build="cpu", size=9, why_not_importable="old", layer=3)
    found = samples.torch("cuda", "2.14.1+cu130", 1_730_000_000)
    told = {"distributions": listed, "torch_elsewhere": (other,), "manifest_digest": digest(7), "tags": ("t/api:1",)}
    return samples.facts("t/api:1", found, **{**told, **changes})


def bill(facts: ImageFacts) -> dict[str, Any]:
    """Return the CycloneDX document of an image."""
    document: dict[str, Any] = json.loads(cyclonedx.render_show([facts], context=RUN))
    return document


def test_cyclonedx_is_valid_and_without_identity() -> None:
    text = cyclonedx.render_show([rich()], context=RUN)
    assert STRICT.validate_str(text) is None
    assert STRICT.validate_str(text.replace('"type": "library"', '"type": "wheel"')) is not None
    assert '"identity"' not in text
    assert text == cyclonedx.render_show([rich()], context=RUN)


def test_cyclonedx_tells_each_package_once_and_torch_in_full() -> None:
    document = bill(rich())
    found = {one["bom-ref"]: one for one in document["components"]}
    torches = [one for one in found.values() if one["name"] == "torch"]
    torch, other = sorted(torches, key=lambda one: "scope" in one)
    assert (torch["version"], torch["purl"]) == ("2.14.1", "pkg:pypi/torch@2.14.1")
    told = {one["name"]: one["value"] for one in torch["properties"]}
    assert told["inspector:torch:version"] == "2.14.1+cu130"
    assert (told["inspector:torch:build"], told["inspector:torch:cuda"]) == ("cuda", "13.0")
    assert torch["evidence"]["occurrences"][0]["location"] == f"{SITE}/torch-2.14.1.dist-info"
    assert other["scope"] == "excluded"
    requires = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert [found[ref]["name"] for ref in requires[torch["bom-ref"]]] == ["numpy"]
    assert set(requires["image"]) == set(found)
    licenses = {one["name"]: one.get("licenses") for one in found.values()}
    assert licenses["My_Package"] == [{"expression": "MIT OR Apache-2.0"}]
    assert licenses["odd"] == [{"license": {"name": "my own licence"}}]
    image = document["metadata"]["component"]
    assert image["purl"].startswith(f"pkg:oci/api@{digest(7)}?arch=amd64")
    assert document["metadata"]["timestamp"] == "2026-11-28T06:07:08+00:00"
    assert document["compositions"] == [{"aggregate": "incomplete", "assemblies": ["image"]}]


@pytest.mark.parametrize(
    ("name", "version"), [("torch", "2.13.0+cpu"), ("My_Package.x", "1!2.0"), ("A", ""), ("a", "1 2?#@")]
)
def test_a_package_url_is_as_its_library_writes_it(name: str, version: str) -> None:
    expected = PackageURL("pypi", None, name, version or None).to_string()
    assert purl_of(distribution(name, version)) == expected.replace("+", "%2B")


def test_spdx_is_valid(caplog: pytest.LogCaptureFixture) -> None:
    assert list(spdx_faults(spdx.render_show([rich()], context=RUN))) == []
    caplog.set_level(logging.CRITICAL)
    broken = spdx.render_show([rich()], context=RUN).replace("SPDXRef-pypi-numpy-2", "SPDXRef-nowhere", 1)
    assert list(spdx_faults(broken))


def spdx_faults(text: str) -> Iterator[str]:
    """Yield what SPDX's own tool finds wrong."""
    parser = pytest.importorskip("spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser")
    validator = pytest.importorskip("spdx_tools.spdx.validation.document_validator")
    document = parser.JsonLikeDictParser().parse(json.loads(text))
    yield from (one.validation_message for one in validator.validate_full_spdx_document(document, "SPDX-2.3"))


def test_spdx_has_what_its_fields_lack_in_annotations() -> None:
    document = json.loads(spdx.render_show([rich()], context=RUN))
    torch = document["packages"][1]
    assert torch["externalRefs"][0]["referenceLocator"] == "pkg:pypi/torch@2.14.1"
    assert json.loads(torch["annotations"][0]["comment"])["inspector:torch:cuda"] == "13.0"
    declared = {one["name"]: one.get("licenseDeclared") for one in document["packages"]}
    assert (declared["My_Package"], declared["odd"]) == ("MIT OR Apache-2.0", "NOASSERTION")
    kinds = [one["relationshipType"] for one in document["relationships"]]
    assert (kinds.count("DESCRIBES"), kinds.count("CONTAINS"), kinds.count("DEPENDS_ON")) == (1, 6, 1)


@pytest.mark.parametrize("render", [cyclonedx.render_show, spdx.render_show])
def test_what_is_not_known_makes_no_bill(render: Any) -> None:
    for changes in ({"distributions": Unknown("not looked at")}, {"interpreter": Unknown("a script")}):
        with pytest.raises(InspectorError, match="its packages are not known"):
            render([rich(**changes)])
    with pytest.raises(UsageError, match="of one image"):
        render([rich(), rich()])


@examples(25)
@given(name=ANY)
def test_no_name_breaks_a_bill(name: str) -> None:
    (facts,) = samples.facts_of(samples.hostile(name))[:1]
    facts = replace(facts, interpreter=samples.interpreter())
    for render in (cyclonedx.render_show, spdx.render_show):
        text = render([facts], context=RUN)
        assert text.replace("\n", "").isprintable()
    assert STRICT.validate_str(cyclonedx.render_show([facts], context=RUN)) is None
