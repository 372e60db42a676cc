"""Plausible answers and their rendering, for every test that looks at what is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from tests.support.public_files import PEM as PEM
from tests.support.public_files import text_of
from wizard.answers import presets
from wizard.answers.files import merge_layers, validate_answers
from wizard.answers.model import Answers
from wizard.answers.questions import field_specs
from wizard.checks.engine import run_checks
from wizard.checks.run import build_layout
from wizard.findings import Finding
from wizard.formats.nested import get_value, put_value
from wizard.plan.render import Rendering, render
from wizard.workspace.host_keys import verify_host_keys

FILL: dict[str, Any] = {
    "database": {"host": "pg.example.internal"},
    "dags": {"repo": "ssh://git@github.com/acme/airflow-dags.git"},
    "delivery": {"argocd": {"repo_url": "ssh://git@git.example.com/platform/k8s-infra.git"}},
}
# What each store's questions leave open.
FILL_STORE: dict[str, dict[str, Any]] = {
    "vault": {"server": "https://vault.example.internal:8200"},
    "azure": {
        "vault_url": "https://kv-airflow.vault.azure.net",
        "tenant_id": "11111111-2222-3333-4444-555555555555",
        "client_id": "aaaaaaaa-2222-3333-4444-555555555555",
    },
    "aws": {
        "region": "eu-central-1",
        "role_arn": "arn:aws:iam::123456789012:role/airflow-secrets",
    },
}
FILL_VAULT: dict[str, Any] = {"secrets": {"vault": FILL_STORE["vault"]}}
# What single presets leave open beside it.
FILL_MORE: dict[str, dict[str, Any]] = {
    "kubernetes-executor": {"logs": {"url": "s3://example-logs/prod"}},
    "aks": {"logs": {"blob": {"account": "airflowlogs"}}},
}


def filled(preset: str, changes: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Raw answers: a preset, what a newcomer adds to it, and `changes` by dotted key."""
    data = presets.load_preset(preset).answers
    if preset != "local":
        data = merge_layers(data, FILL, FILL_MORE.get(preset, {}))
        data = merge_layers(data, _fill_store(preset, changes or {}))
    for key, value in (changes or {}).items():
        data = put_value(data, tuple(key.split(".")), value)
    return data


def _fill_store(preset: str, changes: Mapping[str, object]) -> dict[str, Any]:
    chosen = presets.load_preset(preset).answers.get("secrets", {}).get("store", "vault")
    own = str(changes.get("secrets.store", chosen))
    # Vault's answers count for its secrets backend, too.
    names = [own] if own in FILL_STORE and own != "vault" else ["vault"]
    return {"secrets": {name: FILL_STORE[name] for name in names}}


def objections(preset: str, changes: Mapping[str, object] | None = None) -> list[str]:
    """What is wrong with these answers, as people read it."""
    return [str(problem) for problem in validate_answers(filled(preset, changes)).problems]


def answers(preset: str = "production", changes: Mapping[str, object] | None = None) -> Answers:
    """Valid answers whose host keys are the published ones."""
    found = validate_answers(filled(preset, changes))
    assert not found.problems, [str(problem) for problem in found.problems]
    assert found.answers is not None
    return verify_host_keys(
        found.answers, typed=(), committed=(), by="Ada Example", date="2026-11-21"
    ).answers


def asset_names(found: Answers) -> dict[str, str]:
    """The questions about public files, each with the file that these answers name."""
    items = [item for item in field_specs() if item.ask.asset]
    return {
        item.key: str(get_value(found, item.path)) if item.applies(found) else "" for item in items
    }


def assets(found: Answers) -> dict[str, str]:
    """The text of the public files that these answers name, by question."""
    named = {key for key, name in asset_names(found).items() if name}
    return {item.key: text_of(item) for item in field_specs() if item.key in named}


def rendering(preset: str = "production", changes: Mapping[str, object] | None = None) -> Rendering:
    """What these answers come to; the public files that they name hold what they should."""
    found = answers(preset, changes)
    return render(found, assets(found))


def values(made: Rendering) -> Any:
    """The Helm values as a YAML 1.1 reader sees them."""
    return yaml.safe_load(made.tree.by_logical("values").text)


def objects(made: Rendering) -> list[dict[str, Any]]:
    """Every Kubernetes object of the tree, Argo CD's and kind's included."""
    found = []
    for file in made.tree.values():
        if file.path.endswith(".yaml") and file.logical not in {"values", "answers"}:
            found.append(yaml.safe_load(file.text))
    return found


def dig(data: Any, dotted: str) -> Any:
    """The value below a dotted key, or None; a number is a place in a list."""
    for part in dotted.split("."):
        if isinstance(data, list):
            data = data[int(part)] if part.isdecimal() and int(part) < len(data) else None
        else:
            data = data.get(part) if isinstance(data, Mapping) else None
    return data


def secret_template(made: Rendering, name: str) -> dict[str, str]:
    """The template of one ExternalSecret, key by key."""
    found = yaml.safe_load(made.tree.by_logical(f"secrets/{name}").text)
    template: dict[str, str] = found["spec"]["target"]["template"]["data"]
    return template


def findings(made: Rendering, **more: Any) -> list[Finding]:
    """What the product's own checks say about the tree."""
    return run_checks(
        {path: file.data for path, file in made.tree.items()},
        chart=made.release.chart,
        airflow=made.release.airflow_version,
        installation=build_layout(made),
        **more,
    )
