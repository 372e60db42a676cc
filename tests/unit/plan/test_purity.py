"""Rendering asks nothing but the answers: no clock, environment, randomness, file or network."""

from __future__ import annotations

import builtins
import os
import random
import secrets
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.rendered import answers, rendering
from wizard.answers import presets
from wizard.answers.files import parse_answers, validate_answers
from wizard.plan.render import render

VARIANTS: list[dict[str, object]] = [
    {},
    {"dags.source": "bundle", "secrets.payload": "document", "database.ca.file": "pg.pem",
     "database.sslmode": "verify-full"},
    {"executor.kind": "LocalExecutor,KubernetesExecutor", "installation.airflow": "2.11.0"},
]  # fmt: skip


class Touched(AssertionError):  # noqa: N818 - named for what happened
    """Rendering looked at the world."""


def forbidden(*args: Any, **kwargs: Any) -> Any:
    raise Touched(f"{args!r}")


class NoEnvironment(dict[str, str]):
    """An environment that nobody may read."""

    __getitem__ = get = __contains__ = __iter__ = keys = items = forbidden


@pytest.mark.parametrize("number", range(len(VARIANTS)))
def test_rendering_touches_nothing(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = answers("production", VARIANTS[number])
    assets = {"database.ca.file": "PEM\n"} if found.database.ca.file else {}
    # What is imported on first use is imported before the world is taken away.
    first = render(found, assets)
    with monkeypatch.context() as patch:
        for module, names in (
            (time, ("time", "time_ns", "monotonic", "localtime", "gmtime", "strftime")),
            (os, ("getenv", "urandom", "getcwd", "listdir", "stat", "getpid", "uname")),
            (random, ("random", "choice", "randint", "getrandbits")),
            (secrets, ("token_bytes", "token_hex", "token_urlsafe")),
            (uuid, ("uuid1", "uuid4")),
            (socket, ("socket", "getaddrinfo", "gethostname")),
            (subprocess, ("Popen", "run")),
            (builtins, ("open", "input")),
        ):
            for name in names:
                patch.setattr(module, name, forbidden)
        patch.setattr(os, "environ", NoEnvironment())
        patch.setattr(Path, "read_text", forbidden)
        second = render(found, assets)
    assert second.tree == first.tree
    assert second.tree.digest() == first.tree.digest()


def test_another_process_renders_the_same_bytes(tmp_path: Path) -> None:
    script = (
        "from tests.support.rendered import rendering\n"
        "from wizard.answers.presets import list_presets\n"
        "for name in list_presets(): print(name, rendering(name).tree.digest())\n"
    )
    wanted = [f"{name} {rendering(name).tree.digest()}" for name in presets.list_presets()]
    for seed, zone, locale in (("1", "Asia/Taipei", "C"), ("2", "America/Lima", "de_DE.UTF-8")):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale,
               "PYTHONUTF8": "0"}  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=env,
            cwd=tmp_path, timeout=60,
        )  # fmt: skip
        assert done.stdout.splitlines() == wanted


@pytest.mark.parametrize("preset", presets.list_presets())
def test_the_saved_answers_replay_the_same_tree(preset: str) -> None:
    made = rendering(preset)
    text = made.tree.by_logical("answers").text
    again = validate_answers(parse_answers(text, "answers"))
    assert again.problems == ()
    # The answers that the test gives to every preset.
    assert all(" is ignored: it is used with " in text for text in again.warnings)
    assert again.answers is not None
    assert render(again.answers).tree.digest() == made.tree.digest()


def test_values_of_the_answers_leave_the_model_alone() -> None:
    extra = {"migrateDatabaseJob": {"jobAnnotations": {"a": "b"}}, "extraEnv": "x"}
    found = answers("production", {"values": extra})
    before = found.model_dump()
    assert render(found).tree.digest() == render(found).tree.digest()
    assert found.model_dump() == before
