"""Append the SSH host keys of the config repository's host to those that Argo CD trusts.

All repositories of Argo CD share the list, so it is never replaced, and only keys with evidence in
the answers are added. An annotation records the lines that an installation has added, and only
those lines are removed. Source: facts on Argo CD (Repo credentials and known hosts).
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import FIELD_MANAGER, Kube, KubeObject, Ref
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.argocd.steps import KNOWN_HOSTS
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import ConflictError, Fix, WizardError
from wizard.formats.addresses import parse_git_url
from wizard.formats.terminal import escape_unprintable
from wizard.hostkeys.keys import known_hosts_name
from wizard.systems.argocd.controller import (
    look_at_controller,
    name_controller,
    require_controller,
)
from wizard.systems.cluster.objects import explain_error
from wizard.workspace.config_host_keys import verified_known_hosts

if TYPE_CHECKING:
    from wizard.systems.target import Target

CONFIG_MAP = "argocd-ssh-known-hosts-cm"
DATA_KEY = "ssh_known_hosts"
_ROUNDS = 3


def build_known_hosts_steps(target: Target) -> tuple[Step, ...]:
    """Return the step that appends the keys, if Argo CD reads the repository over SSH."""
    argo = argocd_answers(target.answers.delivery)
    if parse_git_url(argo.repo_url).scheme != "ssh":
        return ()
    hosts = _KnownHosts(
        argo.namespace,
        format_repository_host(argo.repo_url),
        _verified(target),
        known_hosts_recorder(target),
    )
    known = declared_step(
        KNOWN_HOSTS,
        name_controller(target.argocd),
        lambda: look_at_controller(target.argocd, hosts.look),
        (lambda: run_in_thread(lambda: hosts.change(require_controller(target.argocd))))
        if hosts.lines
        else None,
        (lambda: run_in_thread(lambda: hosts.dry_run_change(require_controller(target.argocd))))
        if hosts.lines
        else None,
    )
    return (known,)


def format_repository_host(url: str) -> str:
    """Return the host of an SSH repository in known_hosts form."""
    location = parse_git_url(url)
    return known_hosts_name(location.host, location.port)


def _verified(target: Target) -> tuple[str, ...]:
    """Return the known_hosts lines with verified keys for the config repository's host and port."""
    return tuple(line for line in verified_known_hosts(target.answers).splitlines() if line.strip())


@dataclass(frozen=True, slots=True)
class _KnownHosts:
    """The shared known_hosts text in Argo CD's namespace, and this installation's lines."""

    namespace: str
    name: str
    lines: tuple[str, ...]
    recorder: str

    @property
    def ref(self) -> Ref:
        return Ref("v1", "ConfigMap", CONFIG_MAP, self.namespace)

    def look(self, kube: Kube) -> StepStatus:
        try:
            text = read_known_hosts(self._read(kube))
        except KubeError as error:
            if error.kind != "forbidden":
                raise explain_error(error) from None
            return self._unreadable_status()
        if _revoked_keys(text) & {tuple(line.split()[1:3]) for line in self.lines}:
            return StepStatus(
                "blocked",
                f"Argo CD's list revokes a verified key of {self.name}",
                Fix("ask Argo CD's admin who revoked it, and verify the host's keys again"),
            )
        if not self.lines:
            return self._check_without_keys(text)
        missing = self.missing(text)
        if not missing:
            return StepStatus(
                "holds", f"Argo CD has all {len(self.lines)} verified keys of {self.name}"
            )
        return StepStatus(
            "wanted", f"{len(missing)} of {len(self.lines)} keys of {self.name} are missing",
            diff=_diff_lines(text, missing),
        )  # fmt: skip

    def change(self, kube: Kube) -> str:
        """Append the missing lines, only if the list did not change since it was read."""
        for _ in range(_ROUNDS):
            found = self._read(kube)
            missing = self.missing(read_known_hosts(found))
            if not missing:
                return "somebody else added them in the meantime"
            try:
                kube.replace(self._build_replacement(found, missing))
            except KubeConflictError as error:
                if error.reason != "Conflict":
                    raise
                continue
            except KubeError as error:
                raise self._explain_refusal(error) from None
            return f"appended {len(missing)} lines to {self.ref}{_ownership_note(found)}"
        raise ConflictError(
            f"{self.ref} was changed by somebody else {_ROUNDS} times in a row",
            "run it again later",
        )

    def dry_run_change(self, kube: Kube) -> str:
        found = self._read(kube)
        missing = self.missing(read_known_hosts(found))
        try:
            kube.replace(self._build_replacement(found, missing), dry_run=True)
        except KubeError as error:
            raise self._explain_refusal(error) from None
        return f"the API server would accept {len(missing)} more lines in {self.ref}"

    def missing(self, text: str) -> list[str]:
        there = {tuple(entry) for entry in _entries(text, self.name)}
        return [line for line in self.lines if tuple(line.split()[1:3]) not in there]

    def _build_replacement(self, found: KubeObject, missing: Sequence[str]) -> KubeObject:
        added = [*read_added_lines(found, self.recorder), *missing]
        return build_config_map(
            found, _append_lines(read_known_hosts(found), missing), self.recorder, added
        )

    def _read(self, kube: Kube) -> KubeObject:
        found = kube.get(self.ref)
        if found is None:
            raise WizardError(
                f"{self.ref} does not exist; Argo CD may run in a different namespace",
                Fix(
                    "set delivery.argocd.namespace, or name the context of Argo CD's cluster",
                    "delivery.argocd.namespace",
                ),
            )
        return found

    def _check_without_keys(self, text: str) -> StepStatus:
        if _entries(text, self.name):
            return StepStatus(
                "holds", f"Argo CD has keys of {self.name}; the answers have no verified ones"
            )
        return StepStatus(
            "unknown",
            f"Argo CD has no key of {self.name}, and the answers have no verified one to add",
            Fix(
                f"verify the keys of {self.name} in delivery.argocd.host_keys, or ask Argo CD's "
                f"admin to verify them and add them to {self.ref}",
                "delivery.argocd.host_keys",
            ),
        )

    def _unreadable_status(self) -> StepStatus:
        fix = Fix(f"ask Argo CD's admin to append the missing lines to {DATA_KEY} of {self.ref}")
        lines = "\n".join(f"+{line}" for line in self.lines)
        return StepStatus("unknown", f"no permission to read {self.ref}", fix, lines)

    def _explain_refusal(self, error: KubeError) -> WizardError:
        if error.kind == "forbidden":
            return WizardError(error.message, self._unreadable_status().fix)
        return explain_error(error)


