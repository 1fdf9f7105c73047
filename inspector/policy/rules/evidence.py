"""What the answer rests on: that the image was read at all."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.facts import Evidence
from inspector.policy.findings import NOT_LOOKED, Case, Shown
from inspector.policy.model import Advice, Finding
from inspector.policy.rule import Explanation, Rule
from inspector.sizes import show_size

CHECK = "evidence"
UNREAD = Advice("EVIDENCE", "Read the image again, with `--no-cache`: nothing passes on what was never read")


def check_evidence(case: Case) -> Iterator[Finding]:
    """Check that every layer was read or had been, in place of the procedure's "a run under ten seconds is suspect".

    The access method files reads none: there the engine must have been asked, and have answered with bytes.
    """
    evidence = case.facts.evidence
    layers = len({layer.diff_id for layer in case.facts.layers})
    seen = evidence.layers_read + evidence.layers_cached
    told = _told(evidence)
    shown = Shown("files asked for" if evidence.partial else "every layer read", told)
    if evidence.partial and layers:
        if evidence.questions and evidence.bytes_read:
            yield case.passed(told, shown)
        else:
            yield case.found("unknown", NOT_LOOKED, "the engine was asked for files, but sent nothing of any", shown)
    elif not layers or not seen or not (evidence.bytes_read or evidence.layers_cached):
        yield case.found("unknown", UNREAD, "nothing of the image was read", shown)
    elif seen < layers:
        yield case.found("unknown", UNREAD, f"only {seen} of {layers} layers were read", shown)
    else:
        yield case.passed(told, shown)


def _told(evidence: Evidence) -> str:
    access = f"access method {evidence.access}: " if evidence.access else ""
    passed_over = f"; passed over: {'; '.join(evidence.passed_over)}" if evidence.passed_over else ""
    passed_over = f", proof: {evidence.proof}{passed_over}"
    if evidence.partial:
        return f"{access}{evidence.questions} questions, {show_size(evidence.bytes_read)}{passed_over}"
    digests = "digests verified" if evidence.digests_verified else "digests not verified"
    return (
        f"{access}{evidence.layers_read} layers read ({show_size(evidence.bytes_read)}), "
        f"{evidence.layers_cached} from the cache, {digests}{passed_over}"
    )


EXPLAINED = Explanation(
    proves="Every layer of the image was read, now or before; all other checks rest on that.",
    unknown=(
        "Layers could not be read, or an engine answered without sending a file. The whole verdict is then unknown, "
        "even where another check failed."
    ),
    mend=(
        "Read the image again; `--access save` has an engine send all of it. For an archive that was cut short, "
        "save or pull the image again."
    ),
)
RULE = Rule(check=CHECK, explanation=EXPLAINED, test=check_evidence)
