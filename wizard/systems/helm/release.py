"""The release itself: `helm upgrade --install` of the pinned chart with the committed values.

helm runs without `--wait`: a waiting helm keeps the release locked, even after it was killed. The
wait steps that follow report more and can be interrupted at any moment. helm also runs without
`--atomic`, which uninstalls a failed first installation and so loses the reason for the failure,
and which cannot undo a migration. Neither of the chart's Jobs is a hook (facts on the chart,
section 4), so helm itself does not wait.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
import uuid
from typing import TYPE_CHECKING

from wizard import __version__
from wizard.chart.repository import CHART_NAME
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.declarations.values import merge_values
from wizard.deliveries.helm.commands import MANAGED_BY_LABEL, chart_command
from wizard.deliveries.helm.steps import chart_step
from wizard.deliveries.registry import delivery_kind
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import ConflictError, Fix, WizardError
from wizard.formats.terminal import format_first
from wizard.formats.yaml_reader import read_mapping
from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.image import IMAGE_VALUES
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.cluster.diagnosis import REFUSAL_RULES, diagnose, sanitize_message
from wizard.systems.cluster.jobs import list_finished_jobs
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import settle_unknown
from wizard.systems.helm import contents
from wizard.systems.helm.chart import Chart, ChartFetcher
from wizard.systems.helm.diagnosis import HELM_RULES
from wizard.systems.release.claims import has_release_mark
from wizard.systems.release.revisions import (
    RUN_LABEL,
    Revision,
    compute_owner_mark,
    find_differing_keys,
    is_recoverable,
    judge_revision,
    list_revisions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wizard.clients.helm import Helm, HelmOutput
    from wizard.clients.kube.protocol import Kube, KubeObject
    from wizard.systems.target import Target

# The wizard's helm does not wait, so while it runs it writes to the release within seconds.
QUIET_SECONDS = 30.0
LOOK_SECONDS = 1.0
# Time limit for hooks from `values:`; Helm's own default.
HOOK_SECONDS = 300
_SHOWN = 5
_VALUES_DIGEST = re.compile(r"values sha256:([0-9a-f]{64})")


def build_release_step(target: Target, charts: ChartFetcher | None) -> Step:
    """Return the step that installs the chart; without a cluster, the owner's command."""
    spec = chart_step(target.release)
    kube, helm = target.kube, target.helm
    if kube is None or helm is None or charts is None:
        return declared_step(spec, "cluster", lambda: _leave_to_owner(target))
    work = HelmRelease(target, kube, helm, charts)
    return declared_step(spec, helm.identity, work.look, work.change, work.dry_run_change)


async def _leave_to_owner(target: Target) -> StepStatus:
    setup = target.release.chart_repository.setup
    lines = chart_command(target.release)[len(setup) :]
    upgrade = " ".join(line.removesuffix("\\").strip() for line in lines)
    detail = "no kubeconfig context names the cluster"
    return StepStatus("unknown", detail, Fix(f"its owner runs: {'; '.join((*setup, upgrade))}"))


def read_release_values(target: Target) -> bytes:
    """Return the committed values of the release, with those of the image pipeline over them."""
    values = target.files["values"]
    image = target.files.get(IMAGE_VALUES)
    if image is None:
        return values
    merged = merge_values(
        read_mapping(values.decode(), "values"),
        read_mapping(image.decode(), IMAGE_VALUES),
    )
    return dump_yaml(merged).encode()


