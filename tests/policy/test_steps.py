"""Build steps made readable."""

from __future__ import annotations

import time

import pytest

from inspector.policy.steps import readable

HASH = "cd342f8e96090490cd18ce392dd36cdf81a55375964abea59d018521e720d99c"


@pytest.mark.parametrize(
    ("created_by", "shown"),
    [
        (None, ""),
        ("", ""),
        (f"/bin/sh -c #(nop) ADD file:{HASH} in / ", "ADD file:cd342f8e9609… in /"),
        ('/bin/sh -c #(nop)  CMD ["python3"]', 'CMD ["python3"]'),
        ("/bin/sh -c pip install torch", "RUN pip install torch"),
        ("RUN /bin/sh -c uv sync --extra ml # buildkit", "RUN uv sync --extra ml"),
        ("RUN |2 TOKEN=secret A=b c /bin/sh -c uv sync # buildkit", "RUN uv sync"),
        ("|1 TOKEN=secret /bin/sh -c make", "RUN make"),
        ("/bin/bash -o pipefail -c curl x | sh", "RUN curl x | sh"),
        ("RUN /bin/bash -eux -o pipefail -c make # buildkit", "RUN make"),
        ("COPY . /app # buildkit", "COPY . /app"),
        ("ENV PATH=/opt/bin:/bin", "ENV PATH=/opt/bin:/bin"),
        ('RUN ["/bin/true"] # buildkit', 'RUN ["/bin/true"]'),
        ("RUN apt-get update && /bin/sh -c true # buildkit", "RUN apt-get update && /bin/sh -c true"),
        ("bazel build //app", "bazel build //app"),
        ("RUN /bin/sh -c set -eux; \t  make;\n\n  make install # buildkit", "RUN set -eux; make; make install"),
    ],
)
def test_a_step_reads_as_in_its_dockerfile(created_by: str | None, shown: str) -> None:
    assert readable(created_by) == shown


def test_a_long_step_is_cut() -> None:
    assert readable("RUN /bin/sh -c " + "x" * 5000, 20) == "RUN " + "x" * 15 + "…"


@pytest.mark.parametrize("piece", ["/bin/sh -c ", "/bin/sh -a ", "|1 ", "-o pipefail ", "file:" + "a" * 63, " \t"])
def test_a_hostile_step_is_read_quickly(piece: str) -> None:
    begun = time.perf_counter()
    readable(piece * 200_000)
    assert time.perf_counter() - begun < 0.5
