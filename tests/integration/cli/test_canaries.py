"""A secret that strays into an answer, the environment or a crash is seen nowhere afterwards."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunCli
from tests.support.canary import Canary
from tests.support.cli import Wizard, answers_file, aw, local
from tests.support.frontends import write_named
from tests.support.process import run
from tests.support.scenarios import SCENARIOS, Scenario, as_text
from wizard.answers.questions import field_specs
from wizard.formats.nested import put_value
from wizard.formats.yaml_writer import dump_yaml

__all__ = ["aw", "local"]

SECRETS = [item.key for item in field_specs() if item.kind == "secret"]
SHAPES: dict[str, Any] = {
    "a text": "{}",
    "a reference to it": {"env": "{}"},
    "a wrong kind": {"value": "{}"},
    "two kinds": {"env": "A", "value": "{}"},
    "a key": {"{}": True},
    "a list": ["{}"],
    "below": {"env": {"name": "{}"}},
}


def _filled(shape: Any, secret: str) -> Any:
    if isinstance(shape, str):
        return shape.replace("{}", secret)
    if isinstance(shape, list):
        return [_filled(item, secret) for item in shape]
    if isinstance(shape, dict):
        return {_filled(k, secret): _filled(v, secret) for k, v in shape.items()}
    return shape


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_secret_in_a_secrets_place_is_refused_by_its_key_alone(
    aw: Wizard, canary: Canary, tmp_path: Path, shape: Any
) -> None:
    for number, key in enumerate(SECRETS):
        secret = canary.hostile(f"literal-{number}")
        scenario = next(one for one in SCENARIOS.values() if key in one.answers)
        data = put_value(scenario.data, tuple(key.split(".")), _filled(shape, secret))
        file = tmp_path / "answers.yaml"
        file.write_text(dump_yaml(data))

        for command in (["plan"], ["plan", "--json"], ["commit", "--yes"]):
            done = aw(*command, "--answers", str(file))

            assert done.code == 3, done
            assert key in done.err
            canary.assert_absent(done.out, done.err)
    canary.assert_absent(aw.folder)


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_given_as_an_option_is_not_repeated(
    local: Wizard, canary: Canary, key: str
) -> None:
    for text in (
        canary.secret(),
        canary.hostile(),
        f"env:{canary.hostile()}",
        f"{{{canary.secret()}",
    ):
        done = local("set", f"{key}={text}", "--yes")

        assert done.code == 3
        assert key in done.err
        canary.assert_absent(done.out, done.err)
    canary.assert_absent(local.folder)


URLS = ["dags.repo", "secrets.vault.server", "delivery.argocd.repo_url", "access.base_url",
        "delivery.argocd.destination", "database.host",
        "broker.host", "cluster.server"]  # fmt: skip


@pytest.mark.parametrize("key", URLS)
def test_a_url_with_a_password_is_refused_and_not_repeated(
    aw: Wizard, canary: Canary, tmp_path: Path, key: str
) -> None:
    for scheme in ("https", "ssh", "postgresql", "http"):
        url = f"{scheme}://ada:{canary.secret('url')}@h.example.com/x.git"
        changes = {"broker.kind": "external", "broker.url": {"env": "A"}, key: url}
        file = answers_file(tmp_path / "answers.yaml", changes)

        done = aw("plan", "--answers", str(file))

        assert done.code == 3, done
        assert key in done.err
        canary.assert_absent(done.out, done.err)


@pytest.mark.parametrize(
    "values",
    [
        {"data": {"metadataConnection": {"pass": "{}"}}},
        {"data": {"resultBackendConnection": {"pass": "{}"}}},
        {"redis": {"password": "{}"}},
        {"fernetKey": "{}"},
        {"scheduler": {"env": [{"name": "AIRFLOW__CORE__FERNET_KEY", "value": "{}"}]}},
        {"scheduler": {"env": [{"name": "DB_PASSWORD", "value": "{}"}]}},
        {"extraConfigMaps": {"x": {"data": "api_token: {}"}}},
        {"extraSecrets": {"x": {"stringData": "a: {}"}}},
    ],
)
def test_a_secret_in_values_is_refused_and_its_diff_not_shown(
    local: Wizard, canary: Canary, values: Any
) -> None:
    import json

    setting = f"values={json.dumps(_filled(values, canary.secret('values')))}"
    for command in (
        ["plan", "--set", setting],
        ["plan", "--json", "--set", setting],
        ["set", setting, "--yes"],
        ["set", setting, "--yes", "--json"],
    ):
        done = local(*command)

        assert done.code == 4, done
        canary.assert_absent(done.out, done.err)
    canary.assert_absent(local.folder)


def test_a_secret_variable_is_refused_and_not_repeated(local: Wizard, canary: Canary) -> None:
    for name in ("SMTP_PASSWORD", "CLIENT_SECRET", "MY_TOKEN", "STRIPE_API_KEY"):
        setting = f"environment.variables={name}={as_text('admin.username', canary.secret(name))}"
        for command in (["plan", "--set", setting], ["set", setting, "--yes", "--json"]):
            done = local(*command)

            assert done.code == 3, done
            assert f"environment.variables.{name}" in done.out + done.err
            canary.assert_absent(done.out, done.err)
    canary.assert_absent(local.folder)


def test_a_broken_file_is_not_repeated(aw: Wizard, canary: Canary) -> None:
    secret = canary.secret()
    for text in (f"a: [{secret}", f"- {secret}", f"a: 1\na: {secret}", f"a: !x {secret}", secret,
                 f"{{{secret}: \x00}}"):  # fmt: skip
        done = aw("plan", "--answers", "-", stdin=text.encode())

        assert done.code == 3
        assert "standard input" in done.err
        canary.assert_absent(done.out, done.err)


def test_values_in_the_environment_go_nowhere(
    run_cli: RunCli, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    folder = tmp_path / "config"
    run(["git", "init", "-q", "-b", "main", folder])
    named = {
        "AIRFLOW_DB_PASSWORD",
        "META_PASSWORD",
        "OTHER_BROKER",
        "VAULT_TOKEN",
        "AIRFLOW_GIT_TOKEN",
    }
    env = {name: canary.hostile(name) for name in named} | {"TMPDIR": str(temporary)}
    hook = folder / ".git" / "hooks" / "pre-commit"
    hook.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen-by-hook\n")
    hook.chmod(0o755)
    file = answers_file(tmp_path / "a.yaml", {"database.password": {"env": "META_PASSWORD"}})
    plan = tmp_path / "plan.json"

    run_cli("plan", "--repo", folder, "--answers", file, "--json", "--out", plan, env=env)
    done = run_cli("commit", "--repo", folder, "--answers", file, "--yes", env=env)

    assert done.code == 0, done
    run_cli("set", "--repo", folder, "executor.workers.replicas=3", "--yes", "--json", env=env)
    run_cli("check", "--repo", folder, env=env)
    objects = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"], cwd=folder, capture_output=True
    ).stdout
    assert b"META_PASSWORD" in objects
    assert (tmp_path / "seen-by-hook").read_text()
    canary.assert_absent(objects, folder, plan, temporary, tmp_path / "seen-by-hook")
    assert list(temporary.iterdir()) == []
    assert not list(Path(tempfile.gettempdir()).glob("airflow-wizard*"))


def test_a_crash_shows_no_message_and_no_variable(
    local: Wizard, canary: Canary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scenario = SCENARIOS["broker"]
    secret = canary.hostile("crash")

    def broken(answers: object, *_: object) -> None:
        held = secret
        raise ValueError(f"cannot render {held}")

    monkeypatch.setattr("wizard.plan.render.render", broken)
    file = tmp_path / "a.yaml"
    file.write_text(dump_yaml(Scenario(scenario.answers).data))
    write_named(tmp_path, scenario)

    for command in (["plan"], ["commit", "--yes", "--json"]):
        done = local(*command, "--answers", str(file), *scenario.flags)
        assert done.code == 70
        canary.assert_absent(done.out, done.err)


def test_the_suite_would_find_a_leak(local: Wizard, canary: Canary) -> None:
    """The search is no formality: the same value in a harmless place is found."""
    local.ok(
        "set", f"environment.variables=TEAM={as_text('admin.username', canary.secret())}", "--yes"
    )

    assert canary.traces(local.folder)
    with pytest.raises(AssertionError):
        canary.assert_absent(local.folder)
