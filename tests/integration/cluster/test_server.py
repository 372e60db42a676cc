"""The API server of the testbed refuses what a cluster would refuse."""

from __future__ import annotations

import pytest

from tests.testbed.kube import Kube, RejectedError

pytestmark = pytest.mark.integration

SERVICE_ACCOUNT = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: airflow-eso, namespace: airflow}
"""
# Every field that some release of the operator fills in is written, so that nothing drifts.
EXTERNAL_SECRET = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: airflow-fernet-key, namespace: airflow}
spec:
  refreshPolicy: Periodic
  refreshInterval: 1h0m0s
  secretStoreRef: {name: vault-airflow, kind: SecretStore}
  target:
    name: airflow-fernet-key
    creationPolicy: Owner
    deletionPolicy: Retain
    template:
      type: Opaque
      engineVersion: v2
      mergePolicy: Replace
      data: {fernet-key: '{{ .fernetKey }}'}
  data:
  - secretKey: fernetKey
    remoteRef:
      key: airflow/config
      property: fernetKey
      conversionStrategy: Default
      decodingStrategy: None
      metadataPolicy: None
"""


def test_what_is_wrong_is_refused_in_the_servers_words(kube: Kube) -> None:
    stored = kube.dry_run(SERVICE_ACCOUNT)
    assert stored["metadata"]["name"] == "airflow-eso"
    with pytest.raises(RejectedError, match="automountToken"):
        kube.dry_run(SERVICE_ACCOUNT + "automountToken: false\n")
    with pytest.raises(RejectedError, match="already set"):
        kube.dry_run(SERVICE_ACCOUNT + "kind: ServiceAccount\n")
    with pytest.raises(RejectedError, match="RFC 1123"):
        kube.dry_run(SERVICE_ACCOUNT.replace("airflow-eso", "Airflow_Eso"))
    with pytest.raises(RejectedError, match="has no kind NoSuchKind"):
        kube.dry_run("apiVersion: v1\nkind: NoSuchKind\nmetadata: {name: a}\n")


def test_a_dry_run_stores_nothing(kube: Kube) -> None:
    kube.dry_run(SERVICE_ACCOUNT.replace("airflow-eso", "never-stored"))
    with pytest.raises(RejectedError) as refused:
        kube.request("GET", "/api/v1/namespaces/airflow/serviceaccounts/never-stored")
    assert refused.value.code == 404
    kube.apply(SERVICE_ACCOUNT.replace("airflow-eso", "stored"))
    kube.request("GET", "/api/v1/namespaces/airflow/serviceaccounts/stored")


def test_nobody_gets_in_without_the_token(kube: Kube) -> None:
    stranger = Kube(kube.apiserver, folder=kube.folder, port=kube.port, token="guessed")
    with pytest.raises(RejectedError) as refused:
        stranger.request("GET", "/api/v1/namespaces")
    assert refused.value.code == 401


def test_custom_resources_are_checked_strictly(kube_with_crds: Kube) -> None:
    stored = kube_with_crds.dry_run(EXTERNAL_SECRET)
    assert stored["spec"]["target"]["template"]["data"] == {"fernet-key": "{{ .fernetKey }}"}
    with pytest.raises(RejectedError, match="creationPolicy"):
        kube_with_crds.dry_run(EXTERNAL_SECRET.replace("Owner", "Sometimes"))
    with pytest.raises(RejectedError, match="refreshIntervall"):
        kube_with_crds.dry_run(EXTERNAL_SECRET.replace("refreshInterval:", "refreshIntervall:"))
