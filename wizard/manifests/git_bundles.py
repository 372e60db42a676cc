"""DAGs by Airflow's GitDagBundle: the list of bundles, and a connection for each login.

Source: provider git 1.0.1, and chart 1.22.0, `dagProcessor.dagBundleConfigList`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.formats.durations import duration_seconds
from wizard.hostkeys.git_environment import CA_FILE
from wizard.manifests.contribution import EnvVar
from wizard.manifests.git_sync import KNOWN_HOSTS_KEY
from wizard.secrets.facts import Encoding, Fact, FactUse, SecretSpec, Template

if TYPE_CHECKING:
    from wizard.formats.addresses import GitLocation
    from wizard.manifests.release import Release

# The bundle of dags.repo, whose connection has no suffix.
MAIN_BUNDLE = "dags"
_CLASS = "airflow.providers.git.bundles.git.GitDagBundle"


@dataclass(frozen=True, slots=True)
class Bundle:
    """One repository as a bundle. `has_login`: a connection has its address and its login."""

    name: str
    repo: str
    ref: str
    subpath: str
    period: str
    has_login: bool

    @property
    def connection_id(self) -> str:
        """Return the id of its Airflow connection."""
        suffix = "" if self.name == MAIN_BUNDLE else f"_{self.name.replace('-', '_')}"
        return f"airflow_dags{suffix}"

    def to_values(self) -> dict[str, object]:
        """Return the bundle as an item of Airflow's list."""
        kwargs: dict[str, object] = {
            "tracking_ref": self.ref,
            "refresh_interval": duration_seconds(self.period),
        }
        if self.subpath not in {"", "."}:
            kwargs["subdir"] = self.subpath
        if self.has_login:
            kwargs["git_conn_id"] = self.connection_id
        else:
            kwargs["repo_url"] = self.repo
        return {"name": self.name, "classpath": _CLASS, "kwargs": kwargs}


def bundle_settings(bundles: Iterable[Bundle]) -> dict[str, object]:
    """Return the settings of GitDagBundle: Airflow clones, with logins from Secrets."""
    return {
        "dags.gitSync.enabled": False,
        "dagProcessor.dagBundleConfigList": [one.to_values() for one in bundles],
    }


def bundle_connection(
    release: Release, bundle: Bundle, fact: Fact, username: str, *, ssh: bool
) -> SecretSpec:
    """Return the Airflow connection as JSON, with host keys checked against our file.

    Source: GitHook of provider git 1.0.1 (private_key, strict_host_key_checking,
    known_hosts_file).
    """
    repo = bundle.repo
    if ssh:
        extra = json.dumps(
            {
                "strict_host_key_checking": "yes",
                "known_hosts_file": f"/etc/airflow-git/{KNOWN_HOSTS_KEY}",
            }
        )
        template: Template = (
            f'{{"conn_type": "git", "host": {json.dumps(repo)}, "extra": {extra[:-1]}, '
            '"private_key": ',
            FactUse(fact, Encoding.JSON),
            "}}",
        )
    else:
        template = (
            f'{{"conn_type": "git", "host": {json.dumps(repo)}, '
            f'"login": {json.dumps(username)}, "password": ',
            FactUse(fact, Encoding.JSON),
            "}",
        )
    suffix = "" if bundle.name == MAIN_BUNDLE else f"-{bundle.name}"
    return SecretSpec(
        release.secret(f"git-connection{suffix}"),
        {"connection": template},
        (),
        "GitDagBundle's connection",
    )


def bundle_variable(release: Release, bundle: Bundle, secret: str) -> EnvVar:
    """Return the connection of a bundle, for the components that clone."""
    name = f"AIRFLOW_CONN_{bundle.connection_id.upper()}"
    return EnvVar(name, secret=secret, key="connection", components=release.dag_readers)


def bundle_ca_variables(release: Release, locations: Iterable[GitLocation]) -> tuple[EnvVar, ...]:
    """Return git's configuration that verifies these hosts, and no other, with our CA.

    Tasks run in the same containers, so a setting for all hosts (`GIT_SSL_CAINFO`) would change
    their own clones. Source: git-config(1), GIT_CONFIG_COUNT and `http.<url>.*`.
    """
    hosts = dict.fromkeys(map(_format_host, locations))
    pairs = {"GIT_CONFIG_COUNT": str(len(hosts))}
    for number, host in enumerate(hosts):
        pairs[f"GIT_CONFIG_KEY_{number}"] = f"http.https://{host}/.sslCAInfo"
        pairs[f"GIT_CONFIG_VALUE_{number}"] = CA_FILE
    return tuple(
        EnvVar(name, value, components=release.dag_readers) for name, value in pairs.items()
    )


def _format_host(location: GitLocation) -> str:
    port = "" if location.port == 443 else f":{location.port}"
    host = f"[{location.host}]" if ":" in location.host else location.host
    return f"{host}{port}"
