"""More repositories of DAGs, each a bundle of its own (Airflow 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo, field_validator, model_validator

from wizard.formats.address_types import GitRef, GitUrl
from wizard.formats.addresses import GitLocation, parse_git_url
from wizard.formats.types import Duration, RepositoryPath, Text
from wizard.manifests.contribution import Contribution, EnvVar, Flow, StepSpec
from wizard.manifests.git_bundles import (
    MAIN_BUNDLE,
    Bundle,
    bundle_connection,
    bundle_variable,
)
from wizard.manifests.release import Release
from wizard.manifests.steps import key_step
from wizard.questions.host_keys import HostKeyEntry
from wizard.questions.section import Model
from wizard.secrets.facts import Fact, Form, SecretSpec
from wizard.secrets.references import BundleLogin, SecretRef


def _check_name(value: str) -> str:
    import re

    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", value) or value == MAIN_BUNDLE:
        raise ValueError(
            "use 1 to 30 lower-case letters, digits and hyphens, starting with a letter; the name "
            f"{MAIN_BUNDLE} is the repository of dags.repo"
        )
    return value


BundleName = Annotated[Text, AfterValidator(_check_name)]


class DagBundle(Model):
    """One more repository: its address, what is read of it, and its own login."""

    name: BundleName
    repo: GitUrl
    ref: GitRef = "main"
    subpath: RepositoryPath = "dags"
    period: Duration = "30s"
    username: Text = ""
    login: BundleLogin | None = None
    # Whether dags.ca.file has the CA of its host; that of dags.repo's host is known anyway.
    ca: bool | None = None
    # None: those of dags.repo at the same host, else those that the host's owner publishes.
    host_keys: list[HostKeyEntry] | None = None

    @field_validator(
        "host_keys", mode="before", json_schema_input_type=str | list[str | HostKeyEntry] | None
    )
    @classmethod
    def _pasted(cls, value: object, info: ValidationInfo) -> object:
        from wizard.hostkeys.paste import normalize_host_keys

        return normalize_host_keys(value, info.data.get("repo"))

    @model_validator(mode="after")
    def _agree(self) -> DagBundle:
        if not self.repo:
            raise ValueError("give the repository: repo, ssh:// or https://")
        if not self.ref:
            raise ValueError("give the branch, tag or commit to follow: ref")
        if self.is_over_ssh:
            if self.login is None:
                raise ValueError(
                    "give a reference to its deploy key, such as login: {generate: true}"
                )
            if self.username:
                raise ValueError("remove username: the address has the user of SSH")
            if self.ca:
                raise ValueError("remove ca: only a repository over HTTPS has a certificate")
        elif self.host_keys:
            raise ValueError("remove host_keys: only a repository over SSH has some")
        elif (self.login is None) != (not self.username):
            raise ValueError("give both username and login, or neither for a public repository")
        if self.login is not None and not self.is_over_ssh:
            if self.login.kind == "generate":
                raise ValueError(
                    "use env, file, prompt or store for login: the Git host issues tokens"
                )
            if self.login.public or self.login.writable:
                raise ValueError("remove public and writable from login: a token has neither")
        return self

    @property
    def location(self) -> GitLocation:
        """Return the parts of the URL."""
        return parse_git_url(self.repo)

    @property
    def is_over_ssh(self) -> bool:
        """Return whether pods clone the repository over SSH."""
        return self.location.scheme == "ssh"

    @property
    def references(self) -> dict[str, SecretRef]:
        """Return the source of the login, if there is one."""
        return {} if self.login is None else {"login": self.login}

    @property
    def fact(self) -> Fact | None:
        """Return the login in the store: a deploy key, or a token."""
        if self.login is None:
            return None
        word = "".join(part[:1].upper() + part[1:] for part in self.name.split("-"))
        if self.is_over_ssh:
            title = f"deploy key of the bundle {self.name}"
            return Fact(f"gitSshKey{word}", Form.SSH_KEY, title, "", self.login)
        title = f"Git token of the bundle {self.name}"
        return Fact(f"gitPassword{word}", Form.GIVEN, title, "", self.login)

    def as_bundle(self) -> Bundle:
        """Return what the manifests need to know."""
        login = self.login is not None
        return Bundle(self.name, self.repo, self.ref, self.subpath, self.period, login)

    def contribute(self, release: Release) -> Contribution:
        """Return the connection, the flow and the step of this repository, without settings."""
        place, fact, bundle = self.location, self.fact, self.as_bundle()
        secrets: tuple[SecretSpec, ...] = ()
        env: tuple[EnvVar, ...] = ()
        if fact is not None:
            ssh = self.is_over_ssh
            secrets = (bundle_connection(release, bundle, fact, self.username, ssh=ssh),)
            env = (bundle_variable(release, bundle, secrets[0].name),)
        steps: tuple[StepSpec, ...] = ()
        if self.is_over_ssh:
            steps = (key_step(f"dags.register-key-{self.name}", f"{place.host}/{place.path}"),)
        flow = Flow(f"DAG bundle {self.name}", place.host, place.port, release.dag_readers)
        return Contribution(secrets=secrets, env=env, flows=(flow,), steps=steps)


def check_bundle_names(bundles: Sequence[DagBundle]) -> None:
    """Raise ValueError if two bundles have one name, or their logins one place in the store."""
    words = [one.name.replace("-", "") for one in bundles]
    if len(set(words)) != len(words):
        raise ValueError("two bundles have the same name, apart from hyphens")
