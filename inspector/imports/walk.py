"""The statements of modules, run in order as far as they matter to what is imported."""

from __future__ import annotations

import builtins
from typing import Any

from inspector import work
from inspector.errors import LimitExceeded
from inspector.imports.evaluate import UNSURE, Evaluator, Module, Thing
from inspector.imports.modules import Modules
from inspector.imports.parts import ASSERTED
from inspector.imports.state import Frame, Function, Loaded, Raised, about_imports, absolute, matches, place
from inspector.imports.syntax import (
    Append,
    Bind,
    Block,
    Call,
    Class,
    Define,
    Delete,
    From,
    If,
    Import,
    Leave,
    Loop,
    Raise,
    Statement,
    Try,
    Use,
    With,
    bound_by,
    returns,
)

MAX_STATEMENTS = 1_000_000
"""Statements that are gone through for one image."""
MAX_CALLS = 12
"""Functions that call one another."""
MAX_TURNS = 64
"""Items of a loop that are gone through one by one."""


class Walk(Modules):
    """Runs modules' statements. With `maybe`, a way may not be taken: what fails there is a doubt."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._left = MAX_STATEMENTS
        self._calls: list[str] = []
        self._result: Any = None
        self._unsure = False

    def run_module(self, module: Loaded, body: Block, *, maybe: bool) -> None:
        """Run a module's own statements."""
        module.binds = frozenset(bound_by(body))
        self._run(Frame(module), body, maybe=maybe)

    def _run(self, frame: Frame, block: Block, *, maybe: bool) -> str:
        """Run statements; return how they are left (`return`, `break`, …; `raise` for errors that no import makes)."""
        for at, statement in enumerate(block):
            self._left -= 1
            if self._left < 0:
                raise LimitExceeded(f"its modules have more than {MAX_STATEMENTS} statements to go through")
            if not self._left & 0xFF:
                work.check()
            left = self._statement(frame, statement, maybe=maybe)
            if left == "?":
                self._unsure = True
                self._maybe(frame, block[at + 1 :])
            if left:
                return left
        return ""

    def _statement(self, frame: Frame, statement: Statement, *, maybe: bool) -> str:  # noqa: C901, PLR0911, PLR0912 - a case a form
        match statement:
            case Bind():
                value = self._evaluator(frame).value(statement.value)
                for name in statement.names:
                    frame.bind(name, value)
            case Define() | Class() | Append() | Delete():
                return self._definition(frame, statement, maybe=maybe)
            case Import():
                self._import(frame, statement, maybe=maybe)
            case From():
                self._from(frame, statement, maybe=maybe)
            case Call():
                self._call(frame, statement, maybe=maybe or statement.maybe)
            case If():
                return self._if(frame, statement, maybe=maybe)
            case Loop():
                return self._loop(frame, statement, maybe=maybe)
            case Try():
                return self._try(frame, statement, maybe=maybe)
            case With():
                return self._with(frame, statement, maybe=maybe)
            case Raise():
                return self._raise(frame, statement, maybe=maybe)
            case Leave():
                self._result = self._evaluator(frame).value(statement.value)
                return statement.how
            case Use():
                self._use(frame, statement)
        return ""

    def _use(self, frame: Frame, statement: Use) -> None:
        line, name, attribute = statement
        unknown = frame.module.opened or (frame.module.dynamic and name in frame.module.words)
        where = place(frame.module, line)
        if name not in frame.names and not hasattr(builtins, name) and not unknown:
            raise Raised("NameError", f"name {name!r} is not defined", where)
        value = frame.names.get(name)
        if attribute and isinstance(value, Module) and self.lacks(value.name, attribute):
            raise Raised("AttributeError", f"module {value.name!r} has no attribute {attribute!r}", where)

    def _evaluator(self, frame: Frame) -> Evaluator:
        return Evaluator(self, frame.module.name, frame.names, frame.returned)

    def _definition(self, frame: Frame, statement: Define | Class | Append | Delete, *, maybe: bool) -> str:
        match statement:
            case Define():
                frame.bind(statement.name, Function(frame.module.name, statement))
            case Class():
                inner = Frame(frame.module, {}, frame.globals)
                self._run(inner, statement.body, maybe=maybe)
                frame.bind(statement.name, Thing(frame.module.name, statement.name))
            case Append():
                had = frame.names.get(statement.name)
                if type(had) is tuple:
                    frame.bind(statement.name, UNSURE if maybe or len(had) > MAX_TURNS else (*had, UNSURE))
                elif isinstance(had, dict):
                    frame.bind(statement.name, UNSURE)
            case Delete():
                for name in statement.names:
                    if not maybe and name in frame.names and frame.names is frame.module.names:
                        del frame.names[name]
        return ""

    def _import(self, frame: Frame, statement: Import, *, maybe: bool) -> None:
        where = place(frame.module, statement.line)
        found = self.load_all(statement.name, where, maybe=maybe)
        first = statement.name.partition(".")[0]
        frame.bind(statement.bound or first, Module(found.name if statement.bound else first))

    def _from(self, frame: Frame, statement: From, *, maybe: bool) -> None:
        where = place(frame.module, statement.line)
        base = absolute(frame.module.package, statement.level, statement.module, where)
        module = self.load_all(base, where, maybe=maybe)
        for name, bound in statement.names:
            if name == "*":
                self._star(frame, module, where, maybe=maybe)
            else:
                relative = not statement.module
                own = module is frame.module and frame.names is module.names
                frame.bind(bound, self.member(module, name, where, maybe=maybe, relative=relative, own=own))

    def _star(self, frame: Frame, module: Loaded, where: str, *, maybe: bool) -> None:
        listed = module.names.get("__all__", UNSURE)
        names: list[str] = []
        if isinstance(listed, tuple):
            names = [each for each in listed if isinstance(each, str)]
        if not isinstance(listed, tuple) or UNSURE in listed:
            names += [each for each in module.names if not each.startswith("_")]
        for name in names:
            value = module.names.get(name)
            if value is None and name not in module.names:
                value = self.member(module, name, where, maybe=maybe) if not module.opened else UNSURE
            frame.bind(name, value)
        target = frame.module
        if not isinstance(listed, tuple) or UNSURE in listed:
            hidden = "__all__" in module.names or module.dynamic or bool(module.opened)
            target.dynamic = target.dynamic or hidden
            target.words |= module.words
        target.binds = None

    def _call(self, frame: Frame, statement: Call, *, maybe: bool) -> None:
        evaluator = self._evaluator(frame)
        if statement.imports:
            where = place(frame.module, statement.line)
            args = [evaluator.value(each) for each in statement.args]
            name = args[0] if args else UNSURE
            if isinstance(name, str) and name:
                level = len(name) - len(name.lstrip("."))
                package = args[1] if len(args) > 1 and isinstance(args[1], str) else frame.module.package
                self._guarded(name if not level else absolute(package, level, name[level:], where), where, maybe=maybe)
            elif not maybe:
                self.doubt(frame.module.name, "?", f"a module whose name is computed is imported {where}")
            return
        function = evaluator.dotted(statement.name)
        if isinstance(function, Function) and function.define.body:
            named = {name: evaluator.value(value) for name, value in statement.named}
            args = [evaluator.value(each) for each in statement.args]
            frame.returned[statement.name] = self.call(function, args, named, maybe=maybe)

    def _guarded(self, name: str, where: str, *, maybe: bool) -> None:
        """Load a module on a way that may not be taken, or for certain."""
        try:
            self.load_all(name, where, maybe=maybe)
        except Raised as raised:
            if not maybe:
                raise
            self.doubt(name, raised.error, str(raised))

    def call(self, called: Function, args: list[Any], named: dict[str, Any], *, maybe: bool) -> Any:
        """Run a function's statements; return what it returns."""
        module, function = self.modules.get(called.module), called.define
        if module is None:
            return UNSURE
        mark = f"{module.name}:{function.name}"
        if mark in self._calls or len(self._calls) >= MAX_CALLS:
            return UNSURE
        self._calls.append(mark)
        before, self._unsure = self._unsure, False
        try:
            outer = self._evaluator(Frame(module))
            local = dict.fromkeys(function.parameters, UNSURE)
            local |= {name: outer.value(value) for name, value in function.defaults}
            local |= dict(zip(function.parameters, args, strict=False)) | named
            left = self._run(Frame(module, local, function.globals), function.body, maybe=maybe)
            result = self._result if left == "return" else None
            result = UNSURE if self._unsure else result
        except Raised as raised:
            if not maybe:
                raise
            self._doubt_raised(raised)
            result = UNSURE
        finally:
            self._unsure = before
            self._calls.pop()
        return result

    def _if(self, frame: Frame, statement: If, *, maybe: bool) -> str:
        decided = self._evaluator(frame).truth(statement.test)
        if decided is not None:
            return self._run(frame, statement.body if decided else statement.orelse, maybe=maybe)
        one = self._maybe(frame, statement.body)
        other = self._maybe(frame, statement.orelse)
        self._unsure = self._unsure or "return" in (one, other)
        if one and one == other and one != "raise":
            return one
        return "?" if {one, other} - {"", "raise"} else ""

    def _maybe(self, frame: Frame, block: Block) -> str:
        """Run statements that may not be reached; the values that they bind aren't sure then."""
        bound = bound_by(block)
        before = {name: frame.names[name] for name in bound if name in frame.names}
        left = ""
        try:
            left = self._run(frame, block, maybe=True)
        except Raised as raised:
            self._doubt_raised(raised)
        for name in bound:
            value = frame.names.get(name, UNSURE)
            if name not in before or before[name] is not value:
                frame.bind(name, UNSURE)
        return left

    def _doubt_raised(self, raised: Raised) -> None:
        if about_imports(raised.error) or raised.subject:
            self.doubt(raised.subject, raised.error, str(raised))

    def _loop(self, frame: Frame, statement: Loop, *, maybe: bool) -> str:
        items = self._evaluator(frame).value(statement.items)
        if isinstance(items, dict):
            items = tuple(items)
        if not isinstance(items, tuple) or len(items) > MAX_TURNS or UNSURE in items:
            left = self._maybe(frame, statement.body)
            return "?" if left and returns(statement.body) else ""
        for item in items:
            frame.bind(statement.target, item)
            left = self._run(frame, statement.body, maybe=maybe)
            if left == "break":
                return ""
            if left == "?" and not returns(statement.body):
                maybe = True
            elif left in ("return", "?"):
                return left
        return self._run(frame, statement.orelse, maybe=maybe)

    def _try(self, frame: Frame, statement: Try, *, maybe: bool) -> str:
        mark = len(self.doubts)
        try:
            left = self._run(frame, statement.body, maybe=maybe)
        except Raised as raised:
            handler = next((each for each in statement.handlers if matches(raised.error, each.classes)), None)
            self._bind_all(frame, statement.body)
            if handler is None:
                self._run(frame, statement.final, maybe=maybe)
                raise
            frame.bind(handler.name or "_", Thing("", handler.name))
            frame.caught.append((handler.name, raised))
            try:
                left = self._run(frame, handler.body, maybe=maybe)
            finally:
                frame.caught.pop()
        else:
            left = self._handlers(frame, statement, mark) or left
            if not left:
                left = self._run(frame, statement.orelse, maybe=maybe)
        return self._run(frame, statement.final, maybe=maybe) or left

    def _handlers(self, frame: Frame, statement: Try, mark: int) -> str:
        """Return what takes over where the body may fail, and the names that handlers bind which are not reached."""
        taken = False
        for handler in statement.handlers:
            risky = [each for each in self.doubts[mark:] if each.error != "?" and matches(each.error, handler.classes)]
            if risky:
                self.doubts[mark:] = [each for each in self.doubts[mark:] if each not in risky]
                frame.caught.append((handler.name, Raised("", "")))
                taken = self._maybe(frame, handler.body) not in ("", "raise") or taken
                frame.caught.pop()
            else:
                self._bind_all(frame, handler.body)
        return "?" if taken else ""

    @staticmethod
    def _bind_all(frame: Frame, block: Block) -> None:
        for name in bound_by(block):
            if name == "*":
                frame.module.dynamic = True
            elif name not in frame.names:
                frame.bind(name, UNSURE)

    def _with(self, frame: Frame, statement: With, *, maybe: bool) -> str:
        try:
            return self._run(frame, statement.body, maybe=maybe)
        except Raised as raised:
            self._bind_all(frame, statement.body)
            if statement.takes is None:
                self._doubt_raised(raised)
                return "?"
            if matches(raised.error, statement.takes) and statement.takes:
                return ""
            raise

    def _raise(self, frame: Frame, statement: Raise, *, maybe: bool) -> str:
        caught = frame.caught[-1] if frame.caught else None
        if statement.error == ASSERTED and self.variables.get("PYTHONOPTIMIZE", "") not in ("", "0"):
            return ""
        if caught is not None and statement.error in ("", caught[0]):
            if caught[1].error:
                raise caught[1]
            return "raise"
        where = place(frame.module, statement.line)
        error = statement.error.rpartition(".")[2] or "RuntimeError"
        if maybe and not about_imports(error):
            return "raise"
        cause = f" ({caught[1]})" if caught is not None and caught[1].error else ""
        raise Raised(error, statement.text + cause, f"raised {where}")
