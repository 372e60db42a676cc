"""Volumes of the chart outlive the answers that made them: logs and DAGs are the operator's data.

The delivery deletes what the chart renders no more, and a claim with everything on its volume.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cluster.argocd import told
from tests.support.cluster.helm import HelmWorld, chart_with
from tests.support.cluster.installation import CLAIMS
from wizard.engine.steps import Step, StepEvent
from wizard.systems.helm import removal
from wizard.systems.helm import steps as by_helm
from wizard.systems.release import volumes
from wizard.systems.target import Target

pytestmark = [pytest.mark.integration, pytest.mark.world(delivery="helm")]

# As the chart: templates/logs-persistent-volume-claim.yaml and dags-persistent-volume-claim.yaml.
CLAIM = """
{{{{- with .Values.{key} }}}}{{{{- with .persistence }}}}
{{{{- if and .enabled (not .existingClaim) }}}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{{{ $.Release.Name }}}}-{key}
  labels: {{tier: airflow, release: {{{{ $.Release.Name }}}}}}
  {{{{- with .annotations }}}}
  annotations: {{{{- toYaml . | nindent 4 }}}}
  {{{{- end }}}}
spec: {{accessModes: [ReadWriteMany], resources: {{requests: {{storage: 1Gi}}}}}}
{{{{- end }}}}{{{{- end }}}}{{{{- end }}}}
"""
ON_VOLUMES: dict[str, object] = {"logs.kind": "volume", "dags.source": "volume"}


@pytest.fixture
def charted(world: HelmWorld, tmp_path: Path, helm: Path) -> HelmWorld:
    """An installation whose chart renders the claims for logs and DAGs."""
    del helm
    files = {f"templates/{key}.yaml": CLAIM.format(key=key) for key in ("logs", "dags")}
    world.chart = chart_with(tmp_path / "chart", files)
    return world


def claims(world: HelmWorld) -> list[str]:
    """The claims that are not going."""
    return sorted(
        one["metadata"]["name"]
        for one in world.read(CLAIMS)["items"]
        if "deletionTimestamp" not in one["metadata"]
    )


def ended(steps: Iterable[Step]) -> dict[str, StepEvent]:
    # Nothing takes the finalizer from a claim here.
    return told([replace(one, wait_seconds=0.2) for one in steps])


def install(world: HelmWorld, changes: dict[str, object]) -> Target:
    target = world.delivered(changes)
    found = told([*by_helm.build_manifest_steps(target), by_helm.build_chart_step(target)])
    assert {event.state for event in found.values()} <= {"changed", "holds"}, found
    return target


def test_other_answers_keep_the_volumes_and_only_a_yes_to_them_deletes_them(
    charted: HelmWorld,
) -> None:
    install(charted, ON_VOLUMES)
    assert claims(charted) == ["airflow-dags", "airflow-logs"]
    target = install(charted, {})
    assert claims(charted) == ["airflow-dags", "airflow-logs"]
    # Back again, it is the same volume.
    target = install(charted, {"logs.kind": "volume"})
    found = ended(removal.build_helm_removal(target, None, (), exact=True))
    assert found["remove.release"].state == "changed", found
    assert claims(charted) == ["airflow-dags", "airflow-logs"]

    target = install(charted, {"logs.kind": "volume"})
    found = ended(
        [
            *removal.build_helm_removal(target, None, ["volumes"], exact=False),
            volumes.build_volumes_removal(target, ["volumes"]),
        ]
    )
    assert found["remove.release"].state == "changed", found
    assert claims(charted) == []
