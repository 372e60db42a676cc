"""A volume in a container of Azure Blob Storage, mounted with blobfuse by AKS' own driver.

Source: Azure documentation, "Create and use a volume with Azure Blob storage in AKS" (static
provisioning); parameters of driver blob.csi.azure.com: the volume's handle must be unique in the
cluster, and has no # or /.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.formats.shell import quote
from wizard.manifests.objects import VOLUME_WAVE, manifest_file, object_metadata

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.manifests.tree import File

DRIVER = "blob.csi.azure.com"
# The class of AKS with blobfuse; its name only ties volume and claim together here.
STORAGE_CLASS = "azureblob-fuse-premium"
# The keys that the driver reads in its Secret.
ACCOUNT_KEY, SECRET_KEY = "azurestorageaccountname", "azurestorageaccountkey"
CLUSTER_KIND = ("", "PersistentVolume")
_MOUNT_OPTIONS = ("-o allow_other", "--file-cache-timeout-in-seconds=120")
# Neither a change of the answers nor `destroy` of the Application deletes them.
_KEEP = "Prune=false,Delete=false"


@dataclass(frozen=True, slots=True)
class BlobVolume:
    """One container as a volume. `secret` is the Secret with the account's name and key."""

    account: str
    container: str
    resource_group: str
    secret: str
    size: str
    storage_class: str

    def name(self, release: Release) -> str:
        """Return the name of volume and claim, another one for each content.

        Both are immutable, down to the size of a volume that no class made.
        """
        content = f"{self.account}/{self.container}/{self.resource_group}/{self.secret}"
        content += f"/{self.size}/{self.storage_class}"
        return release.names.object_name(f"logs-{hashlib.sha256(content.encode()).hexdigest()[:8]}")

    def handle(self, release: Release) -> str:
        """Return the handle, which no other volume of the cluster has: PVs have no namespace."""
        return f"{release.namespace}-{self.name(release)}"


def blob_volume_files(release: Release, volume: BlobVolume) -> tuple[File, File]:
    """Return the PersistentVolume, reserved for its claim, and the claim."""
    name, handle = volume.name(release), volume.handle(release)
    attributes = {"containerName": volume.container, "storageAccount": volume.account}
    if volume.resource_group:
        attributes["resourceGroup"] = volume.resource_group
    pv: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": object_metadata(
            release, handle, wave=VOLUME_WAVE, sync_options=_KEEP, namespaced=False
        ),
        "spec": {
            "capacity": {"storage": volume.size},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": volume.storage_class,
            "volumeMode": "Filesystem",
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": name,
                         "namespace": release.namespace},
            "mountOptions": list(_MOUNT_OPTIONS),
            "csi": {
                "driver": DRIVER,
                "volumeHandle": handle,
                "volumeAttributes": attributes,
                "nodeStageSecretRef": {"name": volume.secret, "namespace": release.namespace},
            },
        },
    }  # fmt: skip
    claim: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": object_metadata(release, name, wave=VOLUME_WAVE, sync_options=_KEEP),
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": volume.storage_class,
            "volumeMode": "Filesystem",
            "volumeName": handle,
            "resources": {"requests": {"storage": volume.size}},
        },
    }
    about = "Task logs, in a container of Azure Blob Storage. Deleting it deletes no log."
    return (
        manifest_file(release, "logs-volume", pv, about),
        manifest_file(release, "logs-claim", claim),
    )


def blob_note(release: Release, volume: BlobVolume) -> str:
    """Return the runbook's section on the volume: what AKS and the account need, and retention."""
    # Its name may begin with a hyphen and contain parentheses.
    group = f" --resource-group={quote(volume.resource_group)}" if volume.resource_group else ""
    return "\n".join(
        [
            "## Task logs in Azure Blob Storage",
            "",
            f"All pods mount container `{volume.container}` of storage account `{volume.account}` "
            "with blobfuse. The platform team turns on AKS' driver and creates the container:",
            "",
            "```bash",
            'az aks update --name "$AKS_NAME" --resource-group "$AKS_RESOURCE_GROUP" '
            "--enable-blob-driver",
            f"az storage container create --account-name {volume.account} "
            f"--name {volume.container} --auth-mode login",
            f"az storage account show --name {volume.account}{group} --query provisioningState",
            "```",
            "",
            "The driver reads the account's key from Secret "
            f"`{volume.secret}`. After you rotate the key, store it, refresh the ExternalSecret, "
            "and restart the pods: a mounted volume keeps the old one.",
            "",
            "Delete old logs with a lifecycle policy of the account (`az storage account "
            f"management-policy create`). Volume `{volume.handle(release)}` and its claim are "
            "kept when the answers change, and by `destroy`.",
        ]
    )
