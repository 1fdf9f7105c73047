"""Dockerfiles taken apart as BuildKit's own parser does, and the steps that builders make of their instructions."""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.policy.dockerfile import Steps
from inspector.policy.instructions import instructions_of
from inspector.policy.steps import readable
from tests.effort import examples

FILES = {
    "continued": "FROM a\nRUN one \\\n    # why\n\n    && two\nRUN three\n",
    "escape": "# syntax=x\n# escape=`\nFROM a\nRUN one `\n  two \\\nRUN three\n",
    "escape-too-late": "FROM a\n# escape=`\nRUN one `\nRUN two\n",
    "comment-before-escape": "# a comment\n# escape=`\nFROM a\nRUN one \\\n two\n",
    "blanks-behind": "FROM a\nRUN one \\  \n  two\nRUN three\n",
    "two-backslashes": "FROM a\nRUN one \\\\\nRUN two\n",
    "document": "FROM a\nRUN <<EOF\nFROM b\nRUN c\nEOF\nRUN d\n",
    "document-tabs": "FROM a\nRUN <<-EOF\n\tone\n\tEOF\nRUN d\n",
    "document-quoted": "FROM a\nRUN cat <<'E O' > /x\nE\nE O\nRUN d\n",
    "two-documents": "FROM a\nCOPY <<A <<B /x/\none\nA\ntwo\nB\nRUN d\n",
    "no-document": "FROM a\nRUN echo '<<EOF' $((1<<2)) <<<word\nRUN d\n",
    "in-an-argument": "FROM a\nENV X=<<EOF\nRUN d\n",
    "json": 'FROM a\nRUN ["a", "<<EOF"]\nRUN d\n',
    "lower-case": "from a as b\nrun --mount=type=cache,target=/c \\\n  d\n",
    "dos": "FROM a\r\nRUN one \\\r\n  two\r\nRUN three\r\n",
    "separators": "FROM a\nRUN one\x0btwo\x85three\u2028four\nRUN five\n",
    "ends-continued": "FROM a\nRUN one \\\n  two \\",
}


@pytest.mark.skipif(sys.platform != "linux", reason="the parser is built for Linux")
@pytest.mark.parametrize("name", FILES)
def test_instructions_begin_and_end_where_buildkits_parser_says(name: str) -> None:
    dockerfile = pytest.importorskip("dockerfile")
    theirs = [(each.cmd.upper(), each.start_line) for each in dockerfile.parse_string(FILES[name])]
    ends = [each.end_line for each in dockerfile.parse_string(FILES[name])]
    ours = instructions_of(FILES[name])
    assert [(each.word, each.line) for each in ours] == theirs
    assert [each.end_line for each in ours] == ends


LINES = st.sampled_from(
    ["RUN a", "RUN a \\", "  b", "# c", "", "COPY x y", "RUN <<A", "A", "\tA", "RUN <<-B c", "B", "ENV a=b \\", "&& d"]
)


@pytest.mark.skipif(sys.platform != "linux", reason="the parser is built for Linux")
@examples(300)
@given(st.lists(LINES, max_size=8))
def test_any_lines_are_taken_apart_as_buildkits_parser_does(lines: list[str]) -> None:
    dockerfile = pytest.importorskip("dockerfile")
    text = "\n".join(["FROM a", *lines, "RUN z"])
    try:
        theirs = [(each.cmd.upper(), each.start_line) for each in dockerfile.parse_string(text)]
    except dockerfile.GoParseError:  # an unfinished document, or what is no instruction
        return
    assert [(each.word, each.line) for each in instructions_of(text)] == theirs


