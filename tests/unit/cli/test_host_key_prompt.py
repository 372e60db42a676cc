"""`ask`: the host keys of every repository over SSH, also while dags.repo is over HTTPS."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import pytest

from tests.screens.scenes import ECDSA
from tests.screens.support import COMPLETE, answers
from tests.support.scenarios import host_key
from wizard.answers.questions import field_spec
from wizard.cli.console import Console
from wizard.cli.prompts import PromptSession
from wizard.formats.nested import get_value

OWN, OTHER = host_key(7), host_key(8)
HOST = "[git.example.com]:2222"
LINE = f"{HOST} {OWN.type} {OWN.key}"
BUNDLES = (
    "dags.source=bundle",
    "dags.repo=https://github.com/example/dags.git",
    "dags.bundles=[{name: fin, repo: 'ssh://git@git.example.com:2222/fin.git', login: {env: A}}, "
    "{name: hr, repo: 'ssh://git@gitlab.com/example/hr.git', login: {generate: true}}]",
)


def ask(
    monkeypatch: pytest.MonkeyPatch, question: str, lines: Sequence[str], *sets: str
) -> tuple[PromptSession, bool, str]:
    """Ask one question; returns the session, whether it was answered, and what was said."""
    err = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    session = PromptSession(
        Console(io.StringIO(), err), answers("production", (*COMPLETE, *BUNDLES, *sets))
    )
    return session, session._ask(field_spec(question)), err.getvalue()


def test_the_hosts_of_bundles_are_asked_after_the_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["", LINE, "", OTHER.fingerprint, OWN.fingerprint, ""]
    session, done, said = ask(monkeypatch, "dags.bundles", lines)
    assert done
    assert f"paste keys of {HOST} (ssh-keyscan prints them)" in said
    assert "this fingerprint does not match any key" in said
    # The second host publishes its keys.
    assert "paste keys of gitlab.com" in said
    assert session.typed == [OWN.fingerprint]
    first, second = get_value(session.data, ("dags", "bundles"))
    assert [one["key"] for one in first["host_keys"]] == [OWN.key]
    assert "host_keys" not in second


def test_a_host_without_keys_is_asked_again_until_it_is_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, done, said = ask(monkeypatch, "dags.bundles", ["", "", "skip", ""])
    assert done
    assert f"no key of {HOST} is known; paste one or type skip" in said
    assert "the plan is refused (exit code 4)" in said


def test_the_keys_of_the_config_repository_are_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    question = "delivery.argocd.host_keys"
    session, done, said = ask(monkeypatch, question, [""])
    assert done
    assert "Optional: `apply` gives these keys to Argo CD.\n" in said
    assert "Without any, its admin has to add them." in said
    assert "paste keys of git.example.com " in said
    assert session.typed == []
    line = LINE.replace(HOST, "git.example.com")
    session, done, said = ask(monkeypatch, question, [line, "", OWN.fingerprint])
    assert done
    assert session.typed == [OWN.fingerprint]
    [key] = get_value(session.data, tuple(question.split(".")))
    assert key["key"] == OWN.key
    # Published keys need no answer.
    published = "delivery.argocd.repo_url=ssh://git@gitlab.com/a/b.git"
    assert ask(monkeypatch, question, [], published)[1]


def test_a_key_without_proof_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["", LINE, f"{HOST} {ECDSA.type} {ECDSA.key}", "", OWN.fingerprint, "leave", ""]
    session, done, said = ask(monkeypatch, "dags.bundles", lines)
    assert done
    assert "or leave to leave it out" in said
    first = get_value(session.data, ("dags", "bundles"))[0]
    assert [one["key"] for one in first["host_keys"]] == [OWN.key]
