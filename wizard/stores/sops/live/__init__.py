"""The live part of the store sops: encrypts into the work tree, decrypts into the cluster."""

from __future__ import annotations

from wizard.stores.live import LiveStore
from wizard.stores.sops.live.handover import render_store_handover
from wizard.stores.sops.live.location import (
    LOGIN_HINT,
    find_login,
    locate_files,
    open_composer,
)
from wizard.stores.sops.live.run import SopsRun, list_cluster_checks, list_probes

LIVE = LiveStore(
    find_login=find_login,
    login_hint=LOGIN_HINT,
    open_run=SopsRun,
    probes=list_probes,
    cluster_checks=list_cluster_checks,
    locate=locate_files,
    open_composer=open_composer,
    handover=render_store_handover,
)
