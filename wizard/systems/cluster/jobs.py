"""The chart's own Jobs in the cluster: the migrations, and the one that creates the admin.

Names are those of chart 1.22.0. Helm's Jobs have a TTL, which deletes them however they ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.chart.names import CREATE_USER_JOB, MIGRATIONS_JOB
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.systems.cluster.conditions import (
    condition,
    delivery_hint,
    find_last_event,
    list_warnings,
    wait_status,
)
from wizard.systems.cluster.diagnosis import REFUSAL_RULES, Diagnosis, diagnose, sanitize_message
from wizard.systems.cluster.pods import diagnose_pods, is_available

if TYPE_CHECKING:
    from wizard.manifests.release import Release

# Reasons of the events by which Kubernetes 1.30 to 1.35 tells how a Job ended.
_COMPLETED = "Completed"
_FAILED = ("BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy")

# Says what shows that Jobs of the last delivery succeeded; empty if nothing does.
JobEvidence = Callable[[], str]


def check_migrations(kube: Kube, release: Release) -> StepStatus:
    """Check that the migration Job is complete; running pods prove it even without the Job."""
    job = _read_job(kube, release, MIGRATIONS_JOB)
    if job is None and is_available(kube, release):
        name = release.names.object_name(MIGRATIONS_JOB)
        return StepStatus("holds", f"Job {name} was deleted; pods that wait for migrations run")
    fix = Fix(
        f"{release.log_command(MIGRATIONS_JOB)}; the usual causes are address (database.host), "
        "password or rights: airflow-wizard check --live",
        "database.host",
    )
    return _check_job(kube, release, MIGRATIONS_JOB, job, fix)


def check_admin(kube: Kube, release: Release, evidence: JobEvidence) -> StepStatus:
    """Check that the Job that creates the admin is complete.

    Of a deleted Job, `evidence` or the Job's last event shows how it ended; otherwise the status
    is unknown.
    """
    job = _read_job(kube, release, CREATE_USER_JOB)
    if job is None and is_available(kube, release):
        return _check_deleted_admin_job(kube, release, evidence)
    fix = Fix(release.log_command(CREATE_USER_JOB), "admin.create")
    return _check_job(kube, release, CREATE_USER_JOB, job, fix)


def list_finished_jobs(kube: Kube, release: Release) -> list[KubeObject]:
    """Return the chart's own Jobs that completed or failed."""
    jobs = [_read_job(kube, release, one) for one in (MIGRATIONS_JOB, CREATE_USER_JOB)]
    ended = ("Complete", "Failed")
    return [
        job
        for job in jobs
        if job and any(condition(job, kind).get("status") == "True" for kind in ended)
    ]


def _read_job(kube: Kube, release: Release, ending: str) -> KubeObject | None:
    name = release.names.object_name(ending)
    return kube.get(Ref("batch/v1", "Job", name, release.namespace))


def _check_job(
    kube: Kube, release: Release, ending: str, job: KubeObject | None, fix: Fix
) -> StepStatus:
    """Check that a Job is complete; `fix` is for one that failed for an unknown reason."""
    name, log = release.names.object_name(ending), release.log_command(ending)
    if job is None:
        return wait_status(
            f"Job {name} does not exist yet", diagnose_pods(kube, release), delivery_hint(release)
        )
    if condition(job, "Complete").get("status") == "True":
        return StepStatus("holds", f"Job {name} is complete")
    status = job.get("status") or {}
    failed = condition(job, "Failed")
    found = diagnose_pods(kube, release)
    if failed.get("status") == "True":
        found = found or Diagnosis(sanitize_message(failed.get("message")), fix)
        return wait_status(f"Job {name} failed", found, log)
    tried = f", {status['failed']} tries failed" if status.get("failed") else ""
    if not status.get("active"):
        why = list_warnings(kube, release.namespace, ("Job", name))
        found = diagnose(why, REFUSAL_RULES) or found
    return wait_status(f"Job {name} is running{tried}", found, log)


def _check_deleted_admin_job(kube: Kube, release: Release, evidence: JobEvidence) -> StepStatus:
    name = release.names.object_name(CREATE_USER_JOB)
    if shown := evidence():
        return StepStatus("holds", f"Job {name} was deleted; {shown}")
    about = ("Job", name)
    event = find_last_event(kube, release.namespace, about, (_COMPLETED, *_FAILED))
    if event is None:
        detail = f"Job {name} was deleted, and nothing shows how it ended"
        return StepStatus("unknown", detail, Fix("log in as the admin of the runbook"))
    reason, message = event
    if reason == _COMPLETED:
        return StepStatus("holds", f"Job {name} was deleted; its last event is {reason}")
    fix = Fix(
        "run the Job again (the runbook's upgrade), and read its log before it is deleted: "
        + release.log_command(CREATE_USER_JOB),
        "admin.create",
    )
    detail = f"Job {name} was deleted after it failed: {sanitize_message(message)}"
    # A sync may make it again; after `helm upgrade`, nothing does.
    return StepStatus("wanted", detail, fix, is_stuck=not release.gitops)
