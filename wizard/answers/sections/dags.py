"""The section DAGs: where DAG files come from, and why their Git host is trusted."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from wizard.answers.sections.dag_bundles import DagBundle, check_bundle_names
from wizard.answers.sections.dag_repository import Credentials, GitSync
from wizard.answers.sections.dag_volume import DagVolume
from wizard.formats.address_types import GitRef, GitUrl
from wizard.formats.addresses import GitLocation, parse_git_url
from wizard.formats.types import Duration, RepositoryPath
from wizard.manifests.certificates import ca_config_map
from wizard.manifests.contribution import (
    Contribution,
    EnvVar,
    Flow,
    Mount,
    StepSpec,
    combine_contributions,
)
from wizard.manifests.git_bundles import (
    MAIN_BUNDLE,
    Bundle,
    bundle_ca_variables,
    bundle_connection,
    bundle_settings,
    bundle_variable,
)
from wizard.manifests.git_sync import git_ca_mount, git_ca_settings, git_sync_settings
from wizard.manifests.git_sync import known_hosts_config_map as known_hosts_map
from wizard.manifests.release import Release
from wizard.manifests.steps import GIT_SYNC_WAIT, key_step
from wizard.manifests.tree import File
from wizard.questions.ca_file import CaFile
from wizard.questions.cases import (
    DAG_BUNDLES,
    DAG_CA,
    DAGS_FROM_GIT,
    DAGS_OVER_SSH,
    GIT_SYNC,
)
from wizard.questions.effects import Effect
from wizard.questions.host_keys import TAKES_HOST_KEYS, HostKeyEntry, known_hosts_text
from wizard.questions.section import QuestionInfo, Section
from wizard.secrets.facts import Encoding, Fact, FactUse, Form, SecretSpec, Template
from wizard.secrets.references import DeployKey

_OTHER_DAGS = Effect(
    "other-dags",
    "interrupt",
    "DAGs that are missing in the new source disappear from Airflow, and their running tasks fail.",
)


class Dags(Section):
    """Where DAG files come from."""

    title: ClassVar[str] = "DAGs"
    intro: ClassVar[str] = (
        "DAGs come from a verified Git host over SSH or HTTPS, from the image, or from a volume."
    )

    source: Annotated[
        Literal["git-sync", "image", "bundle", "volume"],
        QuestionInfo(
            labels={
                "git-sync": "git-sync sidecars",
                "image": "baked into the image",
                "bundle": "GitDagBundle (Airflow 3)",
                "volume": "a volume that others fill",
            },
            effects=(_OTHER_DAGS,),
        ),
    ] = Field(
        default="git-sync",
        title="Source",
        description=(
            "git-sync follows a branch in every pod, so two pods can differ for one period. A "
            "bundle pins each run to a commit. DAGs in the image change only with a rollout."
        ),
    )
    repo: Annotated[
        GitUrl,
        QuestionInfo(
            when=DAGS_FROM_GIT,
            required=True,
            effects=(_OTHER_DAGS,),
            find="The clone URL on the page of the repository with your DAGs.",
            machine="Git remote of DAGs",
        ),
    ] = Field(
        default="",
        title="Repository",
        description="URL that pods use, ssh:// or https://, without credentials.",
    )
    ref: Annotated[GitRef, QuestionInfo(when=DAGS_FROM_GIT, required=True)] = Field(
        default="main", title="Ref", description="Branch, tag or commit to follow."
    )
    subpath: Annotated[RepositoryPath, QuestionInfo(when=DAGS_FROM_GIT)] = Field(
        default="dags",
        title="Folder",
        description="Folder of the DAGs in the repository. Empty: the top folder.",
    )
    depth: Annotated[int, Field(ge=0, le=1000000), QuestionInfo(when=GIT_SYNC)] = Field(
        default=1, title="Depth", description="Number of commits to clone. 0: the full history."
    )
    period: Annotated[Duration, QuestionInfo(when=DAGS_FROM_GIT)] = Field(
        default="30s", title="Period", description="How often to check for a new commit."
    )
    key: Annotated[DeployKey, QuestionInfo(when=DAGS_OVER_SSH)] = Field(
        default=DeployKey(generate=True),
        title="Deploy key",
        description="Read-only key: generated in the store, or a reference to your own.",
    )
    credentials: Credentials = Field(default_factory=Credentials, title="Login")
    ca: Annotated[CaFile, QuestionInfo(when=DAG_CA)] = Field(default_factory=CaFile)
    git_sync: GitSync = Field(default_factory=GitSync, title="git-sync")
    volume: DagVolume = Field(default_factory=DagVolume, title="Volume")
    host_keys: Annotated[
        list[HostKeyEntry],
        QuestionInfo(
            when=DAGS_OVER_SSH,
            takes=TAKES_HOST_KEYS,
            synonyms=("fingerprint", "known_hosts", "ssh-keyscan"),
            find="Scan the host here; its owner publishes or reads out the fingerprint.",
        ),
    ] = Field(
        default_factory=list,
        title="Host keys",
        description=(
            "Public keys of the Git host. A key is trusted once you type its fingerprint, or if "
            "the host's publisher lists it."
        ),
    )

    bundles: Annotated[
        list[DagBundle],
        QuestionInfo(
            when=DAG_BUNDLES,
            takes="a list of {name, repo, ref, subpath, period, username, login, ca, host_keys}. "
            "login: a reference to the token or to the deploy key, {generate: true} for a new key; "
            "without it, the repository is public. ca: true if dags.ca.file has the CA of its "
            "host, which may be one of several in the file. host_keys: as dags.host_keys, for "
            "another host over SSH",
            example='[{name: finance, repo: "https://git.example.com/finance/dags.git", '
            "username: reader, login: {env: FINANCE_TOKEN}}]",
            effects=(_OTHER_DAGS,),
        ),
    ] = Field(
        default_factory=list,
        title="More bundles",
        description=(
            "More repositories, each with a login of its own. Over SSH, the keys of each host are "
            "pinned as those of the first one are."
        ),
    )

    @field_validator("bundles", mode="after")
    @classmethod
    def _named(cls, bundles: list[DagBundle]) -> list[DagBundle]:
        check_bundle_names(bundles)
        return bundles

    @field_validator(
        "host_keys", mode="before", json_schema_input_type=str | list[str | HostKeyEntry]
    )
    @classmethod
    def _pasted(cls, value: object, info: ValidationInfo) -> object:
        from wizard.hostkeys.paste import normalize_host_keys

        return normalize_host_keys(value, info.data.get("repo"))

    @property
    def location(self) -> GitLocation | None:
        """Return the parts of the URL, or None without a URL."""
        return parse_git_url(self.repo) if self.repo else None

    @property
    def is_from_git(self) -> bool:
        """Return whether pods clone the DAGs."""
        return self.source in {"git-sync", "bundle"}

    @property
    def is_over_ssh(self) -> bool:
        """Return whether pods clone the repository over SSH."""
        location = self.location
        return self.is_from_git and location is not None and location.scheme == "ssh"

    @property
    def is_over_https(self) -> bool:
        """Return whether pods clone the repository over HTTPS."""
        location = self.location
        return self.is_from_git and location is not None and location.scheme == "https"

    @property
    def own_known_hosts(self) -> str:
        """Return known_hosts lines for the host of `repo`; empty without a trusted key."""
        location = self.location
        if location is None or not self.is_over_ssh:
            return ""
        return known_hosts_text(self.host_keys, location.port)

    @property
    def known_hosts(self) -> str:
        """Return known_hosts lines for the hosts of all repositories over SSH."""
        texts = [self.own_known_hosts]
        if self.source == "bundle":
            texts += [
                known_hosts_text(one.host_keys or (), one.location.port)
                for one in self.bundles
                if one.is_over_ssh
            ]
        return "".join(dict.fromkeys(texts))

    def contribute(self, release: Release) -> Contribution:
        """Set up git-sync, a bundle with its Secret, or a volume; nothing for DAGs in the image."""
        location = self.location
        if self.source == "volume":
            return Contribution(settings=self.volume.build_settings(gitops=release.gitops))
        if not self.is_from_git or location is None:
            return Contribution(settings={"dags.gitSync.enabled": False})
        flows = (Flow("DAG repository", location.host, location.port, release.dag_readers),)
        steps: tuple[StepSpec, ...] = ()
        if self.is_over_ssh:
            place = f"{location.host}/{location.path}"
            steps = (key_step("dags.register-key", place, proof=GIT_SYNC_WAIT.id),)
        if self.source == "bundle":
            return self._bundle(release, flows, steps)
        secrets = self._git_sync_secrets(release)
        settings = git_sync_settings(
            repo=self.repo,
            ref=self.ref,
            subpath=self.subpath,
            depth=self.depth,
            period=self.period,
            known_hosts=release.known_hosts if self.is_over_ssh else "",
        )
        for secret in secrets:
            settings.update(dict.fromkeys(secret.settings, secret.name))
        settings.update(self._sidecar_settings())
        comments = {
            "dags.gitSync.ref": "branch and rev are set too: git-sync prefers the chart's old "
            "variable"
        }
        return Contribution(
            settings=settings,
            comments=comments,
            secrets=secrets,
            flows=flows,
            mounts=self._ca_mounts(release),
            manifests=self._ca_manifests(release),
            steps=steps,
        )

    def _sidecar_settings(self) -> dict[str, object]:
        """Return the sidecar's settings that differ from the chart's defaults."""
        own = self.git_sync
        settings: dict[str, object] = {}
        if own.max_failures:
            settings["dags.gitSync.maxFailures"] = own.max_failures
        if resources := own.resources.to_values():
            settings["dags.gitSync.resources"] = resources
        env: list[dict[str, object]] = [
            {"name": name, "value": text} for name, text in sorted(own.variables.items())
        ]
        if self._has_ca:
            ca_env, mounts = git_ca_settings()
            env = [*ca_env, *env]
            settings["dags.gitSync.extraVolumeMounts"] = mounts
        if env:
            settings["dags.gitSync.env"] = env
        return settings

    @property
    def _has_ca(self) -> bool:
        return bool(self._ca_locations)

    @property
    def _ca_locations(self) -> list[GitLocation]:
        """Return the repositories whose hosts are verified with the own CA."""
        if not self.ca.file:
            return []
        own = [self.location] if self.location and self.is_over_https else []
        bundles = self.bundles if self.source == "bundle" else ()
        return [*own, *(one.location for one in bundles if one.ca)]

    def _ca_mounts(self, release: Release) -> tuple[Mount, ...]:
        return (git_ca_mount(release),) if self._has_ca else ()

    def _ca_manifests(self, release: Release) -> tuple[File, ...]:
        if not self._has_ca:
            return ()
        return (ca_config_map(release, "git-ca", release.assets.get("dags.ca.file", "")),)

    def _key_fact(self) -> Fact:
        return Fact("gitSshKey", Form.SSH_KEY, "deploy key", "", self.key)

    def _token_fact(self) -> Fact:
        return Fact("gitPassword", Form.GIVEN, "Git token", "", self.credentials.password)

    def _git_sync_secrets(self, release: Release) -> tuple[SecretSpec, ...]:
        if self.is_over_ssh:
            key: tuple[str | FactUse, ...] = (FactUse(self._key_fact(), Encoding.PEM), "\n")
            return (
                SecretSpec(
                    release.secret("ssh-secret"),
                    {"gitSshKey": key},
                    ("dags.gitSync.sshKeySecret",),
                    "git-sync's deploy key",
                ),
            )
        if not self.credentials.needed:
            return ()
        user, token = (self.credentials.username,), (FactUse(self._token_fact()),)
        # Chart 1.22.0 reads all four keys of the Secret; none of them is optional.
        keys: dict[str, Template] = {
            "GIT_SYNC_USERNAME": user,
            "GIT_SYNC_PASSWORD": token,
            "GITSYNC_USERNAME": user,
            "GITSYNC_PASSWORD": token,
        }
        name = release.secret("git-credentials")
        return (SecretSpec(name, keys, ("dags.gitSync.credentialsSecret",), "git-sync's login"),)

    def _bundle(
        self, release: Release, flows: tuple[Flow, ...], steps: tuple[StepSpec, ...]
    ) -> Contribution:
        fact = None
        if self.is_over_ssh:
            fact = self._key_fact()
        elif self.credentials.needed:
            fact = self._token_fact()
        bundle = Bundle(
            MAIN_BUNDLE, self.repo, self.ref, self.subpath, self.period, fact is not None
        )
        secrets: tuple[SecretSpec, ...] = ()
        variables: tuple[EnvVar, ...] = ()
        if fact is not None:
            user, ssh = self.credentials.username, self.is_over_ssh
            secrets = (bundle_connection(release, bundle, fact, user, ssh=ssh),)
            variables = (bundle_variable(release, bundle, secrets[0].name),)
        mounts, manifests = self._ca_mounts(release), self._ca_manifests(release)
        if self._has_ca:
            variables += bundle_ca_variables(release, self._ca_locations)
        if release.known_hosts or self.is_over_ssh:
            name = release.names.object_name("git-known-hosts")
            manifests = (*manifests, known_hosts_map(release))
            mounts = (*mounts, Mount("git-known-hosts", name, "/etc/airflow-git"))
        own = Contribution(
            settings=bundle_settings([bundle, *(one.as_bundle() for one in self.bundles)]),
            secrets=secrets,
            env=variables,
            flows=flows,
            mounts=mounts,
            manifests=manifests,
            steps=steps,
        )
        return combine_contributions([own, *(one.contribute(release) for one in self.bundles)])
