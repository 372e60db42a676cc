"""The steps of `apply` and `destroy` with encrypted files, and the checks of `check --live`.

`apply` decrypts the committed files, not those on disk, and creates the Secrets that they hold.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.answers.questions import list_secret_variables
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref, data_keys
from wizard.clients.sops import NoKeyError, NoProgramError, open_sops
from wizard.engine.probes import Probe, fail_result, pass_result, unknown_result, wrap_blocking
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix, RefusedError, WizardError
from wizard.formats.sops_files import SECRET_FIELDS
from wizard.formats.terminal import format_first
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.manifests.objects import COMPOSITION_ANNOTATION
from wizard.plan.render import render
from wizard.secrets.facts import SecretSpec
from wizard.secrets.payload import Payload
from wizard.stores.kubernetes.live.composition import SecretsComposer
from wizard.stores.kubernetes.live.removal import build_secrets_judge
from wizard.stores.sops.live.files import require_sound
from wizard.stores.sops.settings import list_encrypted_files
from wizard.stores.sops.steps import SECRETS
from wizard.systems.cluster.namespace import explain_missing, read_namespace
from wizard.systems.cluster.object_removal import Removal, build_removal_step
from wizard.systems.cluster.ownership import UnknownOwnerStatus, join_judges, kubectl_delete
from wizard.systems.cluster.probes import ClusterCheck

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.engine.probes import ProbeResult
    from wizard.manifests.contribution import EncryptedFile
    from wizard.manifests.release import Release
    from wizard.secrets.facts import Fact
    from wizard.systems.situation import Situation
    from wizard.systems.target import DataKind, Target


class SopsRun:
    """The steps of one run at the encrypted files; see `wizard.stores.live.StoreRun`."""

    login = None

    def __init__(self, target: Target) -> None:
        self._target = target
        self._files = _list_files(target.answers, target.release)

    def build_steps(self) -> tuple[Step, ...]:
        """Return the step that creates the Secrets from the committed files."""
        kube = self._target.kube
        if kube is None:

            def leave() -> StepStatus:
                fix = f"ask its owner to run: airflow-wizard apply --only store {self._name}"
                return StepStatus("unknown", "no kubeconfig context names this cluster", Fix(fix))

            return (declared_step(SECRETS, "cluster", wrap_blocking(leave)),)
        return (
            declared_step(
                SECRETS,
                kube.identity,
                wrap_blocking(lambda: self._look(kube)),
                wrap_blocking(lambda: self._change(kube, dry_run=False)),
                wrap_blocking(lambda: self._change(kube, dry_run=True)),
            ),
        )

    def build_payload_looks(self, facts: Mapping[str, Sequence[Fact]]) -> tuple[Step, ...]:
        """Return no step: that of the Secrets looks at their values."""
        del facts
        return ()

    def build_identity_proof(self) -> tuple[Step, ...]:
        """Return no step: the cluster's identity is proven already."""
        return ()

    def build_removal(self) -> tuple[Step, ...]:
        """Return the step that deletes the Secrets in the cluster; the values stay in Git."""
        target = self._target
        refs = [Ref("v1", "Secret", one.secret, target.release.namespace) for one in self._files]

        keys = {one.secret: one.keys for one in self._files}
        judge = join_judges(
            build_secrets_judge(target.release.owner_id, keys), self._ask_about_uncommitted
        )
        return (
            build_removal_step(
                "destroy.secrets",
                f"Delete the {len(refs)} Secrets; their values stay in Git's history",
                "platform",
                target.kube,
                lambda kube: Removal(kube, lambda: refs, judge, none="no Secret of it exists"),
                left=kubectl_delete(refs),
                agreed=target.agreed,
            ),
        )

    def build_payload_removal(
        self, pieces: Collection[DataKind], own: Mapping[str, frozenset[str]]
    ) -> tuple[Step, ...]:
        """Return no step: the files with the values are removed with the other files."""
        del pieces, own
        return ()

    def build_final_removal(self) -> tuple[Step, ...]:
        """Return no step."""
        return ()

    def _ask_about_uncommitted(self, found: KubeObject, ref: Ref) -> StepStatus | None:
        """Return the question about a Secret that Git does not have; None if it has it.

        After a change of the store, the values of an earlier one may exist in the cluster only.
        """
        logical = {one.secret: one.logical for one in self._files}[ref.name]
        if self._target.files.get(logical) is not None:
            return None
        return UnknownOwnerStatus(
            "blocked",
            f"{ref} has no encrypted file in Git, so its values may exist only there; not deleted",
            Fix(
                f"run: airflow-wizard secrets {self._name}, then commit; to delete it, run: "
                f"{kubectl_delete([ref])}"
            ),
            f"{ref} {found['metadata'].get('uid')} without an encrypted file",
        )

    @property
    def _name(self) -> str:
        return f"--installation {self._target.release.installation}"

    def _look(self, kube: Kube) -> StepStatus:
        missing, stale = self._judge_files()
        if missing or stale:
            what = "has no encrypted file" if missing else "was composed for other answers"
            detail = f"Secret {format_first(missing or stale)} {what}"
            run = f"airflow-wizard secrets {self._name}, then commit and push"
            return StepStatus("blocked", detail, Fix(f"run: {run}"))
        try:
            found = self._composer(kube).look(_NO_VALUES)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return StepStatus("unknown", error.message, error.fix)
        except (NoKeyError, NoProgramError) as error:
            return self._look_without_key(kube, error)
        if found.question and found.seal != f"{SECRETS.id}@{self._agreed}":
            detail = found.question.partition(": add them")[0]
            fix = f"or take over: airflow-wizard apply --take-over {found.seal}"
            return StepStatus("blocked", detail, Fix(f"rename or complete it; {fix}"))
        detail = "; ".join((*found.lines, *found.notes))
        if found.lines and read_namespace(kube, self._target.release.namespace) is None:
            return StepStatus("blocked", *explain_missing(self._target.release))
        if found.lines:
            return StepStatus("wanted", detail)
        first = f"{len(self._files)} Secrets hold their values"
        return StepStatus("holds", "; ".join(filter(None, [first, detail])))

    def _look_without_key(self, kube: Kube, error: WizardError) -> StepStatus:
        """Return that the values are unknown if every Secret is there; else that this run stops."""
        wrong = _find_wrong_keys(kube, self._target.release.namespace, self._files)
        if wrong:
            return StepStatus("blocked", f"{error.message}; {wrong[0]}", error.fix)
        detail = f"the Secrets have their keys; not compared: {error.message}"
        return StepStatus("unknown", detail, error.fix)

    def _judge_files(self) -> tuple[list[str], list[str]]:
        """Return the Secrets without a committed file, and those composed for other answers."""
        missing, stale = [], []
        for one in self._files:
            data = self._target.files.get(one.logical)
            about = _parse(one.path, data or b"").get("metadata") or {}
            if data is None:
                missing.append(one.secret)
            elif (about.get("annotations") or {}).get(COMPOSITION_ANNOTATION) != one.composition:
                stale.append(one.secret)
        return missing, stale

    @property
    def _agreed(self) -> str:
        return self._target.agreed.get(SECRETS.id, "")

    def _change(self, kube: Kube, *, dry_run: bool) -> str:
        agreed = f"{SECRETS.id}@{self._agreed}" if self._agreed else ""
        done = self._composer(kube).compose(_NO_VALUES, agreed, dry_run=dry_run)
        return ", ".join(done) or "nothing to do"

    def _composer(self, kube: Kube) -> SecretsComposer:
        """Return what creates the Secrets exactly as the committed files have them."""
        release = self._target.release
        sops = open_sops(list_secret_variables(self._target.answers))
        secrets = []
        for one in self._files:
            data = self._target.files[one.logical]
            require_sound(one, data, release.installation)
            secrets.append(
                _read_secret(json.loads(sops.decrypt(data, one.path).get_secret_value()))
            )
        return SecretsComposer(kube, release, secrets, SECRETS.id)


