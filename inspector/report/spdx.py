"""An image's packages as SPDX 2.3 in JSON, by plain values: its library is slow to import."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from inspector.facts import ImageFacts
from inspector.report.bill import Bill, Package, bill_of
from inspector.report.context import NO_CONTEXT, Context
from inspector.report.document import encode

BASE = "https://inspector.invalid/spdx"
"""What namespaces begin with; they are names, and nothing lies there."""
_NO_ID = re.compile(r"[^A-Za-z0-9.-]+")
_NOTHING = "NOASSERTION"
_ROOT = "SPDXRef-image"


def render_show(images: Sequence[ImageFacts], *, context: Context = NO_CONTEXT) -> str:
    """Render the bill of one image. Raises as `bill_of`."""
    bill = bill_of(images, context)
    ids = {each.ref: _id(each, at) for at, each in enumerate(bill.packages, 1)}
    contained = [_related(_ROOT, "CONTAINS", ids[each.ref]) for each in bill.packages]
    needed = [
        _related(ids[each.ref], "DEPENDS_ON", ids[ref]) for each in bill.packages for ref in each.requires if ref in ids
    ]
    return encode(
        {
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": bill.name or "image",
            "documentNamespace": f"{BASE}/{bill.serial}",
            "creationInfo": {"created": context.time, "creators": [_tool(context)]},
            "packages": [_image(bill, context), *(_package(each, ids[each.ref], context) for each in bill.packages)],
            "relationships": [_related("SPDXRef-DOCUMENT", "DESCRIBES", _ROOT), *contained, *needed],
        }
    )


def _tool(run: Context) -> str:
    return f"Tool: inspector-{run.version}"


def _id(package: Package, number: int) -> str:
    return f"SPDXRef-pypi-{_NO_ID.sub('-', package.name)}-{number}"


def _related(one: str, how: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}


def _image(bill: Bill, run: Context) -> dict[str, Any]:
    algorithm, _, digits = bill.version.partition(":")
    known = algorithm == "sha256" and re.fullmatch(r"[0-9a-f]{64}", digits)
    return {
        "SPDXID": _ROOT,
        "name": bill.name or "image",
        **({"versionInfo": bill.version} if bill.version else {}),
        "primaryPackagePurpose": "CONTAINER",
        "downloadLocation": _NOTHING,
        "filesAnalyzed": False,
        **({"checksums": [{"algorithm": "SHA256", "checksumValue": digits}]} if known else {}),
        **_refs(bill.purl),
        **_annotated(bill.properties, run),
    }


def _package(package: Package, own: str, run: Context) -> dict[str, Any]:
    layer = f", layer {package.layer}" if package.layer else ""
    return {
        "SPDXID": own,
        "name": package.name or "unnamed",
        **({"versionInfo": package.version} if package.version else {}),
        "downloadLocation": _NOTHING,
        "filesAnalyzed": False,
        "licenseDeclared": _license(package.license_expression),
        "licenseConcluded": _NOTHING,
        "copyrightText": _NOTHING,
        "sourceInfo": f"installed at {package.path}{layer}",
        **_refs(package.purl),
        **_annotated(package.properties, run),
    }


def _license(expression: str | None) -> str:
    """Return an expression that is valid; a name that SPDX doesn't list would make the document invalid."""
    if not expression:
        return _NOTHING
    from cyclonedx.spdx import is_expression  # reads the list of licences, which not every image asks for

    return expression if is_expression(expression) else _NOTHING


def _refs(purl: str | None) -> dict[str, Any]:
    if purl is None:
        return {}
    found = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
    return {"externalRefs": [found]}


def _annotated(properties: Sequence[tuple[str, str]], run: Context) -> dict[str, Any]:
    """Return what SPDX has no field for as an annotation, whose comment is JSON."""
    if not properties:
        return {}
    comment = json.dumps(dict(properties), separators=(",", ":"))
    about = {"annotationType": "OTHER", "annotator": _tool(run), "annotationDate": run.time, "comment": comment}
    return {"annotations": [about]}
