"""The inputs of public reports in ../shared/cases: each has the outcome that it asks for."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import yaml

from tests.support.cli import Wizard, aw
from tests.support.paths import SHARED

__all__ = ["aw"]

CASES = SHARED / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"no reported cases in {CASES}")


@dataclass(frozen=True)
class Outcome:
    """The exit code of `plan`, a text that it prints, and a Secret without which it is refused.

    `more` are options that make the report's situation complete.
    """

    code: int
    says: str = ""
    secret: str = ""
    more: tuple[str, ...] = ()


_POLICIES = ("--set", "environment.network_policies=true")
# 35 is a first installation; the change that the report is about is tested below.
OUTCOMES: dict[str, Outcome] = {
    "01-nullbyte": Outcome(0, "nullBytePolicy"),
    "02-keda-psycopg2": Outcome(3, "values.data.metadataConnection.protocol"),
    "02b-keda": Outcome(
        0,
        "namespaceLabels:",
        more=("--set", "database.pgbouncer.mode=chart", *_POLICIES),
    ),
    "04-apienv": Outcome(0, "name: AIRFLOW__API__X", secret="s:k"),
    "04b-envfrom": Outcome(0, "extraEnvFrom", secret="airflow-connections:url"),
    "04c-secretlist": Outcome(
        0, "envName: AWS_ACCESS_KEY_ID", secret="airflow-aws-creds:AWS_ACCESS_KEY_ID"
    ),
    "04d-preexist": Outcome(0, "extraEnvFrom", secret="airflow-connections:url"),
    "04e-after": Outcome(0, "extraEnvFrom", secret="airflow-connections:url"),
    "07-multiexec": Outcome(0, "CeleryExecutor,KubernetesExecutor"),
    "09-envbase": Outcome(0, "AIRFLOW__API__BASE_URL beats config.api.base_url"),
    "09b-envexec": Outcome(4, "configuration.executor"),
    "16-rbac": Outcome(0, "configuration.pod-launching"),
    "26-tag-mismatch-warn": Outcome(0, "the tag names Airflow 2.11.0"),
    "31-R6c": Outcome(0, "- namespaceSelector: {}", more=_POLICIES),
    "31-R7c": Outcome(0, "webserver.service: no effect with Airflow 3"),
    "31-R7d": Outcome(0, "admin.create has no effect: SimpleAuthManager has no users"),
    "33-ingress-base": Outcome(0, "the base URL has another host, localhost"),
    "34b-multins": Outcome(0, "kind: ClusterRoleBinding"),
    "35-upgrade": Outcome(0, 'airflowVersion: "2.11.0"'),
    "36-tree-url": Outcome(
        3,
        "https://github.com/acme/dags.git; give the branch (main) and the folder (dags) in",
    ),
}


def test_every_case_has_an_outcome() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} == set(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_case_has_its_outcome(name: str, aw: Wizard) -> None:
    wanted, file = OUTCOMES[name], str(CASES / f"{name}.yaml")
    if wanted.secret:
        done = aw("plan", "--answers", file)
        assert (done.code, "reference.secret" in done.out) == (4, True), done
        secret, _, key = wanted.secret.partition(":")
        data = yaml.safe_load((CASES / f"{name}.yaml").read_text())
        data["secrets"]["extra"] = [{"name": secret, "keys": [key], "from": "existing"}]
        place = aw.folder.parent / "answers.yaml"
        place.write_text(yaml.safe_dump(data))
        file = str(place)
    done = aw("plan", "--answers", file, *wanted.more)
    assert wanted.says in done.out + done.err, done
    assert done.code == wanted.code, done


def test_a_downgrade_of_an_installation_needs_a_yes(aw: Wizard) -> None:
    later = aw.folder.parent / "answers.yaml"
    later.write_text((CASES / "35-upgrade.yaml").read_text().replace("2.11.0", "3.2.2"))
    aw.ok("commit", "--answers", str(later), "--yes")
    done = aw("set", "installation.airflow=2.11.0", "--yes")
    assert (done.code, "--accept" in done.err) == (4, True), done
