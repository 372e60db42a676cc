"""Known messages of Argo CD, External Secrets and the API server, with cause and fix.

Sources: facts on Vault (causes of 403), on Argo CD and on External Secrets; the "Common problems"
of documents 000 and 001. The first matching rule wins, so narrow rules come first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wizard.errors import NO_FIX, Fix
from wizard.formats.terminal import escape_unprintable

_SHOWN, _READ = 300, 4000


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The cause of a fault and its fix."""

    cause: str
    fix: Fix = NO_FIX


@dataclass(frozen=True, slots=True)
class Rule:
    """Cause and fix of messages that match `pattern` (a regular expression, ignoring case)."""

    pattern: str
    cause: str
    fix: Fix

    def matches(self, text: str) -> bool:
        """Return whether the message matches."""
        return re.search(self.pattern, text[:_READ], re.IGNORECASE) is not None


def sanitize_message(text: object) -> str:
    """Return another program's message as one printable line of bounded length."""
    plain = escape_unprintable(" ".join(str(text or "").split()))
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}..."


def diagnose(texts: Iterable[object], *tables: Sequence[Rule]) -> Diagnosis | None:
    """Return the diagnosis of the first known message; None if no message is known."""
    for text in texts:
        plain = " ".join(str(text or "")[:_READ].split())
        for rule in (rule for table in tables for rule in table):
            if plain and rule.matches(plain):
                return Diagnosis(f"{rule.cause} ({sanitize_message(plain)})", rule.fix)
    return None


# Messages of the cluster when it refuses any kind of write.
REFUSAL_RULES = (
    Rule(
        r"failed calling webhook|failed to call webhook",
        "an admission webhook of the cluster does not answer",
        Fix("ask the platform team to restore the webhook's service, then run apply again"),
    ),
    Rule(
        r"denied (the )?request",
        "an admission rule of the cluster refuses the object",
        Fix("ask the platform team what the rule named in the message requires"),
    ),
    Rule(
        r"being terminated|is terminating",
        "the namespace is being deleted",
        Fix(
            "find the remaining finalizers: `kubectl get namespace NAME -o yaml` shows them, often "
            "of ExternalSecrets without their operator"
        ),
    ),
    Rule(
        r"exceeded quota",
        "a quota of the namespace is exhausted",
        Fix(
            "ask the platform team for a larger quota, or reduce executor.workers.resources",
            "executor.workers.resources.cpu",
        ),
    ),
    Rule(
        r"violates PodSecurity",
        "the namespace's pod security level refuses the pod",
        Fix(
            "set environment.pod_security to the level the pods need, or ask the platform team",
            "environment.pod_security",
        ),
    ),
)

