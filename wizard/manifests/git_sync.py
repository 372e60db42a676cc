"""DAGs by git-sync: settings of the sidecar, and the files by which Git hosts are verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.hostkeys.git_environment import CA_FILE
from wizard.manifests.contribution import Mount
from wizard.manifests.objects import BASICS_WAVE, manifest_file, object_metadata
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

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
