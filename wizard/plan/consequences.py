"""What a change does to the running system: a grade, a name and a sentence for each consequence.

Questions declare the effects of their changes. The restarts follow from the Helm values, by the
chart's table; Secrets and volumes that Git no longer describes follow from the deleted files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.answers.files import dump_value
from wizard.answers.questions import field_specs
from wizard.chart.pod_template import TEMPLATE
from wizard.chart.restarts import (
    VOLUME_KEEPERS,
    find_fixed_volumes,
    find_restarts,
    is_read_by_jobs_only,
    list_workloads,
)
from wizard.chart.volumes import (
    ARGOCD_KEEP,
    ARGOCD_SYNC,
    CLAIMS,
    HELM_KEEP,
    HELM_POLICY,
    find_refused_claims,
    list_named_claims,
    list_rendered_claims,
)
from wizard.errors import RefusedError, UsageError
from wizard.formats.messages import show_name
from wizard.formats.nested import get_value
from wizard.plan.version_changes import VERSION_CHANGES, describe_version_change
from wizard.questions.effects import GRADES, Grade, needs_consent

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.changes import FileChange
    from wizard.manifests.release import Release
    from wizard.plan.render import Rendering


@dataclass(frozen=True, slots=True)
class Consequence:
    """One consequence; `name` is what `--accept` takes, `text` one or more sentences.

    `needs_backup`: a commit also needs evidence of a backup of the database.
    """

    name: str
    grade: Grade
    text: str
    needs_backup: bool = False

    @property
    def needs_consent(self) -> bool:
        """Whether a commit needs a yes to exactly this consequence."""
        return needs_consent(self.grade)

    def to_json(self) -> dict[str, object]:
        """Return the consequence for `plan --json`."""
        return {
            "name": self.name,
            "grade": self.grade,
            "text": self.text,
            "accept": self.needs_consent,
            "backup": self.needs_backup,
        }

    def __str__(self) -> str:
        return f"{self.grade} ({self.name}): {self.text}"


# Consequences that no question declares.
_DERIVED = (
    "restart", "database-restart", "running-tasks", "task-pods", "secrets-change", "left-behind",
    "volume-deleted", "image-of-pipeline", "unknown", *VERSION_CHANGES,
)  # fmt: skip
UNKNOWN = Consequence(
    "unknown",
    "interrupt",
    "This version cannot read the committed answers, so it cannot tell what the change does to the "
    "running system: read the changes of the files.",
)


@dataclass(frozen=True, slots=True)
class Installed:
    """The installation before the change: its answers and their rendering."""

    answers: Answers
    rendering: Rendering


def derive_consequences(
    before: Installed, after: Installed, changes: Sequence[FileChange]
) -> tuple[Consequence, ...]:
    """Return the consequences of a change, the most severe first; pure.

    `changes` are the merged files, so a hand edit that is kept has no consequence. A new system is
    not restarted, so nothing is said about restarts.
    """
    values = find_values(before.rendering, changes)
    found = [*_effects(before.answers, after.answers), *_left_behind(before, after, values)]
    if not is_new_system(found):
        found += _restarts(before, after, values)
        found += _changed_secrets(after.rendering.release, values, changes)
        found += _unused_image(before.rendering, after.rendering)
        changed = describe_version_change(before.rendering, after.rendering, values.old, values.new)
        found += (Consequence(name, "none", text) for name, text in changed)
    by_name: dict[str, Consequence] = {}
    for one in found:
        by_name.setdefault(one.name, one)
    return tuple(sorted(by_name.values(), key=lambda one: -GRADES.index(one.grade)))


def require_known_names(accepted: Iterable[str], consequences: Sequence[Consequence]) -> list[str]:
    """Return the accepted names that none of these consequences has.

    Raises UsageError for a name that no change at all has.
    """
    present = [one.name for one in consequences]
    known = {effect.name for item in field_specs() for effect in item.ask.effects}
    volumes = (f"volume-of-{name}" for name in (*VOLUME_KEEPERS, *CLAIMS))
    known |= {*_DERIVED, *volumes, *present}
    absent = [name for name in accepted if name not in present]
    for name in absent:
        if name not in known:
            needed = [one.name for one in consequences if one.needs_consent]
            raise UsageError(
                f"--accept {show_name(name, known) or '(an unknown name)'}: no consequence has "
                "this name",
                f"this change needs: {', '.join(needed)}"
                if needed
                else "leave it out: this change needs no --accept",
            )
    return absent


def require_accepted(
    consequences: Sequence[Consequence], accepted: Iterable[str], backup: str = ""
) -> None:
    """Raise RefusedError for consequences that need a yes and are not in `accepted`.

    `backup` is the evidence of a backup of the database; a migration is refused without it.
    """
    wanted = frozenset(accepted)
    missing = [one for one in consequences if one.needs_consent and one.name not in wanted]
    options = [f"--accept {one.name}" for one in missing]
    lacks_backup = not backup and any(one.needs_backup for one in consequences)
    if lacks_backup:
        options.append("--backup DATE|FILE, which names a backup of the database")
    if missing:
        lines = "\n".join(f"  {one}" for one in missing)
        raise RefusedError(
            f"this change needs a yes of its own:\n{lines}",
            f"if that is what you want, add {' '.join(options)}",
        )
    if lacks_backup:
        raise RefusedError(
            "this change migrates the database, and no backup of it is named",
            f"back the database up, then add {options[0]}",
        )


def _effects(before: Answers, after: Answers) -> Iterator[Consequence]:
    for item in field_specs(type(after)):
        if not item.ask.effects or not (item.applies(before) and item.applies(after)):
            continue
        old = dump_value(get_value(before, item.path))
        new = dump_value(get_value(after, item.path))
        if old == new:
            continue
        for effect in item.ask.effects:
            if effect.applies(old, new):
                text = effect.text.replace("{old}", str(old)).replace("{new}", str(new))
                yield Consequence(effect.name, effect.grade, text, effect.needs_backup)


def _restarts(before: Installed, after: Installed, values: ChangedValues) -> Iterator[Consequence]:
    release = after.rendering.release
    running = list_workloads(values.old, before.rendering.release.airflow)
    stay = list_workloads(values.new, release.airflow)
    hit = find_restarts(values.old, values.new, local=release.local, task_pods=release.kubernetes)
    if before.rendering.release.chart != release.chart:
        hit = frozenset(running)
    names = [name for name in running if name in stay and name in hit]
    if names:
        text = f"These restart: {', '.join(names)}."
        if "worker" in names:
            text += " Workers finish their tasks first, for 10 minutes at most."
        yield Consequence("restart", "restart", text)
    if "postgresql" in names:
        text = "The bundled PostgreSQL restarts: until it runs again, tasks that need it fail."
        yield Consequence("database-restart", "interrupt", text)
    if "scheduler" in names and release.local:
        text = "Tasks run in the scheduler, and end when it restarts."
        yield Consequence("running-tasks", "interrupt", text)
    if release.kubernetes and values.old.get(TEMPLATE) != values.new.get(TEMPLATE):
        text = "Task pods that start from now on follow the other template; running ones stay."
        yield Consequence("task-pods", "none", text)
    local = release.local and before.rendering.release.local
    for name in find_fixed_volumes(values.old, values.new, local=local):
        if name in running and name in stay:
            yield _fixed_volume(release, name)
    for name, what in find_refused_claims(values.old, values.new, release.names.release).items():
        yield _refused_claim(release, name, what)


def _refused_claim(release: Release, name: str, what: str) -> Consequence:
    claim = f"{release.names.release}-{name}"
    return Consequence(
        f"volume-of-{name}",
        "data",
        f"Kubernetes refuses {what}, and the delivery stops there. Copy what you need, then delete "
        f"the claim with its volume: `kubectl -n {release.namespace} delete pvc {claim}`.",
    )


def _fixed_volume(release: Release, name: str) -> Consequence:
    target = f"{release.names.fullname}-{name}"
    return Consequence(
        f"volume-of-{name}",
        "interrupt",
        f"Kubernetes refuses to change the volume of StatefulSet {target}: delete it first with "
        f"`kubectl -n {release.namespace} delete statefulset {target} --cascade=orphan`. Existing "
        "volumes keep their size.",
    )


def _unused_image(before: Rendering, after: Rendering) -> Iterator[Consequence]:
    """Yield that another image in the answers is not the one that runs."""
    path, image = after.release.image_values, after.total.image
    if not (path and before.release.image_values) or image is None or image == before.total.image:
        return
    yield Consequence(
        "image-of-pipeline",
        "none",
        f"Another image changes nothing that runs: Helm installs the one in {path}, which only the "
        f"image pipeline changes. To run {image.repository}:{image.tag}, let the pipeline write it "
        "there, or change that file and commit it.",
    )


def _changed_secrets(
    release: Release, values: ChangedValues, changes: Iterable[FileChange]
) -> Iterator[Consequence]:
    """Yield that composed Secrets change, which running pods do not notice."""
    names = [
        change.logical.removeprefix("secrets/")
        for change in changes
        if change.kind == "modify"
        and change.logical.startswith("secrets/")
        and _has_new_content(change)
    ]
    read = [name for name in names if not is_read_by_jobs_only(values.new, name)]
    if read:
        yield Consequence("secrets-change", "restart", _secrets_text(release, read))


def _has_new_content(change: FileChange) -> bool:
    """Return whether an ExternalSecret changes more than its metadata."""
    old, new = _load(change.old), _load(change.new)
    return new.get("kind") == "ExternalSecret" and old.get("spec") != new.get("spec")


def _secrets_text(release: Release, names: Sequence[str]) -> str:
    listed = ", ".join(names)
    if release.reloader:
        return f"These Secrets change, and Reloader restarts the pods that read them: {listed}."
    return (
        f"These Secrets change, but pods read them only when they start: {listed}. Restart them: "
        f"`kubectl -n {release.namespace} rollout restart deployment,statefulset`."
    )


def _left_behind(
    before: Installed, after: Installed, values: ChangedValues
) -> Iterator[Consequence]:
    """Yield what stays in the cluster although Git no longer describes it, with commands."""
    release = before.rendering.release
    commands = []
    gone = _dropped_secrets(before.rendering, after.rendering)
    delete = f"kubectl -n {release.namespace} delete externalsecret"
    # An ExternalSecret owns its Secret, and the cluster deletes both.
    read = [name for name in gone if name in after.rendering.total.existing_secrets]
    if read:
        note = "keeps their Secrets, which Airflow still reads"
        commands.append(f"{delete} {' '.join(read)} --cascade=orphan   # {note}")
    if unread := [name for name in gone if name not in read]:
        commands.append(f"{delete} {' '.join(unread)}")
    stopped = set(list_workloads(values.old, release.airflow)) - set(
        list_workloads(values.new, after.rendering.release.airflow)
    )
    commands += [
        f"kubectl -n {release.namespace} delete pvc {_volumes_of(release, name)}"
        for name in sorted(stopped & set(VOLUME_KEEPERS))
    ]
    lost: list[str] = []
    for claim, is_kept in _dropped_claims(before, after, values).items():
        if is_kept:
            commands.append(f"kubectl -n {release.namespace} delete pvc {claim}")
        else:
            lost.append(claim)
    if lost:
        yield _lost_volumes(release, lost)
    if commands:
        listed = "\n".join(f"  {command}" for command in commands)
        text = f"These stay in the cluster until you delete them:\n{listed}"
        yield Consequence("left-behind", "data", text)


def _volumes_of(release: Release, name: str) -> str:
    """Return what `kubectl delete pvc` takes for the claims of a StatefulSet."""
    if name == "postgresql":
        # A chart of its own, with other labels.
        return f"data-{release.names.release}-postgresql-0"
    return f"-l tier=airflow,release={release.names.release},component={name}"


def _dropped_claims(before: Installed, after: Installed, values: ChangedValues) -> dict[str, bool]:
    """Return the claims that the chart no longer renders: whether each outlives the change.

    Argo CD prunes what the old release had. Helm leaves an old release alone, with its claims. A
    claim that stays and that the new values name as existing is still in use.
    """
    old, new = before.rendering.release, after.rendering.release
    moved = (old.namespace, old.names.release) != (new.namespace, new.names.release)
    found = list_rendered_claims(values.old, old.names.release, gitops=old.gitops)
    stay = {} if moved else list_rendered_claims(values.new, old.names.release, gitops=old.gitops)
    dropped = {
        claim: is_kept or (moved and not old.gitops)
        for claim, is_kept in found.items()
        if claim not in stay
    }
    used = list_named_claims(values.new) if old.namespace == new.namespace else frozenset()
    return {claim: is_kept for claim, is_kept in dropped.items() if not (is_kept and claim in used)}


def _lost_volumes(release: Release, claims: Sequence[str]) -> Consequence:
    """Return the consequence for claims that the delivery deletes: nothing protects them."""
    note = f"{ARGOCD_SYNC}={ARGOCD_KEEP}" if release.gitops else f"{HELM_POLICY}={HELM_KEEP}"
    listed = " ".join(claims)
    return Consequence(
        "volume-deleted",
        "data",
        f"{'Argo CD' if release.gitops else 'Helm'} deletes {', '.join(claims)} with everything on "
        "the volume. To keep it, run this before you commit: "
        f"`kubectl -n {release.namespace} annotate pvc {listed} {note}`.",
    )


def _dropped_secrets(before: Rendering, after: Rendering) -> list[str]:
    """Return the ExternalSecrets that Git no longer describes; no delivery deletes them."""
    if not before.release.external_secrets:
        return []
    names = [secret.name for secret in before.total.secrets]
    if before.release.namespace != after.release.namespace:
        return names
    kept = {secret.name for secret in after.total.secrets}
    return [name for name in names if name not in kept]


def is_new_system(consequences: Iterable[Consequence]) -> bool:
    """Return whether the change makes a new installation beside the old one."""
    return any(one.grade == "new system" for one in consequences)


@dataclass(frozen=True, slots=True)
class ChangedValues:
    """The Helm values in the repository, before and after the change."""

    old: Mapping[str, Any]
    new: Mapping[str, Any]


def find_values(before: Rendering, changes: Sequence[FileChange]) -> ChangedValues:
    """Return the values before and after the change, which may move the file.

    Without a known file before or after it (in a conflict, say), both are the same.
    """
    by_path = {one.path: one for one in changes}
    there = by_path.get(before.release.paths.values)
    change = next((one for one in changes if one.logical == "values"), None)
    old, new = there.old if there else None, change.new if change else None
    return ChangedValues(_load(old or new), _load(new or old))


def _load(data: bytes | None) -> Mapping[str, Any]:
    """Return the only mapping of a YAML file; an empty one for anything else."""
    from wizard.formats.yaml_untrusted import parse_yaml

    found, _ = parse_yaml("", data or b"")
    first = found[0] if len(found) == 1 else None
    return first if isinstance(first, Mapping) else {}
