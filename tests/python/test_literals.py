"""Literal values read from source."""

from __future__ import annotations

import threading

import pytest

from inspector.python.literals import NOT_LITERAL, parse_literals


def test_literals_of_both_kinds_of_assignment() -> None:
    text = (
        "from x import y\n__version__ = '1'\ncuda: Optional[str] = None\nboth = also = 3\nn: int\nd: dict = {'a': '/b'}"
    )
    expected = {"__version__": "1", "cuda": None, "both": 3, "also": 3, "d": {"a": "/b"}, "y": NOT_LITERAL}
    assert parse_literals(text, 1000) == expected


def test_the_last_assignment_wins_and_nothing_is_run() -> None:
    text = "a = 1\na = b + c\nd = 4\nd = 5\n"
    assert parse_literals(text, 1000) == {"a": NOT_LITERAL, "d": 5}


@pytest.mark.parametrize(
    "other",
    [
        "if x:\n    cuda = '12.6'",
        "try:\n    from x import cuda\nexcept ImportError:\n    pass",
        "cuda += '.1'",
        "cuda, hip = '12.6', None",
        "del cuda",
        "for cuda in ('12.6',):\n    pass",
        "(cuda := '12.6')",
        "from x import y as cuda",
        "import cuda.version",
        "def cuda(): ...",
        "class cuda: ...",
        "try:\n    x\nexcept ValueError as cuda:\n    pass",
        "match x:\n    case cuda:\n        pass",
        "match x:\n    case [*cuda]:\n        pass",
        "match x:\n    case {'a': 1, **cuda}:\n        pass",
    ],
)
def test_a_name_bound_in_another_way_too_has_no_literal_value(other: str) -> None:
    for text in (f"cuda = None\n{other}", f"{other}\ncuda = None"):
        assert parse_literals(text, 1000)["cuda"] is NOT_LITERAL


@pytest.mark.parametrize(
    "text",
    [
        "from x import *",
        "globals().update(a='2')",
        "exec('a = 2')",
        "vars()['a'] = 2",
        "setattr(sys.modules[__name__], 'a', 2)",
        "sys.modules[__name__] = 2",
        "sys.modules[__name__].a = 2",
        "del x.y",
        "a = __import__('os').getcwd()",
        "@x\ndef f(): pass",
        "@x\nclass C: pass",
        "class C:\n    x = f()",
        "def f(x=g()): pass",
        "def __getattr__(name): return 2",
        "b = [g() for x in y]",
    ],
)
def test_source_that_may_bind_any_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it "):
        parse_literals(f"a = 1\n{text}", 1000)


@pytest.mark.parametrize(
    "text",
    [
        "a = ",
        "a = '\0'",
        "a = " + "(" * 500,
        "a = " + "-" * 60_000 + "1",
        "x" * 70_000,
        "\n" * 6000,
        "a = \ud800",
        "a = " + "[" * 150 + "]" * 149,
    ],
)
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it"):
        parse_literals(text, 64 << 10)


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    exit()\n    x.y = 2",
        "b = lambda: f()",
        "class C:\n    @classmethod\n    def f(cls):\n        x[1] = g()",
        "c: Optional[str] = None",
    ],
)
def test_what_runs_only_later_binds_nothing(text: str) -> None:
    assert parse_literals(f"a = 1\n{text}", 1000)["a"] == 1


def test_a_stray_escape_is_no_warning_of_ours() -> None:
    assert parse_literals(r"a = '\d'", 100) == {"a": "\\d"}


_DEEP = {
    "minus": "-" * 4000 + "1",
    "attributes": "a" + ".b" * 4000,
    "calls": "a" + "()" * 4000,
    "sums": "1" + "+1" * 4000,
    "lambdas": "lambda:" * 2000 + "1",
    "conditions": "1 if 1 else " * 2000 + "1",
    "not": "not " * 2000 + "1",
    "in a formatted text": 'f"{' + "-" * 4000 + '1}"',
    "behind texts": r"""'\\' + "\"" + '# ' + """ + "-" * 4000 + "1 + '#'",
    "behind a text of lines": '"""\n\' """; x = ' + "-" * 4000 + "1; y = '#'",
}


@pytest.mark.parametrize("kind", _DEEP)
def test_what_nests_deep_is_not_given_to_the_parser(kind: str) -> None:
    with pytest.raises(ValueError, match="nest deeper"):
        parse_literals(f"a = {_DEEP[kind]}\n", 64 << 10)


