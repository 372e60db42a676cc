"""DAGs from Git: settings of the git-sync sidecar, or of Airflow's GitDagBundle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wizard.formats.durations import duration_seconds
from wizard.hostkeys.git_environment import CA_FILE
from wizard.manifests.contribution import EnvVar, Mount
from wizard.manifests.objects import BASICS_WAVE, manifest_file, object_metadata
from wizard.manifests.tree import File
from wizard.secrets.facts import Encoding, Fact, FactUse, SecretSpec, Template

if TYPE_CHECKING:
    from wizard.formats.addresses import GitLocation
    from wizard.manifests.release import Release

CONNECTION_ID = "airflow_dags"
KNOWN_HOSTS_KEY = "known_hosts"
_CONFIG_MAP_FILE = "git-known-hosts"
_CA_VOLUME = "git-ca"
KNOWN_HOSTS_LOGICAL = f"secrets/{_CONFIG_MAP_FILE}"


def git_sync_settings(
    *, repo: str, ref: str, subpath: str, depth: int, period: str, known_hosts: str
) -> dict[str, object]:
    """Return the settings of the sidecar.

    branch, ref and rev are set together: the chart always sets the old variable, and git-sync v4
    prefers it to the new one (facts on the chart, section 7; git-sync v4.4.2).
    """
    settings: dict[str, object] = {
        "dags.gitSync.enabled": True,
        "dags.gitSync.repo": repo,
        "dags.gitSync.branch": ref,
        "dags.gitSync.ref": ref,
        "dags.gitSync.rev": "HEAD",
        "dags.gitSync.depth": depth,
        "dags.gitSync.period": period,
        "dags.gitSync.subPath": "" if subpath == "." else subpath,
        "dags.gitSync.recommendedProbeSetting": True,
        "dags.gitSync.livenessProbe.enabled": True,
    }
    if known_hosts:
        settings["dags.gitSync.knownHosts"] = known_hosts
    return settings


def bundle_settings(
    *, repo: str, ref: str, subpath: str, period: str, secret: str
) -> dict[str, object]:
    """Return the settings of GitDagBundle: Airflow clones, with the login from a Secret."""
    kwargs: dict[str, object] = {"tracking_ref": ref, "refresh_interval": duration_seconds(period)}
    if subpath not in {"", "."}:
        kwargs["subdir"] = subpath
    if secret:
        kwargs["git_conn_id"] = CONNECTION_ID
    else:
        kwargs["repo_url"] = repo
    bundle = {
        "name": "dags",
        "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
        "kwargs": kwargs,
    }
    return {
        "dags.gitSync.enabled": False,
        "dagProcessor.dagBundleConfigList": [bundle],
    }


def bundle_variable(release: Release, secret: str) -> EnvVar:
    """Return the connection of GitDagBundle, for the components that clone."""
    name = f"AIRFLOW_CONN_{CONNECTION_ID.upper()}"
    return EnvVar(name, secret=secret, key="connection", components=release.dag_readers)


def bundle_ca_variables(release: Release, location: GitLocation) -> tuple[EnvVar, ...]:
    """Return git's configuration that verifies this host, and no other, with our CA.

    Tasks run in the same containers, so a setting for all hosts would change their own clones.
    """
    port = "" if location.port == 443 else f":{location.port}"
    host = f"[{location.host}]" if ":" in location.host else location.host
    pairs = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.https://{host}{port}/.sslCAInfo",
        "GIT_CONFIG_VALUE_0": CA_FILE,
    }
    return tuple(
        EnvVar(name, value, components=release.dag_readers) for name, value in pairs.items()
    )


def git_ca_mount(release: Release) -> Mount:
    """Return the mount of the Git host's CA in Airflow's pods."""
    return Mount(_CA_VOLUME, release.names.object_name("git-ca"), CA_FILE.rpartition("/")[0])


def git_ca_settings() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the variables and the mounts of git-sync that make it trust only our CA.

    The volume is the one of `git_ca_mount`: the chart has the same volumes in every pod.
    """
    folder = CA_FILE.rpartition("/")[0]
    mounts: list[dict[str, object]] = [{"name": _CA_VOLUME, "mountPath": folder, "readOnly": True}]
    return [{"name": "GIT_SSL_CAINFO", "value": CA_FILE}], mounts


def bundle_connection(
    release: Release, repo: str, fact: Fact, username: str, *, ssh: bool
) -> SecretSpec:
    """Return the Airflow connection as JSON, with host keys checked against our file.

    Source: GitHook of provider git 1.0.1 (private_key, strict_host_key_checking,
    known_hosts_file).
    """
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
    return SecretSpec(
        release.secret("git-connection"), {"connection": template}, (), "GitDagBundle's connection"
    )


def known_hosts_config_map(release: Release) -> File:
    """Return the verified host keys as a ConfigMap, for Airflow containers that clone."""
    name = release.names.object_name("git-known-hosts")
    data = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_metadata(release, name, wave=BASICS_WAVE),
        "data": {KNOWN_HOSTS_KEY: release.known_hosts},
    }
    return manifest_file(release, _CONFIG_MAP_FILE, data)
