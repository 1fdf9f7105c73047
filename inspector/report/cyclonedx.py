"""An image's packages as CycloneDX 1.6, which GitLab and older readers still take.

Without `evidence.identity`: it is a list from 1.6 on, and readers that expect one object fail on the whole document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_expression
from packageurl import PackageURL

from inspector.facts import ImageFacts
from inspector.report.bill import Bill, Package, bill_of
from inspector.report.context import NO_CONTEXT, Context
from inspector.report.document import encode

ROOT = "image"


def render_show(images: Sequence[ImageFacts], *, context: Context = NO_CONTEXT) -> str:
    """Render the bill of one image. Raises as `bill_of`."""
    bill = bill_of(images, context)
    document: dict[str, Any] = json.loads(JsonV1Dot6(_bom(bill, context)).output_as_string())
    document["compositions"] = [{"aggregate": "incomplete", "assemblies": [ROOT]}]  # packages of the system are missing
    return encode(document)


def _bom(bill: Bill, run: Context) -> Bom:
    root = Component(
        name=bill.name or "image",
        version=bill.version or None,
        type=ComponentType.CONTAINER,
        bom_ref=ROOT,
        purl=_purl(bill.purl),
        properties=_properties(bill.properties),
    )
    tool = Component(name="inspector", version=run.version, type=ComponentType.APPLICATION)
    components = {each.ref: _component(each) for each in bill.packages}
    dependencies = [
        Dependency(components[each.ref].bom_ref, [Dependency(components[ref].bom_ref) for ref in each.requires])
        for each in bill.packages
    ]
    dependencies.append(Dependency(root.bom_ref, [Dependency(each.bom_ref) for each in components.values()]))
    return Bom(
        components=components.values(),
        serial_number=bill.serial,
        dependencies=dependencies,
        metadata=BomMetaData(
            tools=ToolRepository(components=[tool]),
            component=root,
            timestamp=run.now.replace(microsecond=0),
            lifecycles=[PredefinedLifecycle(LifecyclePhase.POST_BUILD)],
        ),
    )


def _component(package: Package) -> Component:
    layer = f"layer {package.layer}" if package.layer else None
    return Component(
        name=package.name or "unnamed",
        version=package.version or None,
        type=ComponentType.LIBRARY,
        bom_ref=package.ref,
        purl=_purl(package.purl),
        scope=ComponentScope.EXCLUDED if package.excluded else None,
        licenses=_licenses(package),
        evidence=ComponentEvidence(occurrences=[Occurrence(location=package.path or "/", additional_context=layer)]),
        properties=_properties(package.properties),
    )


def _licenses(package: Package) -> list[LicenseExpression | DisjunctiveLicense]:
    """Return the licence once: an expression where it is a valid one, else its words."""
    stated = package.license_expression
    if stated and is_expression(stated):
        return [LicenseExpression(stated)]
    words = stated or package.license
    return [DisjunctiveLicense(name=words)] if words else []


def _purl(text: str | None) -> PackageURL | None:
    return PackageURL.from_string(text) if text else None


def _properties(pairs: Iterable[tuple[str, str]]) -> list[Property]:
    return [Property(name=name, value=value) for name, value in pairs]
