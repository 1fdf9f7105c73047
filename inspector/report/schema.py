"""The JSON Schema (draft 2020-12) of every document, made from the very values that are printed."""

from __future__ import annotations

from types import GenericAlias
from typing import Annotated, Any, Literal

import msgspec

from inspector.facts import ImageFacts
from inspector.facts.model import Command
from inspector.facts.sizes import Sizes, SizeTree
from inspector.facts.waste import Waste
from inspector.oci import Platform
from inspector.policy.audited import Audited, AuditReport, Noticed
from inspector.policy.model import SCHEMA, Pointer, Report, Result
from inspector.python.model import Distribution, Interpreter
from inspector.report.difference import Difference, Side
from inspector.report.doctor import Diagnosis
from inspector.report.document import Run, Shown, encode
from inspector.report.explain import Explanations
from inspector.report.fleet import Matrix
from inspector.torchbuild.kinds import kind_names
from inspector.torchbuild.model import Torch, TorchElsewhere
from inspector.unknown import Absent, Unknown

_REF = "#/$defs/{name}"
_OMITTING = (Platform.__name__, Pointer.__name__, SizeTree.__name__)
"""Values that leave out what is not set; all others always have all their fields."""
_LEFT_OUT = {Torch.__name__: ("accelerator",)}
"""But for these, which only kinds of build that were added have."""


def render_schema() -> str:
    """Return the schema as one document and a line end; what any command prints fits one of its alternatives."""
    documents = _documents()
    named = (Interpreter, Distribution, TorchElsewhere, Sizes, Waste, Unknown, Absent)
    refs, defs = msgspec.json.schema_components([*documents, *named], ref_template=_REF)
    for name, schema in defs.items():
        _close(name, schema)
    for kind in (Torch, TorchElsewhere):
        defs[kind.__name__]["properties"]["build"] = {"enum": sorted([*kind_names(), "unknown"])}
    draft = "https://json-schema.org/draft/2020-12/schema"
    return encode({"$schema": draft, "title": SCHEMA, "anyOf": list(refs[: len(documents)]), "$defs": defs})


def _documents() -> list[type[msgspec.Struct]]:
    """List the documents, with unions such as `Interpreter | Unknown` spelled out, which msgspec doesn't describe."""
    interpreter = _or_unknown(_ref(Interpreter))
    facts = _with(
        ImageFacts,
        interpreter=interpreter,
        distributions=_or_unknown({"type": "array", "items": _ref(Distribution)}),
        torch_elsewhere=_or_unknown({"type": "array", "items": _ref(TorchElsewhere)}),
        sizes=_or_unknown(_ref(Sizes)) | None,
        waste=_or_unknown(_ref(Waste)) | None,
        command=_with(Command, interpreter=interpreter | None),
    )
    result = _with(Result, facts=facts | None)
    audited = _with(Audited, schema=Literal[SCHEMA])
    side = _with(Side, interpreter=interpreter)
    return [
        _with(Report, schema=Literal[SCHEMA], results=GenericAlias(tuple, (result, ...))),
        _with(Shown, schema=Literal[SCHEMA], images=GenericAlias(tuple, (facts, ...))),
        _with(Run, schema=Literal[SCHEMA]),
        audited,
        _with(Noticed, schema=Literal[SCHEMA]),
        _with(AuditReport, schema=Literal[SCHEMA], results=GenericAlias(tuple, (audited, ...))),
        _with(Difference, schema=Literal[SCHEMA], before=side, after=side),
        _with(Matrix, schema=Literal[SCHEMA]),
        _with(Diagnosis, schema=Literal[SCHEMA]),
        _with(Explanations, schema=Literal[SCHEMA]),
    ]


def _ref(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}


def _or_unknown(known: dict[str, Any]) -> Any:
    """Return the type of a field that holds what `known` describes, or the reason why that isn't known."""
    either = {"anyOf": [known, _ref(Unknown), _ref(Absent)]}
    return Annotated[Any, msgspec.Meta(extra_json_schema=either)]


def _with(kind: type[msgspec.Struct], **fields: Any) -> type[msgspec.Struct]:
    """Return the struct with other types for some of its fields, under its own name."""
    namespace = {"__doc__": kind.__doc__}
    changed = list(fields.items())
    return msgspec.defstruct(kind.__name__, changed, bases=(kind,), namespace=namespace, kw_only=True, frozen=True)


def _close(name: str, schema: dict[str, Any]) -> None:
    """Allow no fields but these, and, where none is left out, all of these."""
    fields = schema.get("properties")
    if fields is None:
        return
    schema["additionalProperties"] = False
    if name not in _OMITTING:
        schema["required"] = [field for field in fields if field not in _LEFT_OUT.get(name, ())]
    for field in fields.values():
        field.pop("default", None)