def test_texts_and_comments_nest_nothing() -> None:
    paths = {f"package_{at}": f"/srv/app-{at}/src/package.{at}" for at in range(400)}
    text = f"# {'-' * 3000}\nMAPPING: dict[str, str] = {paths!r}\nb = '''{'-' * 3000}\n'''\n"
    assert parse_literals(text, 64 << 10)["MAPPING"] == paths


def test_what_is_parsed_fits_a_small_stack() -> None:
    """A thread of 512 KiB, as some systems give; past its end the process would be killed."""
    found: list[object] = []
    texts = ["-" * 1400 + "1", "a" + ".b" * 1400, "1" + "+1" * 1400, "lambda:" * 1400 + "1"]
    texts += ["1 if 1 else " * 700 + "1", "f'{" + "-" * 1400 + "1}'", "(" * 150 + ")" * 150]

    def parse() -> None:
        found.extend(parse_literals(f"a = {text}\n", 64 << 10)["a"] for text in texts)

    before = threading.stack_size(512 << 10)
    thread = threading.Thread(target=parse)
    thread.start()
    threading.stack_size(before)
    thread.join()
    assert len(found) == len(texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = '2'\nb = f'{a}.1'\nc = b + '+cpu' if a else None", "2.1+cpu"),
        ("a = None\nc = a or '2'", "2"),
        ("import os\nc = '2' + os.sep.strip('/')", "2"),
        ("c = os.sep\nimport os", NOT_LITERAL),
        ("import os\nfrom x import os\nc = os.sep", NOT_LITERAL),
        ("import x as os\nimport os\nc = os.sep", NOT_LITERAL),
        ("a = '2'\na = b\nc = a", NOT_LITERAL),
        ("a = '2'\ndef f():\n    global a\n    a = 3\nc = a", NOT_LITERAL),
        ("c = a\na = '2'", NOT_LITERAL),
        (f"a = {'x' * 4000!r}\nc = a + a", NOT_LITERAL),
        ("c = f'{None}'", NOT_LITERAL),
        ("c = f'{1:>{9}}'", NOT_LITERAL),
    ],
)
def test_what_is_put_together_of_literals(text: str, expected: object) -> None:
    assert parse_literals(text, 10_000)["c"] == expected


def test_a_text_and_none_do_not_add_up() -> None:
    assert parse_literals("a = None\nc = '2' if a is None else '2' + a", 99)["c"] == "2"
    with pytest.raises(ValueError, match="TypeError"):
        parse_literals("a = None\nc = '2' + a", 99)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("c = os.environ.get('V', '1')", "2"),
        ("c = os.getenv('NEVER', '1')", "1"),
        ("c = os.environ['V']", "2"),
        ("c = '1' if 'V' in os.environ else None", "1"),
        ("c = '1' if 'NEVER' not in os.environ else None", "1"),
        ("if os.environ.get('V') == '2':\n    c = '1'\nelse:\n    c = None", "1"),
        ("a = None\nif a is None:\n    if not a:\n        c = '1'", "1"),
        ("c = '1'\nif x:\n    c = '2'", NOT_LITERAL),
    ],
)
def test_what_the_environment_decides(text: str, expected: object) -> None:
    assert parse_literals(f"import os\n{text}", 10_000, {"V": "2"}).get("c", NOT_LITERAL) == expected


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("c = os.environ.get('V', '1')", None),
        ("c = os.environ.get('HOSTNAME', '1')", {}),
        ("import x\nc = os.environ.get('V', '1')", {}),
    ],
)
def test_what_the_environment_may_not_decide(text: str, variables: dict[str, str] | None) -> None:
    with pytest.raises(ValueError, match="runs code"):
        parse_literals(f"import os\n{text}", 10_000, variables)


def test_a_variable_that_is_not_set() -> None:
    with pytest.raises(ValueError, match="KeyError"):
        parse_literals("import os\nc = os.environ['NEVER']", 99, {})
    with pytest.raises(ValueError, match="runs code"):
        parse_literals("import os\nos.environ['NEVER'] = '1'\nc = os.environ['NEVER']", 99, {})


def test_conditions_that_take_long_to_decide_are_refused() -> None:
    with pytest.raises(ValueError, match="conditions"):
        parse_literals("if '1':\n    pass\n" * 50, 10_000)
