"""What to do where nothing of an image can be checked: it can't be read, or has no role."""

from __future__ import annotations

from inspector.policy.model import Advice

ADVICE = {
    "not-found": Advice("ENVIRONMENT", "Run build commands: `{build}`"),
    "misspelt": Advice(
        "ENVIRONMENT", "Correct the name, on the command line or in the policy; or build that image first"
    ),
    "no-file": Advice(
        "ENVIRONMENT", "Check the path, and the name within it; if nothing was saved there yet, `docker save` writes it"
    ),
    "unreadable": Advice("ENVIRONMENT", "Get the image again (save, copy or pull it); nothing is known of it"),
    "unsupported": Advice(
        "ENVIRONMENT", "Hand the image over in a form that is read: docker-archive, oci, oci-archive or dir"
    ),
    "too-large": Advice("ENVIRONMENT", "Look into the image before trusting it: no sound build makes one like this"),
    "no-platform": Advice("ENVIRONMENT", "Ask for a platform that the image has with `--platform`, or build it"),
    "unreachable": Advice(
        "ENVIRONMENT",
        "Start the engine, or get access to its socket (`{builder} info` must answer), or name where it listens: "
        "DOCKER_HOST, DOCKER_CONTEXT or CONTAINER_HOST",
    ),
    "refused": Advice(
        "ENVIRONMENT",
        "See whether `{builder} info` answers, who may use the engine's socket, and what its log says of this",
    ),
    "no-containerd": Advice(
        "ENVIRONMENT",
        "Run as root where containerd runs, or name its socket in CONTAINERD_ADDRESS; `inspector doctor` says what it "
        "finds",
    ),
    "not-in-containerd": Advice(
        "ENVIRONMENT", "Correct the name, or pull the image; `ctr --namespace k8s.io images list` shows what is there"
    ),
    "registry-unreachable": Advice(
        "ENVIRONMENT",
        "See whether the name of the registry is right and it answers, and what HTTPS_PROXY and NO_PROXY say",
    ),
    "registry-refused": Advice("ENVIRONMENT", "See what the registry's own log says of this, or ask those who run it"),
    "denied": Advice(
        "ENVIRONMENT",
        "Log in where the image is, as in `{builder} login HOST`, as somebody who may pull it; see its name",
    ),
    "rate-limited": Advice("ENVIRONMENT", "Try again later, with `--jobs 1`, or log in: registries allow users more"),
    "not-pushed": Advice("ENVIRONMENT", "Check its name and tag; if it was not pushed yet, build and push it"),
    "access-unusable": Advice(
        "ENVIRONMENT", "Let the access method be chosen (no `--access`), or force another: `--access save`"
    ),
    "internal": Advice("ENVIRONMENT", "This is a fault of inspector, not of the image: report it with this message"),
    "no-role": Advice("ENVIRONMENT", "Add the name to a role's `match` in the policy, or name the role with --role"),
    "two-roles": Advice("ENVIRONMENT", "Narrow the `match` of all but one of these roles, or name one with --role"),
}

ROW_OF_ERROR = {
    "not-found": "not-found",
    "platform-missing": "no-platform",
    "unsupported": "unsupported",
    "no-image": "unsupported",
    "unreachable": "unreachable",
    "refused": "refused",
    "denied": "denied",
    "rate-limited": "rate-limited",
    "access-unusable": "access-unusable",
    "limit-exceeded": "too-large",
    "internal-error": "internal",
}
"""Row by the kind of an error; all others mean bytes that can't be used."""
ROW_IN_REGISTRY = {
    "not-found": "not-pushed",
    "unreachable": "registry-unreachable",
    "refused": "registry-refused",
}
"""What stands for the rows of `ROW_OF_ERROR` where a registry was asked, and not an engine."""
ROW_IN_CONTAINERD = {
    "not-found": "not-in-containerd",
    "unreachable": "no-containerd",
}
"""The same for containerd's own files."""