class HelmRelease:
    """Compares the release with the committed values and upgrades it."""

    def __init__(self, target: Target, kube: Kube, helm: Helm, charts: ChartFetcher) -> None:
        self._target = target
        self._kube = kube
        self._helm = helm
        self._charts = charts
        self._name = target.release.names.release
        self._namespace = target.release.namespace
        self._values = read_release_values(target)
        self._mark = compute_owner_mark(target)
        self._digest = hashlib.sha256(self._values).hexdigest()

    async def look(self) -> StepStatus:
        """Return whether this chart is deployed with the committed values.

        A chart that is needed is fetched here, so that a missing one stops the run beforehand.
        """
        look = await self._look()
        if look.state != "wanted":
            return look
        await self._charts.get()
        return await self._check_objects() or look

    async def _check_objects(self) -> StepStatus | None:
        """Return why the upgrade must not start: Helm changes and deletes objects by their names.

        What this login cannot read is not judged.
        """
        found = await run_in_thread(self._revisions)
        if not found or found[-1].status == "uninstalled":
            return None
        number = next((one for one in found[::-1] if one.status == "deployed"), found[-1]).number
        manifest, _ = await self._helm.manifests(self._name, self._namespace, number)
        step = chart_step(self._target.release).id
        agreed = self._target.agreed.get(step, "")

        def judge() -> StepStatus | None:
            refs = contents.read_deleted_refs(manifest, self._namespace)
            try:
                live = contents.read_live_objects(self._kube, refs)
            except KubeError as error:
                if error.kind != "forbidden":
                    raise explain_error(error) from None
                return None
            refusal = contents.refuse_upgrade(self._target, live, agreed)
            return None if refusal is None else settle_unknown([refusal], step, agreed)[0]

        return await run_in_thread(judge)

    async def _look(self) -> StepStatus:
        try:
            found = await run_in_thread(self._revisions)
        except KubeError as error:
            if error.kind != "forbidden":
                raise explain_error(error) from None
            fix = "ask for the right to get and list Secrets there; Helm stores its state in them"
            return StepStatus("unknown", error.message, Fix(fix))
        if not found or found[-1].status == "uninstalled":
            return StepStatus("wanted", f"release {self._name} is not installed yet")
        return self._find_obstacle(found) or await self._compare_revision(found[-1])

    def _revisions(self) -> list[Revision]:
        return list_revisions(self._kube, self._namespace, self._name)

    def _find_obstacle(self, found: list[Revision]) -> StepStatus | None:
        """Return a status if the existing release stops or delays the upgrade, else None."""
        last = found[-1]
        shown = f"release {self._name} (revision {last.number}, {sanitize_message(last.status)})"
        if not last.own:
            label = f"kubectl -n {self._namespace} label secret sh.helm.release.v1.{self._name}.v"
            return StepStatus(
                "blocked",
                f"{shown} exists already and is not managed by this wizard",
                Fix(
                    "set installation.release to another name; or, to take it over: "
                    f"{label}{last.number} {MANAGED_BY_LABEL}"
                    + (f" {OWNER_ANNOTATION}={self._mark}" if self._mark else ""),
                    "installation.release",
                ),
            )
        owner = judge_revision(last, self._target)
        if owner.whose == "another's":
            secret = f"secret sh.helm.release.v1.{self._name}.v{last.number}"
            label = f"kubectl -n {self._namespace} label --overwrite {secret}"
            keep = f"{OWNER_ANNOTATION}={self._mark}" if self._mark else f"{OWNER_ANNOTATION}-"
            return StepStatus(
                "blocked",
                f"{shown} exists already and belongs to another installation or repository",
                Fix(
                    "set installation.release to another name; or, if the repository has moved: "
                    f"{label} {keep}",
                    "installation.release",
                ),
            )
        if not owner.is_ours:
            secret = f"secret sh.helm.release.v1.{self._name}.v{last.number}"
            mine = (
                f"kubectl -n {self._namespace} label {secret} {OWNER_ANNOTATION}={self._mark}"
                if self._mark
                else "airflow-wizard set repository.source=HOST/PATH, which names this repository"
            )
            return StepStatus(
                "blocked",
                f"{shown} exists already and {owner.reason}",
                Fix(
                    "set installation.release to another name; or, if this repository installed "
                    f"it: {mine}",
                    "installation.release",
                ),
            )
        if last.status == "uninstalling":
            return StepStatus(
                "blocked", f"{shown} is being uninstalled", Fix("wait until it is gone")
            )
        if not last.is_pending:
            return None
        if is_recoverable(found):
            return StepStatus(
                "wanted",
                f"{shown} was left by an interrupted run: it is completed first "
                f"(helm rollback {self._name} {last.number}), then upgraded",
            )
        return StepStatus(
            "blocked",
            f"{shown} is locked by another helm that is running or has died",
            Fix(
                "wait until it ends; if it is not running any more: "
                f"helm -n {self._namespace} rollback {self._name} {last.number}, then run apply "
                "again"
            ),
        )

    async def _compare_revision(self, last: Revision) -> StepStatus:
        history = await self._helm.history(self._name, self._namespace)
        entry = next((one for one in history if one.revision == last.number), None)
        if entry is None:
            return StepStatus("wanted", "the release changed while its history was read")
        shown = f"release {self._name}, revision {entry.revision}"
        if entry.status != "deployed":
            return StepStatus(
                "wanted", f"{shown} is {entry.status}: {sanitize_message(entry.description)}"
            )
        chart = f"{CHART_NAME}-{self._target.release.chart}"
        if entry.chart != chart:
            return StepStatus(
                "wanted", f"{shown} has chart {sanitize_message(entry.chart)}, not {chart}"
            )
        noted = _VALUES_DIGEST.search(entry.description)
        if noted is None or noted[1] != self._digest:
            other = await self._find_differing_keys(last.number)
            if other:
                keys = format_first(other, _SHOWN)
                return StepStatus("wanted", f"{shown} has different values: {keys}")
        if self._target.chart is not None:
            digest = (await self._charts.get()).digest
            if f"chart sha256:{digest}" not in entry.description:
                return StepStatus(
                    "wanted", f"{shown} was installed from a different copy of the chart"
                )
        return StepStatus("holds", f"{shown}: {entry.chart} with the committed values")

    async def _find_differing_keys(self, revision: int) -> list[str]:
        deployed = await self._helm.values(self._name, self._namespace, revision)
        wanted: Mapping[str, object] = read_mapping(self._values.decode(), "values")
        return [sanitize_message(one) for one in find_differing_keys(deployed, wanted)]

    async def change(self) -> str:
        """Complete a revision that an interrupted run left, then upgrade the release."""
        chart = await self._charts.get()
        done = []
        found = await run_in_thread(self._revisions)
        last = await self._wait_until_quiet(found) if found and found[-1].is_pending else None
        done += await run_in_thread(self._delete_finished_jobs)
        if last is not None and last.is_pending:
            done.append(await self._finish_revision(last))
        await self._upgrade(chart)
        made = (await run_in_thread(self._revisions))[-1]
        done.append(f"revision {made.number} of chart {self._target.release.chart}")
        return ", ".join((*done, f"sha256:{chart.digest[:12]}"))

    async def dry_run_change(self) -> str:
        """Return a summary of helm's server-side dry run; nothing is stored."""
        chart = await self._charts.get()
        found = await run_in_thread(self._revisions)
        number = found[-1].number + 1 if found else 1
        if found and found[-1].is_pending:
            return (
                f"helm would complete revision {number - 1}, then upgrade; no dry run before that"
            )
        jobs = await run_in_thread(self._find_finished_jobs)
        done = await self._upgrade(chart, dry_run=True)
        count = len(re.findall(r"^kind: ", done.out, re.MULTILINE))
        first = "".join(f"delete finished Job {one['metadata']['name']}; " for one in jobs)
        return (
            f"{first}helm upgrade --install {self._name} {chart.path.name} would create revision "
            f"{number} with {count} objects (chart sha256:{chart.digest[:12]})"
        )

    async def _upgrade(self, chart: Chart, *, dry_run: bool = False) -> HelmOutput:
        note = f"airflow-wizard {__version__}: values sha256:{self._digest}"
        kind = delivery_kind(self._target.release.delivery)
        marked = f",{OWNER_ANNOTATION}={self._mark}" if self._mark else ""
        marked += "".join(f",{one}" for one in kind.release_labels(self._target.release))
        # With `--description`, a dry run of helm does not print the manifests.
        more = ("--description", f"{note}, chart sha256:{chart.digest}")
        return await self._act(
            "upgrade", "--install", self._name, str(chart.path), "--namespace", self._namespace,
            "--values", "-", "--timeout", f"{HOOK_SECONDS}s",
            "--labels", f"{MANAGED_BY_LABEL},{RUN_LABEL}={uuid.uuid4().hex}{marked}",
            *(("--dry-run=server",) if dry_run else more), stdin=self._values,
        )  # fmt: skip

    async def _act(self, *args: str, stdin: bytes = b"") -> HelmOutput:
        try:
            return await self._helm.act(*args, stdin=stdin, seconds=HOOK_SECONDS + 60.0)
        except WizardError as error:
            found = diagnose([error.message], HELM_RULES, REFUSAL_RULES)
            if found is None:
                raise
            raise WizardError(found.cause, found.fix) from None

    async def _finish_revision(self, last: Revision) -> str:
        """Complete the pending revision of an interrupted run, whose values were committed too."""
        await self._act(
            "rollback", self._name, str(last.number), "--namespace", self._namespace,
            "--timeout", f"{HOOK_SECONDS}s",
        )  # fmt: skip
        return f"completed revision {last.number}, which an interrupted run had left"

    async def _wait_until_quiet(self, found: list[Revision]) -> Revision:
        """Return the last revision after QUIET_SECONDS without a write.

        Raises ConflictError when another helm is working on the release.
        """
        last, since = found[-1], time.monotonic()
        while last.is_pending and time.monotonic() - since < QUIET_SECONDS:
            await asyncio.sleep(min(LOOK_SECONDS, QUIET_SECONDS))
            now = await run_in_thread(self._revisions)
            if not now or (now[-1].is_pending and not is_recoverable(now)):
                raise ConflictError(
                    f"another helm is working on release {self._name}", "wait until it ends"
                )
            if now[-1] != last:
                last, since = now[-1], time.monotonic()
        return last

    def _find_finished_jobs(self) -> list[KubeObject]:
        """Return the finished Jobs that Helm made for this release, not others of their names."""
        found = list_finished_jobs(self._kube, self._target.release)
        return [one for one in found if has_release_mark(one, self._target)]

    def _delete_finished_jobs(self) -> list[str]:
        """Delete finished Jobs: they are immutable and would look like those of the new revision.

        Their TTL would delete them some minutes later anyway; Helm creates them again.
        """
        done = []
        for job in self._find_finished_jobs():
            about = job["metadata"]
            ref = Ref("batch/v1", "Job", about["name"], self._namespace)
            try:
                self._kube.delete(ref, uid=about["uid"], version=about["resourceVersion"])
            except KubeError as error:
                raise explain_error(error) from None
            done.append(f"deleted finished Job {ref.name}")
        return done
