"""No regular expression takes more than linear time on any text from outside."""

from __future__ import annotations

import importlib
import pkgutil
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.support.patterns import (
    Use,
    apply_use,
    find_sources,
    find_uses,
    list_slow_inputs,
    recorded_uses,
)
from wizard.hostkeys import git_environment
from wizard.systems.cluster.diagnosis import Rule

SIZES = (25, 500, 4_000, 32_000)
WHOLE = 1_000_000
# Quadratic work on 32,000 characters takes about a second; linear work, a few milliseconds.
LIMIT = 0.15
WHOLE_LIMIT = 5.0
RETRIES = 3
# Such work on 32,000 characters takes at most the limit on 1,000,000, even if it is quadratic.
UNREMARKABLE = 0.003
# Searched only through `Rule.matches`, which `test_a_message_of_any_length_is_diagnosed` covers.
# The values of Git's variables have a test of their own too. A pattern of a Vault policy has at
# most two parts that match anything, and is compared with the path of an answer, which is short.
# A pattern of an AppProject has at most ten, and is compared with a name or an address of ours.
AT_RUN_TIME = {
    "wizard/deliveries/argocd/project.py",
    "wizard/systems/cluster/diagnosis.py",
    "wizard/hostkeys/git_environment.py",
    "wizard/systems/vault/users.py",
    "screens/pages/diff_view.py",
}


class _SlowError(Exception):
    """The work did not end in time."""


def _stop(_: int, __: FrameType | None) -> None:
    raise _SlowError


def _seconds(work: Callable[[], object], limit: float) -> float:
    """Processor time of the work; `limit` if it takes longer."""
    before = signal.signal(signal.SIGVTALRM, _stop)
    start = time.process_time()
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, limit)
        try:
            work()
        finally:
            # The signal may come just before this, and is then handled here.
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except _SlowError:
        return limit
    finally:
        signal.signal(signal.SIGVTALRM, before)
    return time.process_time() - start


def find_slow_input(use: Use) -> str:
    """The beginning of an input for which the expression is not linear; empty if there is none."""
    slowest = (0.0, 0)
    for size in SIZES:
        for number, text in enumerate(list_slow_inputs(use.pattern, size)):
            took = _seconds(lambda text=text: apply_use(use, text), LIMIT)  # type: ignore[misc]
            slowest = max(slowest, (took, number)) if size == SIZES[-1] else slowest
            if took >= LIMIT and _is_slow(use, text, LIMIT):
                return f"{text[:60]!r}... of {len(text)} characters"
    if slowest[0] < UNREMARKABLE:
        return ""
    text = list_slow_inputs(use.pattern, WHOLE)[slowest[1]]
    return f"{text[:60]!r}... of {len(text)} characters" if _is_slow(use, text, WHOLE_LIMIT) else ""


def _is_slow(use: Use, text: Any, limit: float) -> bool:
    return all(_seconds(lambda: apply_use(use, text), limit) >= limit for _ in range(RETRIES))


@pytest.mark.timeout(600)  # a module with many expressions, on a busy machine
@pytest.mark.parametrize("path", find_sources(), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_every_expression_is_linear(path: Path) -> None:
    uses, _ = find_uses(path)
    slow = {use.where: text for use in uses if (text := find_slow_input(use))}
    assert not slow, slow


@pytest.mark.timeout(600)
def test_expressions_that_are_built_on_import_are_linear() -> None:
    unknown = {place for path in find_sources() for place in find_uses(path)[1]}
    uses = [use for use in recorded_uses() if use.where.partition(" ")[0] in unknown]
    left = {
        place.partition(":")[0] for place in unknown - {u.where.partition(" ")[0] for u in uses}
    }
    assert left == AT_RUN_TIME, left
    slow = {use.where: text for use in uses if (text := find_slow_input(use))}
    assert not slow, slow


def test_a_git_variable_of_any_length_is_judged() -> None:
    tables = (git_environment._HARMLESS, git_environment._HARMLESS_TO_SYNC)
    texts = {text for table in tables for text in table.values()}
    uses = [Use(text, re.compile(text), "fullmatch") for text in sorted(texts)]
    slow = {use.where: text for use in uses if (text := find_slow_input(use))}
    assert len(uses) > 30
    assert not slow, slow


def _rules() -> dict[str, Rule]:
    import wizard.systems

    found = {}
    for info in pkgutil.walk_packages(wizard.systems.__path__, "wizard.systems."):
        for value in vars(importlib.import_module(info.name)).values():
            rules = value if isinstance(value, tuple | list) else [value]
            found.update({rule.pattern: rule for rule in rules if isinstance(rule, Rule)})
    return found


@pytest.mark.parametrize("rule", _rules().values(), ids=lambda rule: rule.pattern[:40])
def test_a_message_of_any_length_is_diagnosed(rule: Rule) -> None:
    import re

    for text in list_slow_inputs(re.compile(rule.pattern), WHOLE // 10):
        seconds = min(_seconds(lambda text=text: rule.matches(text), 2) for _ in range(2))  # type: ignore[misc]
        assert seconds < 1, f"{text[:60]!r}: {seconds:.1f} s"


@pytest.mark.parametrize(
    ("expression", "how"),
    [
        (r"(a+)+b", "match"),
        (r"[a-z]+://", "search"),
        (r"\{\{.*?\}\}", "finditer"),
        (r"a\s*=?\s*b", "match"),
        (r"-+BEGIN-+(.*?)-+END-+", "search"),
    ],
)
def test_the_search_finds_expressions_that_are_not_linear(expression: str, how: str) -> None:
    import re

    assert find_slow_input(Use("here", re.compile(expression), how))


def test_expressions_are_found_where_they_are_used(tmp_path: Path) -> None:
    uses, _ = find_uses(Path("wizard/git/remotes.py").absolute())
    assert {(use.where.rpartition(" ")[2], use.pattern.pattern[:5]) for use in uses} >= {
        ("sub", "(?P<h"),
        ("fullmatch", "(?:(?"),
    }
