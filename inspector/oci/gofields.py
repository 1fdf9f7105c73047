"""The documents of an image as the structs of Go that engines decode them into.

From moby (`image.Image`, `container.Config`, `tarexport.manifestItem`), the image specification (`specs-go/v1`), which
containerd uses, and Docker's `docker-image-spec`; where one has a field that another lacks, it is here. Fields that
this tool has no use for are here, too: an engine refuses a document for the type of any.
"""

from __future__ import annotations

from inspector.oci.gojson import Reader
from inspector.oci.gotypes import Base64, Flag, GoType, Map, Nothing, Raw, Slice, Struct, Text, Time, Whole, Words

_TEXT = Text()
_TEXTS = Slice(_TEXT)
_TIME = Time()


def _all(kind: GoType, *names: str) -> dict[str, GoType]:
    return dict.fromkeys(names, kind)


_PLATFORM = Struct(
    {**_all(_TEXT, "architecture", "os", "os.version", "variant"), **_all(_TEXTS, "os.features", "features")},
    null="differs",  # a pointer in the image specification, and none in Docker's manifest lists
)
_DESCRIPTOR_FIELDS: dict[str, GoType] = {
    **_all(_TEXT, "mediaType", "digest", "artifactType"),
    "size": Whole(),
    "urls": _TEXTS,
    "annotations": Map(_TEXT),
    "data": Base64(),
    "platform": _PLATFORM,
}
_DESCRIPTOR = Struct(_DESCRIPTOR_FIELDS)
_HEALTHCHECK = Struct(
    {"Test": _TEXTS, **_all(Whole(), "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries")},
    null="empties",
)
_RUNTIME_FIELDS: dict[str, GoType] = {
    **_all(_TEXT, "Hostname", "Domainname", "User", "Image", "WorkingDir", "MacAddress", "StopSignal"),
    **_all(Flag(), "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce"),
    **_all(Flag(), "ArgsEscaped", "NetworkDisabled"),
    **_all(Map(Nothing()), "ExposedPorts", "Volumes"),
    **_all(_TEXTS, "Env", "OnBuild"),
    **_all(Words(), "Cmd", "Entrypoint", "Shell"),
    "Labels": Map(_TEXT),
    "Healthcheck": _HEALTHCHECK,
    "StopTimeout": Whole(),
}
_HISTORY = Struct(
    {**_all(_TEXT, "created_by", "author", "comment"), "created": _TIME, "empty_layer": Flag()},
)
_CONFIG = Struct(
    {
        **_all(_TEXT, "id", "parent", "comment", "container", "docker_version", "author"),
        **_all(_TEXT, "architecture", "variant", "os", "os.version"),
        "os.features": _TEXTS,
        "created": _TIME,
        "container_config": Struct(_RUNTIME_FIELDS),
        "config": Struct(_RUNTIME_FIELDS, null="differs"),  # a pointer in moby, and none in the specification
        "rootfs": Struct({"type": _TEXT, "diff_ids": _TEXTS}, null="differs"),  # as above
        "history": Slice(_HISTORY),
        "Size": Whole(),
    }
)
_MANIFEST = Struct(
    {
        "schemaVersion": Whole(),
        **_all(_TEXT, "mediaType", "artifactType"),
        "config": _DESCRIPTOR,
        **_all(Slice(_DESCRIPTOR), "layers", "manifests"),
        "fsLayers": Raw(),
        "subject": Struct(_DESCRIPTOR_FIELDS, null="empties"),
        "annotations": Map(_TEXT),
    },
    shown=frozenset({"config", "layers", "manifests", "fsLayers"}),
)
_ITEM = Struct(
    {
        **_all(_TEXT, "Config", "Parent"),
        **_all(_TEXTS, "RepoTags", "Layers"),
        "LayerSources": Map(_DESCRIPTOR),
    }
)

CONFIG = Reader(_CONFIG)
"""An image's configuration."""
MANIFEST = Reader(_MANIFEST)
"""A manifest or an index: a document that could be both must be seen as both."""
ITEMS = Reader(Slice(_ITEM), first=True)
"""manifest.json of `docker save`."""
LAYOUT = Reader(Struct({"imageLayoutVersion": _TEXT}), first=True)
"""oci-layout."""