def _revoked_keys(text: str) -> set[tuple[str, ...]]:
    """Return type and key of each @revoked line, whatever hosts it names.

    The hosts may be a wildcard or a hash, and a leaked key cannot prove the identity of any host.
    """
    lines = (line.split() for line in text.splitlines())
    return {tuple(words[2:4]) for words in lines if words[:1] == ["@revoked"]}


def _entries(text: str, name: str) -> list[tuple[str, ...]]:
    """Return type and key of each line for this host.

    Hashed host names are not recognised, so a line may be added twice, which is harmless.
    """
    lines = (line.split() for line in text.splitlines())
    return [
        (words[1], words[2])
        for words in lines
        if len(words) > 2 and name in words[0].lower().split(",")
    ]


def read_known_hosts(found: Mapping[str, Any]) -> str:
    """Return the known_hosts text of the ConfigMap."""
    return str((found.get("data") or {}).get(DATA_KEY) or "")


def _append_lines(text: str, missing: Iterable[str]) -> str:
    start = text if not text or text.endswith("\n") else f"{text}\n"
    return start + "".join(f"{line}\n" for line in missing)


def known_hosts_recorder(target: Target) -> str:
    """Return who records lines: the source, because two repositories may use the same names."""
    return target.release.owner_id


def _note(recorder: str) -> str:
    """Return the recorder's annotation key, with the name hashed because it may be too long."""
    return f"{FIELD_MANAGER}/known-hosts-{hashlib.sha256(recorder.encode()).hexdigest()[:16]}"


def read_added_lines(found: Mapping[str, Any], recorder: str) -> tuple[str, ...]:
    """Return the lines that this recorder has added, from its annotation."""
    notes = found["metadata"].get("annotations") or {}
    return tuple(str(notes.get(_note(recorder)) or "").splitlines())


def build_config_map(
    found: KubeObject, text: str, recorder: str, added: Sequence[str]
) -> KubeObject:
    """Return the ConfigMap with this text, and `added` recorded as the recorder's lines."""
    about = {k: v for k, v in found["metadata"].items() if k != "managedFields"}
    notes = {k: v for k, v in (about.get("annotations") or {}).items() if k != _note(recorder)}
    if added:
        notes[_note(recorder)] = "\n".join(added)
    return {
        **found,
        "metadata": {**about, "annotations": notes},
        "data": {**(found.get("data") or {}), DATA_KEY: text},
    }


def _diff_lines(text: str, missing: Iterable[str]) -> str:
    old, new = text.splitlines(), _append_lines(text, missing).splitlines()
    lines = difflib.unified_diff(
        old, new, f"{DATA_KEY} (cluster)", f"{DATA_KEY} (with ours)", lineterm=""
    )
    return "\n".join(escape_unprintable(line) for line in lines)


def _ownership_note(found: Mapping[str, Any]) -> str:
    """Return a note if Helm or Argo CD manages the list and may remove the lines."""
    about = found["metadata"]
    notes, labels = about.get("annotations") or {}, about.get("labels") or {}
    if labels.get("app.kubernetes.io/managed-by") == "Helm" or "meta.helm.sh/release-name" in notes:
        return "; Helm manages it, so also add them to Argo CD's values (configs.ssh.extraHosts)"
    if any(name.startswith("argocd.argoproj.io/tracking") for name in notes):
        return "; Argo CD syncs it from Git, so also add them there"
    return ""
