"""Makes the Secrets in the cluster from their values: creates what is missing, replaces no value.

A key that the wizard composed follows its values and the answers. One that somebody else has
changed is left alone. Every request names the version of the object that was looked at.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import FieldsOwnedError, KubeConflictError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import seal_text
from wizard.errors import ConflictError, Fix, RefusedError
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.manifests.objects import object_metadata
from wizard.manifests.ownership import Ownership, source_manager
from wizard.manifests.templates import compose_keys
from wizard.stores.kubernetes.steps import SECRETS
from wizard.stores.live import Composition
from wizard.systems.cluster.source import judge_object

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.secrets.facts import Fact, SecretSpec
    from wizard.secrets.payload import Payload

_ROUNDS = 2


def judge_secret(found: KubeObject, own: str) -> Ownership:
    """Return whose a Secret is; without a source of ours, the wizard's label is enough."""
    owner = judge_object(found, own)
    if not own and owner.whose == "unknown":
        return Ownership("ours", owner.reason)
    return owner


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A Secret compared with what its values compose; every key is in one group at most.

    `stale` keys are ours and differ, `kept` ones differ and somebody else changed them, and
    `waiting` are the values that the payload does not have yet.
    """

    spec: SecretSpec
    texts: Mapping[str, str]
    found: KubeObject | None
    owner: Ownership
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def needs_write(self) -> bool:
        return bool(self.missing or self.stale)

    @property
    def line(self) -> str:
        """What is to be done, without a value."""
        name = self.spec.name
        if self.found is None:
            return f"create Secret {name}: {', '.join(self.spec.keys)}"
        parts = [f"add {', '.join(self.missing)}"] if self.missing else []
        parts += [f"compose {', '.join(self.stale)} again"] if self.stale else []
        return f"Secret {name}: {', '.join(parts)}"


class SecretsComposer:
    """The Secrets of one installation in its namespace; see `wizard.stores.live.Composer`."""

    def __init__(
        self, kube: Kube, release: Release, secrets: Sequence[SecretSpec], step: str = SECRETS.id
    ) -> None:
        self._kube = kube
        self._release = release
        self._secrets = tuple(secrets)
        self._step = step
        self._manager = source_manager(release.owner_id)

    def look(self, payload: Payload) -> Composition:
        """Return what is to be done; raise RefusedError for a Secret of another installation."""
        return self._describe([self._compare(one, payload) for one in self._secrets])

    def compose(
        self, payload: Payload, agreed: str = "", *, dry_run: bool = False
    ) -> tuple[str, ...]:
        """Create the missing Secrets and keys; return what was done, a line each.

        Raises RefusedError if a Secret of others is to be changed that `agreed` is not the yes to.
        """
        shown = self.look(payload)
        if shown.question and shown.seal != agreed:
            raise _unconfirmed(shown)
        return tuple(
            line for one in self._secrets if (line := self._write(one, payload, agreed, dry_run))
        )

    def _describe(self, found: Sequence[_Comparison]) -> Composition:
        wanted = [one for one in found if one.needs_write]
        asked = [one for one in wanted if one.found is not None and not one.owner.is_ours]
        for one in asked:
            if one.owner.is_proven_foreign:
                raise RefusedError(
                    f"Secret {one.spec.name} lacks {', '.join(one.missing)}, and it "
                    f"{escape_unprintable(one.owner.reason)}; nothing was written",
                    Fix("set installation.release to another name", "installation.release"),
                )
        question = "; ".join(
            f"Secret {one.spec.name} {escape_unprintable(one.owner.reason)}, and lacks "
            f"{', '.join(one.missing)}"
            for one in asked
        )
        seal = seal_text("\n".join(_identify(one) for one in asked))
        return Composition(
            tuple(one.line for one in wanted),
            tuple(_list_notes(found)),
            f"{question}: add them as this installation's?" if asked else "",
            f"{self._step}@{seal}" if asked else "",
        )

    def _compare(self, spec: SecretSpec, payload: Payload) -> _Comparison:
        found = self._kube.get(Ref("v1", "Secret", spec.name, self._release.namespace))
        own = self._release.owner_id
        owner = judge_secret(found, own) if found else Ownership("ours", "is created here")
        waiting = tuple(fact.key for fact in payload.missing(spec.facts))
        held = _read_data(found)
        texts = {} if waiting else compose_keys(spec, lambda fact: _require(payload, fact))
        missing = tuple(key for key in spec.keys if key not in held)
        different = [key for key, text in texts.items() if held.get(key, text) != text]
        follows = owner.is_ours and found is not None
        stale = tuple(key for key in different if follows and self._is_composed(found, key))
        kept = tuple(key for key in different if key not in stale)
        return _Comparison(spec, texts, found, owner, missing, stale, kept, waiting)

    def _is_composed(self, found: KubeObject | None, key: str) -> bool:
        """Return whether nobody but this wizard wrote a key."""
        return list_key_managers(found or {}, key) == {self._manager}

    def _write(self, spec: SecretSpec, payload: Payload, agreed: str, dry_run: bool) -> str:
        for _ in range(_ROUNDS):
            one = self._compare(spec, payload)
            shown = self._describe([one])
            if not one.needs_write or one.waiting:
                return ""
            if shown.question and not agreed:
                raise _unconfirmed(shown)
            try:
                self._kube.apply(self._manifest(one), manager=self._manager, dry_run=dry_run)
            except FieldsOwnedError:
                # A repeat would end the same: these fields stay with their owners.
                raise
            except KubeConflictError:
                continue
            verb = "created" if one.found is None else "changed"
            return f"{verb} Secret {spec.name}"
        raise ConflictError(
            f"Secret {spec.name} is being changed by somebody else; not changed",
            "run this again, which continues",
        )

    def _manifest(self, one: _Comparison) -> KubeObject:
        """Return the object as this field manager applies it.

        Keys that only this manager owns are sent again, or the API server would remove them.
        """
        found, spec = one.found, one.spec
        about = object_metadata(self._release, spec.name)
        about["labels"] |= spec.labels
        held = _read_raw(found)
        data = {
            key: text
            for key, text in held.items()
            if self._manager in list_key_managers(found or {}, key)
        }
        for key in (*one.missing, *one.stale):
            data[key] = base64.b64encode(one.texts[key].encode()).decode()
        if found is not None:
            about["resourceVersion"] = found["metadata"]["resourceVersion"]
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": about}
        return {**manifest, "type": (found or {}).get("type") or spec.type, "data": data}


def _unconfirmed(shown: Composition) -> RefusedError:
    return RefusedError(
        f"{shown.question.removesuffix('?')}: not confirmed; not changed",
        "run this again, which asks about it",
    )


def _identify(one: _Comparison) -> str:
    about = (one.found or {}).get("metadata", {})
    return f"{one.spec.name} {about.get('uid')} {', '.join(one.missing)}"


def _list_notes(found: Sequence[_Comparison]) -> Iterator[str]:
    for one in found:
        if one.kept:
            who = sorted(
                {name for key in one.kept for name in list_key_managers(one.found or {}, key)}
            )
            writers = format_first([escape_unprintable(name) for name in who]) or "somebody else"
            yield (
                f"kept: {', '.join(one.kept)} of Secret {one.spec.name}, written by {writers}, "
                "differs from what its values compose; to compose it again, delete the key, and "
                "run this again"
            )


def list_key_managers(found: Mapping[str, Any], key: str) -> set[str]:
    """Return the field managers that own a key of a Secret."""
    return {
        str(entry.get("manager"))
        for entry in (found.get("metadata") or {}).get("managedFields") or []
        for part in ("f:data", "f:stringData")
        if f"f:{key}" in ((entry.get("fieldsV1") or {}).get(part) or {})
    }


def _read_raw(found: KubeObject | None) -> dict[str, str]:
    return dict((found or {}).get("data") or {})


def _read_data(found: KubeObject | None) -> dict[str, str]:
    """Return the decoded data; bytes that are no text become replacement characters."""
    return {
        key: base64.b64decode(text).decode("utf-8", "replace")
        for key, text in _read_raw(found).items()
    }


def _require(payload: Payload, fact: Fact) -> str:
    value = payload.get(fact)
    if value is None:
        raise KeyError(fact.key)
    return value