_NETWORK = Fix(
    "the cluster must reach secrets.vault.server: check the address, DNS and network policies",
    "secrets.vault.server",
)
# The fix depends on whose account it is: see `diagnose_account`.
MISSING_ACCOUNT = Rule(
    r"serviceaccounts? \".*\" not found|cannot get Kubernetes service account",
    "the store's ServiceAccount does not exist",
    Fix("see which account it names: serviceAccountRef in the store's spec"),
)
STORE_RULES = (
    Rule(
        r"vault is sealed|is sealed|Code: 503",
        "Vault is sealed or not ready",
        Fix("ask the Vault team to unseal it; the operator retries automatically"),
    ),
    Rule(
        r"x509|tls: failed to verify|certificate signed by unknown",
        "the operator does not trust Vault's certificate",
        Fix(
            "set secrets.vault.ca.file to the CA that signed it, and use the certificate's host "
            "name in secrets.vault.server",
            "secrets.vault.ca.file",
        ),
    ),
    Rule(
        r"invalid audience|aud claim|audience claim",
        "token and role have different audiences",
        Fix(
            "set secrets.vault.audience to the role's audience: `vault read auth/MOUNT/role/ROLE`",
            "secrets.vault.audience",
        ),
    ),
    Rule(
        r"invalid role name|role .{1,80} could not be found",
        "Vault has no role of this name at this mount",
        Fix(
            "ask the Vault team to write the role file under vault/; check "
            "secrets.vault.role and secrets.vault.auth_mount",
            "secrets.vault.role",
        ),
    ),
    Rule(
        r"(service account name|namespace) not authorized",
        "the Vault role is bound to a different ServiceAccount or namespace",
        Fix("ask the Vault team to write the role file under vault/ unchanged"),
    ),
    Rule(
        r"cannot create resource \"serviceaccounts/token\"",
        "the operator cannot create tokens of the store's ServiceAccount",
        Fix(
            "External Secrets runs with rbac.serviceAccountTokenCreate=false: ask the platform "
            "team to grant it `create` on serviceaccounts/token of this account"
        ),
    ),
    MISSING_ACCOUNT,
    Rule(
        r"/login.{0,200}(Code: 403|permission denied)|log in .{0,200}(Code: 403|permission denied)",
        "Vault refuses the login with 403",
        Fix(
            "run: airflow-wizard check --live, which tries the same login and tells the causes "
            "apart: the token reviewer, kubernetes_host, its CA, the role's bound CIDRs"
        ),
    ),
    Rule(
        r"Code: 403|permission denied",
        "Vault refuses with 403",
        Fix(
            "ask the Vault team to write the files under vault/: the policy must allow read on "
            "exactly this path (KV v2: MOUNT/data/PATH), and the role must have the policy"
        ),
    ),
    Rule(
        r"no handler for route|unsupported path|namespace not found",
        "Vault has no such mount or namespace",
        Fix(
            "check secrets.vault.mount, secrets.vault.auth_mount and secrets.vault.namespace",
            "secrets.vault.mount",
        ),
    ),
    Rule(
        r"no such host|i/o timeout|connection refused|dial tcp|deadline exceeded|no route to host",
        "the operator cannot reach Vault",
        _NETWORK,
    ),
    Rule(
        r"cannot find (secret|configmap)|could not (get|fetch) .*(ca|cert)"
        r"|configmaps? .* not found",
        "the store's CA is missing in the cluster",
        Fix("check that Argo CD has synced the ConfigMap with the CA"),
    ),
)
PAYLOAD_RULES = (
    Rule(
        r"cannot find secret data for key|map has no entry for key|could not find (secret )?key",
        "a key is missing in the payload",
        Fix("add the missing values: airflow-wizard secrets"),
    ),
    Rule(
        r"secret does not exist|secret not found|NoSecret",
        "there is no payload at this path",
        Fix("fill it: airflow-wizard secrets; check secrets.vault.path", "secrets.vault.path"),
    ),
    Rule(
        r"denied by spec\.condition|not allowed from namespace",
        "the ClusterSecretStore does not serve this namespace",
        Fix("add the installation's namespace to its conditions: see secrets/store.yaml"),
    ),
    Rule(
        r"is not ready|could not get (Cluster)?SecretStore",
        "the store is not ready",
        Fix("see the store's conditions: `kubectl describe` it"),
    ),
    Rule(
        r"is owned by another|owned by",
        "another ExternalSecret owns the Secret of this name",
        Fix("delete or rename the other ExternalSecret; nothing is overwritten"),
    ),
    Rule(
        r"secret is immutable|immutable",
        "the Secret is immutable",
        Fix("delete it, and the operator creates it again; somebody set `immutable` by hand"),
    ),
    Rule(
        r"template|parse error|execute",
        "the operator cannot render the Secret's template",
        Fix("check the template in the file under secrets/; a manual edit may have broken it"),
    ),
)

