"""The live part of the store kubernetes: the values and the Secrets in Airflow's namespace."""

from __future__ import annotations

from wizard.stores.kubernetes.live.handover import render_store_handover
from wizard.stores.kubernetes.live.location import (
    LOGIN_HINT,
    find_login,
    locate_cluster,
    open_composer,
)
from wizard.stores.kubernetes.live.run import KubernetesRun, list_cluster_checks
from wizard.stores.live import LiveStore

LIVE = LiveStore(
    find_login=find_login,
    login_hint=LOGIN_HINT,
    open_run=KubernetesRun,
    cluster_checks=list_cluster_checks,
    locate=locate_cluster,
    open_composer=open_composer,
    handover=render_store_handover,
)
