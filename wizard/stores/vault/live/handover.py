"""What Vault's owner, the platform's owner and CI are handed because of Vault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.formats.shell import comment, here_document, script
from wizard.formats.yaml_writer import dump_yaml
from wizard.secrets.payload import collect_facts
from wizard.stores.live import StoreHandover
from wizard.stores.vault.settings import vault_reader_settings, vault_settings
from wizard.systems.cluster.handover import (
    APPLY,
    CLUSTER_FUNCTION,
    api_server_address,
    join_documents,
    split_address,
)
from wizard.systems.vault import reviewer
from wizard.systems.vault.auth_mount import is_in_cluster
from wizard.systems.vault.handover import render_files

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering

_FETCH = """\
# What Vault's owner needs, into two files of a folder that only you may read.
cd -- "${1:?is the folder for cluster-ca.pem and reviewer.token}"
umask 077
token() {
  cluster -n NAMESPACE get secret SECRET -o "jsonpath={.data.$1}"
}
tries=0
until [ -n "$(token token)" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || { echo 'the Secret got no token in 30 s' >&2; exit 1; }
  sleep 1
done
token 'ca\\.crt' | base64 -d >cluster-ca.pem
token token | base64 -d >reviewer.token"""
_LOGIN = """\
store_login() {
  [ -z "${VAULT_TOKEN:-}${VAULT_TOKEN_FILE:-}${VAULT_ROLE_ID:-}" ] || return 0
  echo 'VAULT_TOKEN, VAULT_TOKEN_FILE, or VAULT_ROLE_ID and VAULT_SECRET_ID must be set' >&2
  exit 64
}"""


def render_store_handover(
    answers: Answers, rendering: Rendering, committed: Mapping[str, str]
) -> StoreHandover:
    """Return the scripts and the flows; no text has a secret in it."""
    release, total = rendering.release, rendering.total
    store = vault_settings(answers.secrets, release)
    others = [
        (vault_reader_settings(answers.secrets, release, reader), collect_facts((reader.secret,)))
        for reader in total.readers
    ]
    outside = not is_in_cluster(store.server)
    flows = [("External Secrets", *split_address(store.server), "TCP", "Vault")]
    if outside:
        flows.append(("Vault", *api_server_address(answers), "TCP", "reviews of tokens"))
    return StoreHandover(
        files=render_files(answers, store, total, committed, others),
        platform={"reviewer.sh": _render_reviewer(answers)} if outside else {},
        flows=tuple(flows),
        ci_variables=(
            "  VAULT_ADDR, VAULT_CACERT   Vault as the job reaches it, where the answers differ",
            "  VAULT_TOKEN or VAULT_TOKEN_FILE, or VAULT_ROLE_ID and VAULT_SECRET_ID   the login",
        ),
        ci_login=_LOGIN,
    )


def _render_reviewer(answers: Answers) -> str:
    objects = join_documents(dump_yaml(one) for one in reviewer.build_manifests())
    taken = _FETCH.replace("NAMESPACE", reviewer.NAMESPACE)
    return script(
        comment(
            "The ServiceAccount with which Vault, outside the cluster, reviews tokens of Airflow",
            f"installation {answers.installation.name}: it may review tokens and nothing else.",
            "Needed once, and only where Vault's auth mount has no reviewer of this cluster.",
        ),
        CLUSTER_FUNCTION,
        here_document(f"cluster {APPLY}", objects),
        re.sub(r"\bSECRET\b", reviewer.SECRET, taken),
        comment(
            "Hand both over by a way that keeps them secret, as KUBERNETES_CA_FILE and",
            "REVIEWER_FETCH_FILE of setup.sh, and delete reviewer.token afterwards.",
        ),
    )
