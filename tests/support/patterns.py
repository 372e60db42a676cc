"""Every regular expression of the code, and the inputs on which each would be slowest.

Expressions are found in the source (`re.compile`, `re.search`, ...), and their text is evaluated
in the namespace of their module. The inputs are made from the parsed expression: parts of it,
repeated, and an end that makes the match fail late.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import re._constants as codes  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.paths import TOP

_FUNCTIONS = ("compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall",
              "finditer")  # fmt: skip
_METHODS = frozenset(_FUNCTIONS) - {"compile"}
_LONG = 20
_ENDS = ("", "\0", "\n")


@dataclass(frozen=True)
class Use:
    """One expression as the code uses it: where, and with which function (`search`, ...)."""

    where: str
    pattern: re.Pattern[Any]
    how: str


@cache
def find_sources() -> list[Path]:
    """Every module of the product."""
    return sorted(
        path for room in ("wizard", "screens") for path in (TOP / room).rglob("*.py")
    )  # fmt: skip


def find_uses(path: Path) -> tuple[list[Use], list[str]]:
    """The uses in one module, and the places where the expression is known only when it runs."""
    name = path.relative_to(TOP).with_suffix("").as_posix().replace("/", ".")
    name = name.removesuffix(".__init__")
    tree = _parse(path)
    uses: list[Use] = []
    unknown: list[str] = []
    space: dict[str, Any] | None = None
    for call, owner in _calls(tree):
        if space is None:
            space = vars(importlib.import_module(name))
        where = f"{path.relative_to(TOP)}:{call.lineno}"
        try:
            pattern = _evaluate(call, space)
        except Exception:
            unknown.append(where)
            continue
        how = call.func.attr  # type: ignore[attr-defined]
        methods = (
            [how] if how != "compile" else sorted(_methods_of(owner, name, tree)) or ["search"]
        )
        uses += [Use(f"{where} {one}", pattern, one) for one in methods]
    return uses, unknown


_RECORD = """
import importlib, json, pkgutil, re, sys
found, compile_ = [], re.compile
def record(pattern, flags=0):
    frame = sys._getframe(1)
    if isinstance(pattern, str):
        found.append([frame.f_code.co_filename, frame.f_lineno, pattern, int(flags)])
    return compile_(pattern, flags)
re.compile = record
import wizard
for info in pkgutil.walk_packages(wizard.__path__, "wizard."):
    if not info.name.endswith("__main__"):
        importlib.import_module(info.name)
print(json.dumps(found))
"""


def recorded_uses() -> list[Use]:
    """The expressions that are compiled while the core is imported, as if each were searched."""
    done = subprocess.run(
        [sys.executable, "-c", _RECORD], cwd=TOP, capture_output=True, check=True, timeout=60
    )
    found = {}
    for file, line, text, flags in json.loads(done.stdout):
        path = Path(file)
        if path.is_relative_to(TOP / "wizard"):
            how = "fullmatch" if path.name == "types.py" else "finditer"
            where = f"{path.relative_to(TOP)}:{line}"
            found[(where, text)] = Use(f"{where} {how} {text[:40]}", re.compile(text, flags), how)
    return list(found.values())


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Calls into `re`, with the name or the method that the result is bound to, if any."""
    owners: dict[ast.AST, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            bound = node.value.attr if isinstance(node.value, ast.Attribute) else ""
            for below in ast.walk(node.value):
                if isinstance(target, ast.Name):
                    owners[below] = f"{target.id}.{bound}" if bound else target.id
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in _FUNCTIONS
        ):
            yield node, owners.get(node, "")


def _methods_of(owner: str, module: str, tree: ast.Module) -> set[str]:
    """The methods that code calls on a compiled expression; it may be imported elsewhere."""
    name, _, bound = owner.partition(".")
    if bound in _METHODS:
        return {bound}
    found = _methods_in(tree, name) if name else set()
    if found and name.startswith("_"):
        return found
    for path in find_sources():
        text = _read(path)
        if name and name in text and module in text:
            found |= _methods_in(_parse(path), name)
    return found


@cache
def _read(path: Path) -> str:
    return path.read_text()


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(_read(path))


def _methods_in(tree: ast.Module, name: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in _METHODS
        and (
            (isinstance(node.value, ast.Name) and node.value.id == name)
            or (
                isinstance(node.value, ast.Subscript)
                and isinstance(node.value.value, ast.Name)
                and node.value.value.id == name
            )
        )
    }


def _evaluate(call: ast.Call, space: dict[str, Any]) -> re.Pattern[Any]:
    def value(node: ast.expr) -> Any:
        code = compile(ast.Expression(node), "<pattern>", "eval")
        return eval(code, dict(space))

    name = call.func.attr  # type: ignore[attr-defined]
    place = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(name, 2)
    flags = call.args[place] if len(call.args) > place else None
    flags = next((one.value for one in call.keywords if one.arg == "flags"), flags)
    return re.compile(value(call.args[0]), value(flags) if flags is not None else 0)