APPLICATION_RULES = (
    Rule(
        r"knownhosts|host key (verification failed|mismatch|is not known)"
        r"|remote host identification",
        "Argo CD does not trust the SSH host key of a repository",
        Fix(
            "add the host's verified keys to the ConfigMap argocd-ssh-known-hosts-cm, as "
            "[host]:port unless the port is 22; never disable the check"
        ),
    ),
    Rule(
        r"\brepo .{1,200} is not permitted in project|\bsource .{1,200} not permitted",
        "the project does not allow this repository",
        Fix(
            "apply the committed project.yaml; delivery.argocd.repo_url must be spelled as in the "
            "project's sourceRepos",
            "delivery.argocd.repo_url",
        ),
    ),
    Rule(
        r"destination .{1,200} (is )?not permitted|do not match any of the allowed destinations",
        "the project does not allow this cluster or namespace",
        Fix(
            "apply the committed project.yaml; check delivery.argocd.destination",
            "delivery.argocd.destination",
        ),
    ),
    Rule(
        r"resource .{1,200} is not permitted in project|not permitted in project",
        "the project does not allow this kind",
        Fix(
            "ask Argo CD's admin to add the kind to the project's allow list, or remove it from "
            "values"
        ),
    ),
    Rule(
        r"project .{1,200}(does not exist|not found)|referencing project",
        "the project does not exist",
        Fix("ask Argo CD's admin to apply the committed project.yaml"),
    ),
    Rule(
        r"authentication required|unable to authenticate|permission denied \(publickey\)"
        r"|repository not (accessible|found)|could not read username|authorization failed",
        "Argo CD cannot read a repository",
        Fix(
            "give Argo CD a separate read-only credential for delivery.argocd.repo_url; the "
            "deploy key of the DAGs is a different one",
            "delivery.argocd.repo_url",
        ),
    ),
    Rule(
        r"unable to resolve .{1,200} to a commit|couldn't find remote ref",
        "the branch does not exist in the repository",
        Fix("push it, or set delivery.argocd.revision", "delivery.argocd.revision"),
    ),
    Rule(
        r"app path does not exist|no such file or directory",
        "the path is not in the repository at this revision",
        Fix(
            "push the commit; repository.path must be the folder relative to the repository's root",
            "repository.path",
        ),
    ),
    Rule(
        r"chart .{1,200} not found|not a valid chart repository|failed to (fetch|pull) chart",
        "Argo CD cannot fetch the chart",
        Fix(
            "ask Argo CD's admin for a route, a proxy or a login to the chart repository, or "
            "correct installation.chart_repository",
            "installation.chart_repository",
        ),
    ),
    Rule(
        r"no matches for kind|could not find the requested resource"
        r"|API could not find external-secrets",
        "the cluster does not serve a kind that is synced",
        Fix("install External Secrets with its CRDs (0.16 or newer), then sync again"),
    ),
    Rule(
        r"field is immutable|immutable field|updates to statefulset spec",
        "a changed field is immutable",
        Fix(
            "delete the object but keep its dependents (`kubectl delete --cascade=orphan`), then "
            "sync again"
        ),
    ),
    Rule(
        r"conflicts? with|apply failed with \d+ conflict",
        "another manager owns fields of a synced object",
        Fix(
            "find the other manager (`kubectl get -o yaml --show-managed-fields`) and stop one of "
            "the two"
        ),
    ),
    Rule(
        r"unable to find destination|there are \d+ clusters|cluster .* not (found|configured)",
        "Argo CD does not know the destination cluster",
        Fix(
            "register it, or set delivery.argocd.destination to its address in Argo CD's list",
            "delivery.argocd.destination",
        ),
    ),
)

GIT_RULES = (
    Rule(
        r"host key verification failed|knownhosts|no matching host key|remote host identification",
        "the SSH host key of the Git host differs from the verified one",
        Fix(
            "ask its owner whether the key was replaced; then commit again with the fingerprint "
            "of the new key (dags.host_keys, or --host-key-fingerprint)",
            "dags.host_keys",
        ),
    ),
    Rule(
        r"could not read (username|password)|authentication failed for .?https"
        r"|requested url returned error: 40[13]|http basic: access denied",
        "the Git host does not accept the login over HTTPS",
        Fix(
            "replace the token that dags.credentials.password refers to: it may have expired",
            "dags.credentials.password",
        ),
    ),
    Rule(
        r"certificate verification failed|ssl certificate problem|certificate subject name",
        "the certificate of the Git host cannot be verified",
        Fix("set dags.ca.file to the CA that signed it", "dags.ca.file"),
    ),
    Rule(
        r"permission denied|could not read from remote|authentication failed",
        "the Git host does not accept the deploy key",
        Fix("register the public key read-only: dags.key.public in the answers", "dags.key"),
    ),
)
