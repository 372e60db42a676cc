"""The three proven example value files: the checks find what their headers say, and no more."""

import json
import re
from pathlib import Path

import pytest

from tests.support.paths import DATA
from wizard.chart.versions import VERSIONS
from wizard.checks.engine import run_checks
from wizard.checks.subject import Layout

EXAMPLES = sorted((DATA / "examples").glob("*.yaml"))
pytestmark = pytest.mark.skipif(not EXAMPLES, reason=f"no examples in {DATA}")
# Secrets each example's header asks for, with their keys; c's header names them in one line.
HEADER = re.compile(r"^#   ([a-z][a-z0-9-]+) +(.*)$", re.MULTILINE)
KEYS = {
    "airflow-default-user": ("username", "password", "email", "firstName", "lastName"),
    "airflow-oauth": ("client-id", "client-secret"),
    "airflow-pgbouncer-config": ("pgbouncer.ini", "users.txt"),
    "airflow-tls": ("tls.crt", "tls.key"),
}


def outside(text: str) -> dict[str, tuple[str, ...]]:
    found = {name: KEYS.get(name, (rest.split()[0],)) for name, rest in HEADER.findall(text)}
    found |= {name: (key,) for name, key in re.findall(r"(airflow-[a-z-]+)/([a-z-]+)", text)}
    return {**found, "airflow-tls": KEYS["airflow-tls"]}


def findings(file: Path, chart: str, **secrets: tuple[str, ...]) -> set[tuple[str, str]]:
    schema = json.loads((DATA / "chart" / chart / "values.schema.json").read_text("utf-8"))
    text = file.read_text("utf-8")
    found = run_checks(
        {"values.yaml": file.read_bytes()},
        chart=chart,
        airflow="3.2.2",
        installation=Layout(values="values.yaml", secrets={**outside(text), **secrets}),
        chart_schema=schema,
    )
    return {(finding.rule, finding.where) for finding in found}


def test_production_examples_are_right() -> None:
    assert findings(EXAMPLES[0], "1.22.0") == set()
    assert findings(EXAMPLES[1], "1.22.0") == set()


def test_the_quickstart_shows_its_two_known_weaknesses() -> None:
    assert findings(EXAMPLES[2], "1.22.0") == {
        ("secret.inline-value", "createUserJob.defaultUser.password"),
        ("values.metadata-secret", "data.metadataSecretName"),
    }


# The examples are of Airflow 3.
OLDER = [one.chart for one in VERSIONS[1:] if not one.airflow_2_only]


@pytest.mark.parametrize("chart", OLDER)
@pytest.mark.parametrize("file", EXAMPLES[:2], ids=lambda file: file.name[0])
def test_older_charts_lack_only_keys_that_came_later(file: Path, chart: str) -> None:
    rules = {rule for rule, _ in findings(file, chart)}
    assert rules <= {"values.unknown-key", "schema.values"}
    unknown = {where for rule, where in findings(file, chart) if rule == "values.unknown-key"}
    assert "enableServiceLinks" in unknown
    later = ("enableServiceLinks", "workers.", "dags.gitSync.recommendedProbeSetting",
             "dags.gitSync.livenessProbe")  # fmt: skip
    assert all(where.startswith(later) for where in unknown)


def test_a_missing_secret_is_seen() -> None:
    assert findings(EXAMPLES[0], "1.22.0", **{"airflow-fernet-key": ("other",)}) == {
        ("reference.key", "fernetKeySecretName")
    }