# The Secrets of decrypted files hold their texts, so they need no value of a payload.
_NO_VALUES = Payload("", document=False)


def _read_secret(found: Mapping[str, Any]) -> SecretSpec:
    about = found["metadata"]
    texts = {key: text for part in SECRET_FIELDS for key, text in (found.get(part) or {}).items()}
    if not all(isinstance(text, str) for text in texts.values()):
        raise RefusedError(f"Secret {about['name']} has values that are no text", "quote them")
    return SecretSpec(
        about["name"],
        {key: (text,) for key, text in texts.items()},
        type=found.get("type") or "Opaque",
        labels=about.get("labels") or {},
    )


def _parse(path: str, data: bytes) -> Mapping[str, Any]:
    found = [one for one in parse_yaml(path, data)[0] if isinstance(one, Mapping)]
    return found[0] if len(found) == 1 else {}


def _list_files(answers: Answers, release: Release) -> tuple[EncryptedFile, ...]:
    """Return the files of the Secrets, without that of the values."""
    total = render(answers, release.assets).total
    return tuple(one for one in list_encrypted_files(answers.secrets, release, total) if one.secret)


def list_probes(situation: Situation) -> Iterator[Probe]:
    """Yield the probe of whether this machine has the program; it decrypts nothing."""
    del situation

    def look() -> ProbeResult:
        try:
            sops = open_sops()
            sops.require_version()
        except WizardError as error:
            return fail_result(error.message, error.fix)
        return pass_result(f"{sops.identity} encrypts and decrypts")

    yield Probe("sops", "SOPS on this machine", "this machine", wrap_blocking(look))


def list_cluster_checks(kube: Kube, answers: Answers, release: Release) -> Iterator[ClusterCheck]:
    """Yield the check of whether every Secret has its keys; it reads no value."""
    files = _list_files(answers, release)

    def look() -> ProbeResult:
        try:
            wrong = _find_wrong_keys(kube, release.namespace, files)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return unknown_result(error.message, error.fix)
        if not wrong:
            return pass_result(f"{len(files)} Secrets have all keys")
        command = f"airflow-wizard apply --only store --installation {release.installation}"
        return fail_result("; ".join(wrong[:3]), f"run: {command}")

    yield ClusterCheck("secrets", "Secrets and their keys", look)


def _find_wrong_keys(kube: Kube, namespace: str, files: Collection[EncryptedFile]) -> list[str]:
    """Return a sentence for each Secret that does not exist or lacks a key; reads no value."""
    wrong = []
    for one in files:
        found = kube.get(Ref("v1", "Secret", one.secret, namespace), metadata=True)
        if found is None:
            wrong.append(f"Secret {one.secret} does not exist")
        elif missing := sorted(frozenset(one.keys) - data_keys(found)):
            wrong.append(f"Secret {one.secret} has no key {format_first(missing)}")
    return wrong