def apply_use(use: Use, text: Any) -> None:
    """Run the expression over a text as the code does."""
    pattern = use.pattern
    if use.how in {"sub", "subn"}:
        pattern.sub(text[:0], text)
    elif use.how == "finditer":
        for _ in pattern.finditer(text):
            pass
    else:
        getattr(pattern, use.how)(text)


def list_slow_inputs(pattern: re.Pattern[Any], size: int) -> Sequence[Any]:
    """Texts of about `size` characters that make the expression work: repeated parts of it."""
    return _Inputs(pattern, size)


class _Inputs(Sequence[Any]):
    """Makes each text only when it is asked for: all of them together would fill the memory."""

    def __init__(self, pattern: re.Pattern[Any], size: int) -> None:
        self._binary = isinstance(pattern.pattern, bytes)
        self._recipes = _recipes(pattern)
        self._size = size

    def __len__(self) -> int:
        return len(self._recipes)

    def __getitem__(self, at: Any) -> Any:
        head, part, end = self._recipes[at]
        text = head + part * max(1, (self._size - len(head)) // len(part)) + end
        return text.encode("utf-8", "surrogatepass") if self._binary else text


def _recipes(pattern: re.Pattern[Any]) -> list[tuple[str, str, str]]:
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE & ~re.DEBUG)
    found: dict[tuple[str, str], None] = {}
    whole = _sample(tree.data)
    for head, part in [("", whole), *_repeats(tree.data, "")]:
        for begin in ("", head):
            if part:
                found[(begin, part)] = None
        if head + part:
            found[("", head + part)] = None
        if head:
            found[("", head)] = None
    for _, part in list(found):
        found[("", part[:1])] = None
        found[("", part[-1:])] = None
    for part in (" ", "a", "\n", "0", "aA0", "a.", "a:", "a "):
        found[("", part)] = None
    return [(head, part, end) for head, part in found for end in _ENDS]


def _repeats(items: Sequence[Any], before: str) -> Iterator[tuple[str, str]]:
    """For each part and each repetition: a text that leads to it, and one that it matches."""
    head = before
    for op, value in items:
        for below in _children(op, value):
            yield from _repeats(below, head)
        if op in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
            _, high, item = value
            if high is codes.MAXREPEAT or high > _LONG:
                yield head, _sample(item)
                yield head, _sample(item, last=True)
        head += _sample([(op, value)])
        yield head, _sample([(op, value)])


def _children(op: Any, value: Any) -> list[Sequence[Any]]:
    if op in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
        return [value[2]]
    if op is codes.SUBPATTERN:
        return [value[3]]
    if op is codes.ATOMIC_GROUP:
        return [value]
    if op is codes.BRANCH:
        return list(value[1])
    if op in {codes.ASSERT, codes.ASSERT_NOT}:
        return [value[1]]
    return []


def _sample(items: Sequence[Any], *, last: bool = False) -> str:
    """A short text that these items match (look-around aside)."""
    text = ""
    for op, value in items:
        if op is codes.LITERAL:
            text += chr(value)
        elif op is codes.NOT_LITERAL:
            text += "a" if value != ord("a") else "b"
        elif op is codes.ANY:
            text += "a"
        elif op is codes.IN:
            text += _member(value, last)
        elif op in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
            low, high, item = value
            text += _sample(item, last=last) * (low or min(1, int(high)))
        elif op is codes.SUBPATTERN:
            text += _sample(value[3], last=last)
        elif op is codes.ATOMIC_GROUP:
            text += _sample(value, last=last)
        elif op is codes.BRANCH:
            text += _sample(value[1][-1 if last else 0], last=last)
    return text


_CATEGORIES = {
    codes.CATEGORY_DIGIT: "0",
    codes.CATEGORY_NOT_DIGIT: "a",
    codes.CATEGORY_SPACE: " ",
    codes.CATEGORY_NOT_SPACE: "a",
    codes.CATEGORY_WORD: "a",
    codes.CATEGORY_NOT_WORD: "-",
}


def _member(items: Sequence[Any], last: bool) -> str:
    """A character of the set; for a negated set, a common one that is not excluded."""
    if items[0][0] is codes.NEGATE:
        out = re.compile("[" + "".join(_class(item) for item in items[1:]) + "]")
        return next((char for char in "aA0- \"'{/:\n\0" if not out.match(char)), "\u00e9")
    op, value = items[-1 if last else 0]
    if op is codes.LITERAL:
        return chr(value)
    if op is codes.RANGE:
        return chr(value[1 if last else 0])
    return _CATEGORIES.get(value, "a")


def _class(item: tuple[Any, Any]) -> str:
    op, value = item
    if op is codes.LITERAL:
        return re.escape(chr(value))
    if op is codes.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return {
        codes.CATEGORY_DIGIT: r"\d", codes.CATEGORY_NOT_DIGIT: r"\D",
        codes.CATEGORY_SPACE: r"\s", codes.CATEGORY_NOT_SPACE: r"\S",
        codes.CATEGORY_WORD: r"\w", codes.CATEGORY_NOT_WORD: r"\W",
    }[value]  # fmt: skip
