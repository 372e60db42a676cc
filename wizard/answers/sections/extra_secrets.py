"""More Secrets than Airflow's own: where they come from, and where pods use them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from wizard.answers.sections.workloads import Components
from wizard.chart.contract import PULL_SECRET_KEYS
from wizard.formats.types import MountPath, SecretKey, SecretName
from wizard.manifests.contribution import Contribution, EnvVar, Mount
from wizard.questions.section import Model
from wizard.secrets.facts import Fact, FactUse, Form, SecretSpec
from wizard.secrets.references import SecretRef

PULL_KEY = PULL_SECRET_KEYS[0]
_PULL_TYPE = "kubernetes.io/dockerconfigjson"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch

# Folders of the image, and those that decide whether an SSH or TLS connection is verified.
_HOME = "/".join(("", "home", "airflow"))
_SYSTEM_PATHS = (
    "/bin", "/boot", "/dev", "/etc/pki", "/etc/ssh", "/etc/ssl", f"{_HOME}/.config",
    f"{_HOME}/.local", f"{_HOME}/.ssh", "/lib", "/lib64", "/opt/airflow/config",
    "/opt/airflow/dags", "/opt/airflow/logs", "/opt/airflow/plugins", "/proc", "/root",
    "/run/secrets/kubernetes.io", "/sbin", "/sys", "/usr", "/var/run/secrets/kubernetes.io",
)  # fmt: skip


def is_system_path(path: str) -> bool:
    """Return whether a mount at this path would hide what the containers need."""
    return bool(path) and any(
        f"{path}/".startswith(f"{one}/") or one.startswith(f"{path}/") for one in _SYSTEM_PATHS
    )


class ExtraSecret(Model):
    """One Secret: its name, its keys, its source, and its uses."""

    model_config = ConfigDict(serialize_by_alias=True)

    name: SecretName
    source: Literal["store", "existing"] = Field(alias="from")
    keys: list[SecretKey] = Field(default_factory=list)
    values: dict[SecretKey, SecretRef] = Field(default_factory=dict)
    env: Components = Field(default_factory=list)
    mount: MountPath = ""
    pull: bool = False

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: object) -> object:
        """Write the defaults out: the key of a pull secret, and a source for each value."""
        if not isinstance(data, dict):
            return data
        keys, values = data.get("keys"), data.get("values", {})
        if data.get("pull") is True and not keys:
            keys = [PULL_KEY]
        if data.get("from") == "store" and isinstance(keys, list) and isinstance(values, dict):
            asked = {key: {"prompt": True} for key in keys if isinstance(key, str)}
            return {**data, "keys": keys, "values": {**asked, **values}}
        return {**data, "keys": keys} if keys else data

    @model_validator(mode="after")
    def _agree(self) -> ExtraSecret:
        stored = self.source == "store"
        if stored and not self.keys:
            raise ValueError("name the keys that the store has for it, such as keys: [PASSWORD]")
        if len(set(self.keys)) != len(self.keys):
            raise ValueError("name each key once")
        if self.pull and PULL_KEY not in self.keys:
            raise ValueError(f"a pull secret has the key {PULL_KEY}: add it to keys")
        if is_system_path(self.mount):
            raise ValueError(
                f"do not mount it at {self.mount}, which the containers need themselves: use a "
                "folder of its own, such as /opt/airflow/secrets"
            )
        if self.values and not stored:
            raise ValueError("remove values: somebody else makes this Secret (from: existing)")
        if not set(self.values) <= set(self.keys):
            raise ValueError("values has a key that keys does not list")
        if self.components and not (self.keys and all(_VARIABLE(key) for key in self.keys)):
            raise ValueError(
                "with env for single components, each key is the name of a variable: name the "
                "keys, with letters, digits and underscores only"
            )
        return self

    @property
    def components(self) -> tuple[str, ...]:
        """Return the components that get the keys as variables; none if all get them."""
        return () if "all" in self.env else tuple(self.env)

    @property
    def references(self) -> dict[str, SecretRef]:
        """Return the source of the value of each key, if the value comes from the store."""
        return self.values

    def fact(self, key: str) -> Fact:
        """Return the fact behind one key of a Secret from the store."""
        reference = self.values[key]
        form = Form.PASSWORD if reference.kind == "generate" else Form.TEXT
        return Fact(name_fact(self.name, key), form, f"{key} of {self.name}", "", reference)


def name_fact(name: str, key: str) -> str:
    """Return the key in the payload for a key of one more Secret.

    `aws-creds` and `AWS_KEY` give `extraAwsCreds_AWS_KEY`: a name that Go templates read by a dot.
    """
    words = (word[:1].upper() + word[1:] for word in re.split(r"[-.]", name))
    return f"extra{''.join(words)}_{re.sub(r'[^A-Za-z0-9_]', '_', key)}"


def check_names(extra: Sequence[ExtraSecret]) -> None:
    """Raise ValueError if two Secrets have one name, or two keys one place in the payload."""
    names = [one.name for one in extra]
    if len(set(names)) != len(names):
        raise ValueError("two Secrets have the same name")
    facts = [name_fact(one.name, key) for one in extra if one.source == "store" for key in one.keys]
    if len(set(facts)) != len(facts):
        raise ValueError("two keys would have the same name in the store: rename one of them")


def contribute_extra(extra: Sequence[ExtraSecret]) -> Contribution:
    """Return the Secrets from the store, those that exist, and the settings that use them."""
    stored = [one for one in extra if one.source == "store"]
    settings: dict[str, object] = {}
    everywhere = [one.name for one in extra if "all" in one.env]
    if everywhere:
        settings["extraEnvFrom"] = "".join(
            f"- secretRef:\n    name: {name}\n" for name in everywhere
        )
    return Contribution(
        settings=settings,
        env=tuple(
            EnvVar(key, secret=one.name, key=key, components=one.components)
            for one in extra
            if one.components
            for key in one.keys
        ),
        secrets=tuple(_build_secret(one) for one in stored),
        existing_secrets={one.name: tuple(one.keys) for one in extra if one.source == "existing"},
        pull_secrets=tuple(one.name for one in extra if one.pull),
        mounts=tuple(
            Mount(f"secret-{number}", path=one.mount, secret=one.name)
            for number, one in enumerate(extra, 1)
            if one.mount
        ),
    )


def _build_secret(one: ExtraSecret) -> SecretSpec:
    kind = _PULL_TYPE if one.keys == [PULL_KEY] else "Opaque"
    keys = {key: (FactUse(one.fact(key)),) for key in one.keys}
    # A folder of their own: no name can collide with a file of the installation's other objects.
    return SecretSpec(one.name, keys, purpose="named in secrets.extra", type=kind, folder="extra")
