"""Our documents held against their schema, which is made once."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from inspector.report.schema import render_schema


@cache
def validator(definition: str = "") -> Any:
    """Return what checks whole documents, or those of one definition."""
    from jsonschema import Draft202012Validator

    schema = json.loads(render_schema())
    return Draft202012Validator({**schema["$defs"][definition], "$defs": schema["$defs"]} if definition else schema)


def validate(document: Any, definition: str = "") -> None:
    """Check a document; raises `jsonschema.ValidationError`."""
    validator(definition).validate(document)
