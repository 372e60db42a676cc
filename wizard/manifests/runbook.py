"""RUNBOOK.md: how to validate, roll back, rotate and tear down one installation.

Sources: documents 000 (validation, common problems), 001 (validation, pitfalls) and 004 (kind),
with commands for Airflow 3 where they differ (facts on the chart). Each store and delivery adds its
part as a `StoreRunbook` and a `DeliveryRunbook`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import get_chart_value
from wizard.chart.names import CREATE_USER_JOB, MIGRATIONS_JOB
from wizard.chart.users import creates_user
from wizard.formats.nested import put_value
from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.images import images_note
from wizard.manifests.overview import render_mermaid
from wizard.manifests.prerequisites import prerequisites_note
from wizard.manifests.smoke_test import render_smoke_test
from wizard.manifests.tree import File
from wizard.manifests.ui_access import render_ui_access

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution, StepSpec
    from wizard.manifests.overview import Overview
    from wizard.manifests.release import Release


@dataclass(frozen=True, slots=True)
class StoreRunbook:
    """A store's part: the command that creates the Secrets, and lines for other sections.

    `problems` are rows of a symptom and what to check. `reserved_account` is the ServiceAccount
    that an admission policy reserves for the store. `keeps_payload`: removing the installation does
    not delete the values. `made_by_others`: the wizard creates none of the values, and others
    delete them. `first` says what `airflow-wizard secrets` needs. `wait` are commands that end well
    once all Secrets of the chart's pods exist. `open` are commands that fill the store and let a
    new cluster in, for deliveries without `apply`.
    """

    create: str = ""
    first: str = ""
    wait: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    validate: tuple[str, ...] = ()
    rotate: str = ""
    problems: tuple[tuple[str, str], ...] = ()
    reserved_account: str = ""
    keeps_payload: bool = False
    made_by_others: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryRunbook:
    """A delivery's part: the sections on installing and tearing down, and commands.

    `preview` are the commands before a changed setting is pushed, `after_change` those after it,
    `roll_back` those of a rollback. `handed_over`: `handover` writes scripts for other owners.
    """

    install: str
    tear_down: str
    validate: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()
    after_change: tuple[str, ...] = ()
    roll_back: tuple[str, ...] = ()
    handed_over: bool = True


@dataclass(frozen=True, slots=True)
class RunbookContext:
    """Input for a delivery's part: all contributions and steps, the store's part, the overview."""

    total: Contribution
    steps: tuple[StepSpec, ...]
    store: StoreRunbook
    overview: Overview


def render_runbook(release: Release, context: RunbookContext, delivery: DeliveryRunbook) -> File:
    """Return the runbook as Markdown.

    The types of all names exclude characters that need shell quoting.
    """
    total, store = context.total, context.store
    images = images_note(release, total, handed_over=delivery.handed_over)
    parts = [
        f"# Runbook: {release.installation}",
        _render_summary(release),
        _render_overview(context.overview),
        images if release.image_registry else "",
        prerequisites_note(
            release.prerequisites, release.installation, handed_over=delivery.handed_over
        ),
        delivery.install,
        *total.notes,
        _render_secrets(release, total),
        _render_document(release, total),
        _render_validation(release, store, delivery, total),
        render_smoke_test(release),
        render_ui_access(release, total.values),
        _render_change(release, delivery, total),
        _render_rotation(release, store),
        delivery.tear_down,
        _render_problems(release, store, total),
        "" if release.image_registry else images,
        _render_readers(release, store, total),
    ]
    text = "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
    return File("runbook", f"{release.paths.docs}/RUNBOOK.md", text)


def shell_block(*lines: str) -> str:
    """Return commands as a fenced code block of Markdown."""
    return "\n".join(["```bash", *lines, "```"])


def wait_for_store(namespace: str, store: str) -> tuple[str, str]:
    """Return the commands that wait for a store of External Secrets, as kubectl names it."""
    return (
        f"kubectl -n {namespace} wait {store} --for=condition=Ready --timeout=2m",
        f"kubectl -n {namespace} wait externalsecret --all --for=condition=Ready --timeout=5m",
    )


def wait_commands(release: Release, store: StoreRunbook) -> tuple[str, ...]:
    """Return the commands that wait, after the manifests, for what the chart's pods need."""
    if not release.database_cluster:
        return store.wait
    cluster = f"cluster.postgresql.cnpg.io/{release.names.database_cluster}"
    return (
        *store.wait,
        f"kubectl -n {release.namespace} wait {cluster} --for=condition=Ready --timeout=30m",
    )


def remove_jobs_command(release: Release) -> str:
    """Return the command that removes the chart's finished Jobs, which an upgrade cannot change."""
    jobs = " ".join(map(release.names.object_name, (MIGRATIONS_JOB, CREATE_USER_JOB)))
    return f"kubectl -n {release.namespace} delete job {jobs} --ignore-not-found"


