"""The review of `ask` reaches what the screens do: pre-flight, deploy key, contexts, apply."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.screens.support import COMPLETE, answers, opened
from wizard.answers.files import parse_answers
from wizard.cli import ask_review
from wizard.cli.ask_review import AskReview
from wizard.cli.console import Console
from wizard.cli.options import Options
from wizard.cli.prompts import PromptSession
from wizard.errors import ExitCode, UsageError
from wizard.workspace.installation import CommandInput

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: beta
clusters: [{name: one, cluster: {server: "https://127.0.0.1:1"}}]
contexts:
- {name: alpha, context: {cluster: one, user: one}}
- {name: beta, context: {cluster: one, user: one}}
users: [{name: one, user: {}}]
"""
PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEvHJ7tLFlQf0wVqUuNNvWYUSQYfT9UKoUcSjhAaP4Rq"


class Reviewed:
    """A review of complete answers with these lines typed; records the commands that it runs."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, lines: str, preset: str) -> None:
        self.err = io.StringIO()
        self.commands: list[Options] = []
        self.preflights: list[str] = []
        patch.setattr(sys, "stdin", io.StringIO(lines))
        patch.setattr(ask_review, "run_preflight", self._preflight)
        console = Console(io.StringIO(), self.err)
        start = CommandInput(opened(folder), {}, folder=folder)
        given = answers(preset, COMPLETE if preset == "production" else ())
        self.session = PromptSession(console, given)
        self.review = AskReview(Options("ask"), start, self.session, self.run)
        self.proposal = self.review.confirm()

    def _preflight(self, options: Options, *_: object) -> bool:
        self.preflights.append(options.context)
        return True

    def run(self, options: Options) -> ExitCode:
        self.commands.append(options)
        if options.command == "secrets":
            path = Path(options.answers)
            assert parse_answers(path.read_text(), path.name)["database"]["host"]
            path.write_text(path.read_text() + f"  # {PUBLIC}\n")
            raise UsageError("no Vault here")
        return ExitCode.PARTIAL


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


@pytest.mark.usefixtures("contexts")
def test_the_preflight_runs_before_the_yes_on_the_chosen_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Reviewed(tmp_path, monkeypatch, "c\nbeat\n1\nc\ny\n", "production")
    assert found.preflights == ["alpha", "alpha"], "the context is asked once"
    assert "* 2. beta" in found.err.getvalue()
    assert "choose one of the list" in found.err.getvalue()
    assert found.proposal is not None
    assert not found.review.applies
    assert found.commands == []


@pytest.mark.usefixtures("contexts")
def test_apply_follows_the_commit_where_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Reviewed(tmp_path, monkeypatch, "a\n\n", "production")
    assert found.proposal is not None
    assert found.review.applies
    assert found.review.apply(found.proposal) == ExitCode.PARTIAL
    assert [(one.command, one.installation, one.context) for one in found.commands] == [
        ("apply", "airflow", "beta")
    ]


def test_missing_secrets_are_created_from_the_answers_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Reviewed(tmp_path, monkeypatch, "k\nn\n", "production")
    assert [one.command for one in found.commands] == ["secrets"]
    assert found.proposal is None
    assert "no Vault here" in found.err.getvalue(), "the review goes on"
    assert found.session.data["database"]["host"] == "pg.example.internal"
    assert list(tmp_path.glob("*.yaml")) == []


def test_what_does_not_apply_is_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Reviewed(tmp_path, monkeypatch, "a\n", "local")
    assert found.proposal is None
    assert not found.review.applies
    said = found.err.getvalue()
    assert "c runs the pre-flight" in said
    assert "then applies" not in said
    assert "deploy keys" not in said
