"""CA certificates as ConfigMaps; the answers name the file of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.objects import BASICS_WAVE, manifest_file, object_metadata
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

CA_KEY = "ca.crt"


def ca_config_map(release: Release, suffix: str, pem: str) -> File:
    """Return a ConfigMap of this release with the CA under `ca.crt`."""
    name = release.names.object_name(suffix)
    data = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_metadata(release, name, wave=BASICS_WAVE),
        "data": {CA_KEY: pem},
    }
    return manifest_file(release, suffix, data)