def _render_summary(release: Release) -> str:
    return (
        f"Airflow {release.airflow_version}, chart {release.chart}, "
        f"release `{release.names.release}` in namespace `{release.namespace}`.\n"
        "Generated by Airflow Wizard; it changes with your answers.\n"
        f"Run the commands in {_describe_folder(release)} of this repository."
    )


def _render_overview(overview: Overview) -> str:
    about = "The numbers are ports. `f2` in the screens draws the same as text."
    return f"## Overview\n\n{about}\n\n{render_mermaid(overview)}"


def _describe_folder(release: Release) -> str:
    return "the top folder" if release.prefix in {"", "."} else f"the folder `{release.prefix}`"


def _render_secrets(release: Release, total: Contribution) -> str:
    head = ["## Secrets", "", "| Secret | keys | source |", "|---|---|---|"]
    lines = [*head]
    for secret in total.secrets:
        facts = ", ".join(
            f"`{fact.place if release.document else fact.key}`" for fact in secret.facts
        )
        keys = ", ".join(f"`{key}`" for key in secret.keys)
        lines.append(f"| `{secret.name}` | {keys} | {facts} |")
    for reader in total.readers:
        facts = ", ".join(f"`{fact.key}`" for fact in reader.secret.facts)
        keys = ", ".join(f"`{key}`" for key in reader.secret.keys)
        lines.append(f"| `{reader.secret.name}` in `{reader.namespace}` | {keys} | {facts} |")
    # A section of the store describes the keys that Airflow itself needs.
    needed = {(one.secret, one.key) for one in total.needed}
    for name, found in total.existing_secrets.items():
        more = [key for key in found if (name, key) not in needed]
        if more or not found:
            keys = ", ".join(f"`{key}`" for key in more)
            lines.append(f"| `{name}` | {keys} | made by others |")
    return "\n".join(lines) if len(lines) > len(head) else ""


def _render_document(release: Release, total: Contribution) -> str:
    """Return the shape of the payload if it is one YAML document."""
    if not release.document:
        return ""
    shape: dict[str, Any] = {}
    for secret in total.secrets:
        for fact in secret.facts:
            shape = put_value(shape, tuple(fact.place.split(".")), "...")
    return (
        "## Payload\n\nThe key `config` of the payload holds one YAML document of this shape.\n"
        f"Every value is text: keep its double quotes.\n\n```yaml\n{dump_yaml(shape)}```"
    )


def _render_validation(
    release: Release, store: StoreRunbook, delivery: DeliveryRunbook, total: Contribution
) -> str:
    namespace, airflow = release.namespace, release.airflow_command
    made = total.secrets
    return "## Validate\n\n" + shell_block(
        *store.validate,
        *(
            f"kubectl -n {reader.namespace} get secretstore,externalsecret {reader.name}"
            for reader in total.readers
        ),
        *([f"kubectl -n {namespace} get secrets   # those of the table above"] if made else []),
        *delivery.validate,
        f"kubectl -n {namespace} get pods,jobs",
        *_log_commands(release, total),
        f"{airflow} config get-value core executor",
        f"{airflow} db check",
        f"{airflow} db check-migrations",
        f"{airflow} dags list",
        f"{airflow} dags list-import-errors",
    )


def _log_commands(release: Release, total: Contribution) -> list[str]:
    """Return the command that shows the log of the user Job."""
    if not creates_user(total.values):
        return []
    # Argo CD keeps the Job, and elsewhere the chart's time to live has its default.
    note = "" if release.gitops else "   # gone 5 minutes after it has ended"
    return [f"{release.log_command(CREATE_USER_JOB)}{note}"]


def _find_example(total: Contribution) -> str:
    """Return a setting of the executor that has an effect with these answers, and a value.

    It is no request of something with a limit: a request above its limit is refused.
    """
    if total.settings.get("executor") == "KubernetesExecutor":
        return "executor.task_pods.batch_size=32"
    if total.settings.get("executor") == "LocalExecutor":
        return "components.scheduler.cpu=2"
    scaled = {
        "workers.celery.replicas": "executor.workers.replicas=3",
        "workers.celery.keda": "executor.workers.max_replicas=20",
        "workers.celery.hpa": "executor.workers.max_replicas=20",
    }
    found = (example for setting, example in scaled.items() if setting in total.settings)
    return next(found, "components.api_server.replicas=2")


def _connects_past_pooler(total: Contribution) -> bool:
    """Return whether the migrations use a connection of their own, past a pooler."""
    return "migrateDatabaseJob.args" in total.settings


def _render_change(release: Release, delivery: DeliveryRunbook, total: Contribution) -> str:
    return (
        "## Change and roll back\n\nChange a setting with one commit:\n\n"
        + shell_block(
            f"airflow-wizard set --installation {release.installation} {_find_example(total)}",
            *delivery.preview,
            *delivery.after_change,
        )
        + "\n\nRoll back. This does not touch the database. If the change upgraded Airflow, pause "
        "all DAGs and undo its migration first: only the newer Airflow, which still runs, knows "
        "how. Or restore the backup.\n\n"
        + shell_block(
            f"{release.airflow_command} db downgrade \\",
            "  --to-version <version before> --yes   # after an upgrade only",
            *delivery.roll_back,
        )
    )


