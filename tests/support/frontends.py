"""One scenario through one front end, into one commit."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.screens.answering import answer_all, answer_preset
from tests.support.authority import certificate
from tests.support.process import WIZARD, Terminal, run
from tests.support.public_files import text_of
from tests.support.scenarios import Scenario, as_text
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.presets import load_preset
from wizard.answers.questions import FieldSpec, field_specs
from wizard.cli import host_key_prompt, prompts
from wizard.cli.console import Console
from wizard.cli.main import main
from wizard.formats.nested import get_value
from wizard.formats.yaml_writer import dump_yaml
from wizard.hostkeys.keys import HostKey
from wizard.questions.assets import CERTIFICATES
from wizard.workspace.git_hosts import list_git_hosts


def repository(folder: Path, scenario: Scenario) -> Path:
    """An empty repository that a push leads out of, on the branch the scenario commits to."""
    branch = scenario.answers.get("repository.branch", "main")
    subprocess.run(["git", "init", "-q", "--bare", f"{folder}.git"], check=True)
    subprocess.run(["git", "init", "-q", "-b", branch, folder], check=True)
    git(folder, "remote", "add", "origin", f"{folder}.git")
    return folder


def write_named(folder: Path, scenario: Scenario) -> None:
    """Write the public files that the scenario names."""
    for item in field_specs():
        if item.ask.asset and (name := scenario.answers.get(item.key)):
            text = certificate() if item.ask.asset is CERTIFICATES else text_of(item)
            (folder / name).write_text(text)


def git(folder: Path, *args: str) -> str:
    done = run(["git", *args], cwd=folder)
    assert done.code == 0, done
    return done.out.strip()


def tree(folder: Path) -> str:
    """The id of the committed tree."""
    return git(folder, "rev-parse", "HEAD^{tree}")


def by_file(folder: Path, inputs: Path, scenario: Scenario) -> str:
    """`commit --answers FILE`, the file beside the public files that it names."""
    file = inputs / f"{folder.name}.yaml"
    file.write_text(dump_yaml(scenario.data))
    _commit(folder, "--answers", str(file), *scenario.flags)
    return tree(folder)


def by_set(folder: Path, scenario: Scenario, preset: str = "") -> str:
    """`commit --set KEY=VALUE ...`; public files are named relative to where one stands."""
    start = ["--preset", preset] if preset else []
    _commit(folder, *start, *scenario.sets, *scenario.flags)
    return tree(folder)


def _commit(folder: Path, *options: str) -> None:
    code = main(["commit", "--yes", "--repo", str(folder), *options])
    assert code == 0


def by_ask(
    folder: Path,
    inputs: Path,
    scenario: Scenario,
    lines: list[str],
    pty_run: Callable[..., Terminal],
    preset: str = "",
) -> str:
    """`ask` in a terminal, a line at a time; what no prompt asks for comes by `--set`.

    `preset` is what a person types at the first prompt, which there is without `--set` only.
    """
    unasked = [
        part
        for item in field_specs()
        if not item.model.asked and item.key in scenario.answers
        for part in ("--set", f"{item.key}={scenario.answers[item.key]}")
    ]
    terminal = pty_run(
        [*WIZARD, "ask", "--repo", str(folder), *unasked],
        cwd=inputs,
        size=(200, 50),
    )
    start = [] if unasked else [preset]
    after = ""
    for line in [*start, *lines, "y"]:
        _await_prompt(terminal, after)
        terminal.send(f"{line}\n")
        after = line
    assert terminal.wait() == 0, terminal.text
    return tree(folder)


def by_screens(folder: Path, inputs: Path, scenario: Scenario) -> str:
    """The screens, every page answered with keys."""
    asyncio.run(answer_all(folder, inputs, scenario))
    return tree(folder)


def by_preset_on_screens(folder: Path, scenario: Scenario, preset: str) -> str:
    """The screens, from the choice of a preset to the questions that it leaves open."""
    asyncio.run(answer_preset(folder, preset, scenario))
    return tree(folder)


def _await_prompt(terminal: Terminal, after: str) -> None:
    """Until the program waits for a line: its output ends with a prompt, or the line it got."""
    ends = [b": ", b"keeps the known keys\r\n", *([f"{after}\r\n".encode()] if after else [])]
    deadline = time.monotonic() + 30
    while not terminal.raw.endswith(tuple(ends)):
        assert terminal._read(deadline - time.monotonic()), terminal.text
        assert time.monotonic() < deadline, terminal.text
    terminal.raw += b" "


def lines_for(scenario: Scenario, monkeypatch: pytest.MonkeyPatch, preset: str = "") -> list[str]:
    """What a person types at each prompt of `ask` to give the scenario's answers."""
    typed: list[str] = []
    data = dict(load_preset(preset).answers) if preset else _unasked(scenario)
    talk = _Recorder(Console(_Nowhere(), _Nowhere()), data)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        for module in (prompts, host_key_prompt):
            patch.setattr(module, "read_line", lambda _console, prompt: talk.reply(prompt, typed))
        talk.scenario, talk.has_preset = scenario, bool(preset)
        talk.run()
    return typed


def _unasked(scenario: Scenario) -> dict[str, Any]:
    keys = {item.key for item in field_specs() if not item.model.asked}
    return Scenario({k: v for k, v in scenario.answers.items() if k in keys}).data


class _Nowhere:
    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None: ...


class _Recorder(prompts.PromptSession):
    """Knows which question a prompt belongs to, and answers from a scenario."""

    scenario: Scenario
    has_preset = False
    item: FieldSpec | None = None

    def _ask_review(self) -> bool:
        """With a preset, nothing else is answered; else every question is."""
        self.queue = ["" if self.has_preset else "n"]
        return super()._ask_review()

    def _ask(self, item: FieldSpec) -> bool:
        self.item = item
        if item.key in HOST_KEY_QUESTIONS:
            self.queue = self._key_replies(item)
        else:
            self.queue = _replies(item, self.scenario)
        return super()._ask(item)

    def _key_replies(self, item: FieldSpec) -> list[str]:
        """Paste the keys and type their fingerprints; known optional keys are not asked."""
        keys = get_value(self.scenario.data, item.path, [])
        proven = {HostKey(key["type"], key["key"]).fingerprint for key in keys}
        answers = self.validate(self.data).answers
        replies: list[str] = []
        for host in list_git_hosts(answers) if answers else ():
            if host.question != item.key or (host.known and not host.required):
                continue
            pasted = [f"{host.name} {key['type']} {key['key']}" for key in keys]
            replies += [*pasted, "", *(one for one in self.scenario.typed if one in proven)]
        return replies

    def reply(self, prompt: str, typed: list[str]) -> str:
        assert self.queue, f"{self.item and self.item.key} asks once more: {prompt}"
        line = self.queue.pop(0)
        typed.append(line)
        return line


def _replies(item: FieldSpec, scenario: Scenario) -> list[str]:
    if item.key not in scenario.answers:
        return [""]
    return [as_text(item.key, scenario.answers[item.key])]


def same_day() -> None:
    """Evidence carries the date: three runs must not fall on two days."""
    left = timedelta(days=1) - (datetime.now(UTC) - datetime.now(UTC).replace(hour=0, minute=0))
    if left < timedelta(seconds=30):
        time.sleep(left.total_seconds() + 1)
