"""Vault's part of the handover to Vault's owner, the platform's owner and CI."""

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

_FOLDER = """\
# The two files for Vault's owner go to a folder that only you can read, outside any repository.
cd -- "${1:?is the folder for cluster-ca.pem and reviewer.token}"
folder=$(pwd -P)
while :; do
  if [ -e "$folder/.git" ]; then
    echo "$1 is in the work tree $folder; name another folder" >&2
    exit 1
  fi
  [ "$folder" != / ] || break
  folder=$(dirname "$folder")
done
umask 077"""
_FETCH = """\
token() {
  cluster -n NAMESPACE get secret SECRET -o "jsonpath={.data.$1}"
}
tries=0
until [ -n "$(token token)" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || { echo 'the Secret got no token in 30 s' >&2; exit 1; }
  sleep 1
done
# New files, so that they get the mode of the umask.
rm -f -- cluster-ca.pem reviewer.token
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
    """Return the scripts and the flows; they contain no secret."""
    release, total = rendering.release, rendering.total
    store = vault_settings(answers.secrets, release)
    others = [
        (vault_reader_settings(answers.secrets, release, reader), collect_facts((reader.secret,)))
        for reader in total.readers
    ]
    outside = not is_in_cluster(store.server)
    flows = [("External Secrets", *split_address(store.server), "TCP", "Vault")]
    if outside:
        flows.append(("Vault", *api_server_address(answers), "TCP", "token reviews"))
    return StoreHandover(
        files=render_files(answers, store, total, committed, others),
        platform={"reviewer.sh": _render_reviewer(answers)} if outside else {},
        flows=tuple(flows),
        ci_variables=(
            "  VAULT_ADDR, VAULT_CACERT   Vault's address for the job, if the answers differ",
            "  VAULT_TOKEN or VAULT_TOKEN_FILE, or VAULT_ROLE_ID and VAULT_SECRET_ID   the login",
        ),
        ci_login=_LOGIN,
    )


def _render_reviewer(answers: Answers) -> str:
    objects = join_documents(dump_yaml(one) for one in reviewer.build_manifests())
    taken = _FETCH.replace("NAMESPACE", reviewer.NAMESPACE)
    return script(
        comment(
            "Creates the ServiceAccount with which Vault, outside the cluster, reviews tokens of",
            f"Airflow installation {answers.installation.name}. It can only review tokens.",
            "Run once, and only if Vault's auth mount has no token reviewer for this cluster.",
        ),
        CLUSTER_FUNCTION,
        _FOLDER,
        here_document(f"cluster {APPLY}", objects),
        re.sub(r"\bSECRET\b", reviewer.SECRET, taken),
        comment(
            "Send both files to Vault's owner over a secure channel, as KUBERNETES_CA_FILE and",
            "REVIEWER_TOKEN_FILE of setup.sh, and delete reviewer.token afterwards.",
        ),
    )