def _render_rotation(release: Release, store: StoreRunbook) -> str:
    label = f"release={release.names.release}"
    restart = f"kubectl -n {release.namespace} rollout restart deployment,statefulset -l {label}"
    after = (
        "Reloader restarts the pods automatically."
        if release.reloader
        else f"Restart the pods; they do not restart automatically:\n\n{shell_block(restart)}"
    )
    text = (
        f"## Rotate\n\n{store.rotate}\n\n{after}\n\nThe Fernet key is different: put the new "
        "key before the old one, separated by a comma, run `airflow rotate-fernet-key`, then "
        "remove the old one."
    )
    return f"{text}\n\n{_render_jwt_rollover(release)}" if release.airflow_3 else text


def _render_jwt_rollover(release: Release) -> str:
    """Return how to replace the JWT secret: Airflow 3 accepts one value at a time."""
    scheduler = "statefulset" if release.local else "deployment"
    workloads = (
        f"deployment/{release.web_name}",
        f"{scheduler}/{release.names.object_name('scheduler')}",
    )
    restart = f"kubectl -n {release.namespace} rollout restart {' '.join(workloads)}"
    return (
        "The JWT secret signs the tokens of running tasks, and Airflow accepts one value at a "
        "time. A task that runs across the change fails with `Signature verification failed`. "
        "Replace it while no task runs; then restart the two that read it together:\n\n"
        f"{shell_block(restart)}"
    )


def _render_problems(release: Release, store: StoreRunbook, total: Contribution) -> str:
    direct = ", which connects without PgBouncer" if _connects_past_pooler(total) else ""
    rows = [
        ("pods wait for migrations", f"log of the migration Job{direct}"),
        ("keys change after a sync", "`*SecretName` settings in the values: one was removed"),
        *store.problems,
    ]
    if creates_user(total.values):
        log = release.log_command(CREATE_USER_JOB)
        where = f"whether migrations had finished before it: `{log}`"
        rows.append(("nobody can log in, the user Job failed", where))
    if release.clones_dags:
        where = "registration of the deploy key, changed host keys; keep host-key checking on"
        if release.dags_over_https:
            where = "expiry and rights of the token, CA of the host; keep verification on"
        rows.append(("DAGs are not cloned", where))
    if release.dag_source == "git-sync":
        rows.append(
            (
                "a task runs old code",
                "each pod pulls on its own, so two workers differ for up to `dags.period`; a "
                "bundle (`dags.source`, Airflow 3) pins each run to one commit",
            )
        )
    if release.dag_source == "volume":
        rows.append(
            ("DAGs are missing", "the volume's files, its access mode, and that its claim is bound")
        )
    if release.pgbouncer:
        rows.append(
            ("pool exhausted", "`database.pgbouncer.metadata_pool`, max_connections of the server")
        )
    lines = ["## Common problems", "", "| symptom | check |", "|---|---|"]
    return "\n".join([*lines, *(f"| {symptom} | {where} |" for symptom, where in rows)])


def _render_readers(release: Release, store: StoreRunbook, total: Contribution) -> str:
    url = "" if release.isolated_database else "the URL of the metadata database and "
    text = (
        f"## Who can read what\n\nDAG code runs as the workers' ServiceAccount, with {url}"
        "the Fernet key in its environment."
    )
    if not all(get_chart_value(total.values, one) for one in ("rbac.create", "allowPodLaunching")):
        return text
    everywhere = bool(get_chart_value(total.values, "multiNamespaceMode"))
    where = "every namespace" if everywhere else f"`{release.namespace}`"
    text += (
        f"\nWith the chart's pod launcher role it can also start pods in {where}, "
        "mount any Secret there and use any ServiceAccount"
    )
    if store.reserved_account:
        account = store.reserved_account
        return f"{text} except `{account}`, which an admission policy reserves for the store."
    return f"{text}."


def render_first_run(release: Release, context: RunbookContext) -> str:
    """Return the section on the steps after the commit, their owners, and the wizard's commands.

    The section is for deliveries that `apply` installs.
    """
    lines = ["## After the commit", "", "| step | owner |", "|---|---|"]
    lines += [f"| {step.title} | {step.owner} |" for step in context.steps]
    name = f"--installation {release.installation}"
    others = context.store.made_by_others
    note = "   # what others must create; creates nothing" if others else ""
    about = "`secrets` prints the Secrets that others make, without values."
    if not others:
        about = (
            "`secrets` fills the store and shows a deploy key that it creates; `commit` records it."
        )
        about += f"\n{context.store.first}" if context.store.first else ""
    commands = shell_block(
        f"airflow-wizard secrets {name}{note}",
        f"airflow-wizard commit {name}",
        "git push   # or have the merge request merged",
        f"airflow-wizard apply {name}",
    )
    return (
        "\n".join(lines)
        + "\n\nThese commands do only what is missing, so you can run them again:\n\n"
        f"{commands}\n\n{about}\n"
        "`apply --dry-run` tries every step and changes nothing."
    )