FILE = dedent(
    r"""
    ARG BASE=busybox
    FROM python:3.11-slim AS build
    ARG TOKEN=secret
    RUN echo one \
        # a comment inside

        && echo "two  spaces" > /two
    FROM python:3.11-slim
    ENV DEST=/opt/app
    WORKDIR /app
    COPY --chown=1000:1000 a.txt b.txt /app/
    COPY a.txt ${DEST}/
    ADD b.txt /b.txt
    RUN ["python", "-c", "print(1)"]
    SHELL ["/bin/busybox", "ash", "-c"]
    RUN echo x | cat > /x
    COPY --from=build /two /two
    run echo lower && \
      echo $TOKEN > /lower
    RUN cat <<EOT > /h3
    some text
    EOT
    RUN <<EOT
    echo a > /h1
    echo b > /h2
    EOT
    """
).lstrip()
DIGEST = "a39f437944bd99fcd28e95283e7790c05588419e88ebf3e4aef8990b99ae3b1d"
STEPS: dict[str, list[tuple[str, int | None]]] = {
    "legacy": [
        (f"/bin/sh -c #(nop) COPY --chown=1000:1000multi:{DIGEST} in /app/ ", 11),
        (f"/bin/sh -c #(nop) COPY file:{DIGEST} in /opt/app/ ", 12),
        (f"/bin/sh -c #(nop) ADD file:{DIGEST} in /b.txt ", 13),
        ("|1 TOKEN=secret python -c print(1)", 14),
        ("|1 TOKEN=secret /bin/busybox ash -c echo x | cat > /x", 16),
        (f"/bin/busybox ash -c #(nop) COPY file:{DIGEST} in /two ", 17),
        ("|1 TOKEN=secret /bin/busybox ash -c echo lower &&   echo $TOKEN > /lower", 18),
        ("/bin/sh -c ldconfig", None),
        (f"/bin/sh -c #(nop) ADD file:{DIGEST} in / ", None),
    ],
    "buildah": [
        (f"/bin/sh -c #(nop) COPY multi:{DIGEST} in /app/ ", 11),
        (f"/bin/sh -c #(nop) COPY file:{DIGEST} in ${{DEST}}/ ", 12),
        ('|1 TOKEN=secret /bin/sh -c ["python", "-c", "print(1)"]', 14),
        ("|1 TOKEN=secret /bin/sh -c echo x | cat > /x", 16),
        ("|1 TOKEN=secret /bin/sh -c echo lower &&   echo $TOKEN > /lower", 18),
    ],
    "buildkit": [
        ('RUN |1 TOKEN=secret /bin/sh -c echo one && echo "two  spaces" > /two # buildkit', 4),
        ("COPY --chown=1000:1000 a.txt b.txt /app/ # buildkit", 11),
        ("COPY a.txt /opt/app/ # buildkit", 12),
        ("RUN python -c print(1) # buildkit", 14),
        ("RUN /bin/busybox ash -c echo x | cat > /x # buildkit", 16),
        ("COPY /two /two # buildkit", 17),
        ("RUN |1 TOKEN=secret /bin/busybox ash -c echo lower &&   echo $TOKEN > /lower # buildkit", 18),
        ("RUN /bin/busybox ash -c cat <<EOT > /h3\nsome text\nEOT # buildkit", 20),
        ("RUN /bin/busybox ash -c echo a > /h1\necho b > /h2\n # buildkit", 23),
        ("RUN /bin/sh -c true && echo x | cat > /x # buildkit", None),
    ],
    "kaniko": [
        ("COPY --chown=1000:1000 a.txt b.txt /app/", 11),
        ("RUN echo x | cat > /x", 16),
        ("RUN echo lower &&   echo $TOKEN > /lower", 18),
    ],
}


@pytest.mark.parametrize("builder", STEPS)
def test_the_steps_of_each_builder_have_their_lines(builder: str) -> None:
    steps = Steps(instructions_of(FILE))
    assert [(step, steps.line(step)) for step, _ in STEPS[builder]] == STEPS[builder]


def test_two_equal_instructions_have_no_line() -> None:
    steps = Steps(instructions_of("FROM a AS b\nCOPY . /app\nRUN make\nFROM c\nCOPY . /app\nRUN make\n"))
    assert steps.line("RUN /bin/sh -c make # buildkit") is None
    assert steps.line(f"/bin/sh -c #(nop) COPY dir:{DIGEST} in /app ") is None


def test_arguments_of_a_step_without_a_shell_stay_secret() -> None:
    assert readable("|1 TOKEN=top secret python -c print(1)") == "RUN …"
    assert readable("RUN |2 A=1 TOKEN=top python -c print(1) # buildkit") == "RUN …"
