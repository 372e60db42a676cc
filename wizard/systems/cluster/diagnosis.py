"""What messages of Argo CD, External Secrets and the API server mean, and what helps.

Sources: facts on Vault (causes of 403), on Argo CD and on External Secrets; the "Common problems"
of documents 000 and 001. The first rule that matches wins, so the narrow ones stand first.
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
    """Why something is not ready, and what to do about it."""

    cause: str
    fix: Fix = NO_FIX


@dataclass(frozen=True, slots=True)
class Rule:
    """A message that holds `pattern` (a regular expression, case ignored) means this."""

    pattern: str
    cause: str
    fix: Fix

    def matches(self, text: str) -> bool:
        """Whether the message is of this kind."""
        return re.search(self.pattern, text, re.IGNORECASE) is not None


def sanitize_message(text: object) -> str:
    """What somebody else's program said, in one safe line of bounded length."""
    plain = escape_unprintable(" ".join(str(text or "").split()))
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}..."


def diagnose(texts: Iterable[object], *tables: Sequence[Rule]) -> Diagnosis | None:
    """What the first message that is known means; None when none is."""
    for text in texts:
        plain = " ".join(str(text or "")[:_READ].split())
        for rule in (rule for table in tables for rule in table):
            if plain and rule.matches(plain):
                return Diagnosis(f"{rule.cause} ({sanitize_message(plain)})", rule.fix)
    return None


# What any write to a cluster may be answered with.
REFUSAL_RULES = (
    Rule(
        r"failed calling webhook|failed to call webhook",
        "an admission webhook of the cluster does not answer",
        Fix("ask the platform team to bring the webhook's service back, then run apply again"),
    ),
    Rule(
        r"denied (the )?request",
        "an admission rule of the cluster refuses the object",
        Fix("ask the platform team what the rule wants; it is named in the message"),
    ),
    Rule(
        r"being terminated|is terminating",
        "the namespace is being deleted",
        Fix(
            "find what holds it: `kubectl get namespace NAME -o yaml` shows the finalizers left, "
            "often ExternalSecrets without their operator"
        ),
    ),
    Rule(
        r"exceeded quota",
        "a quota of the namespace is used up",
        Fix(
            "ask the platform team for more, or ask for less: executor.workers.resources",
            "executor.workers.resources.cpu",
        ),
    ),
    Rule(
        r"violates PodSecurity",
        "the namespace's pod security level refuses the pod",
        Fix(
            "set environment.pod_security to what the pods need, or ask the platform team",
            "environment.pod_security",
        ),
    ),
)

_NETWORK = Fix(
    "the cluster must reach secrets.vault.server: check the address, DNS and network policies",
    "secrets.vault.server",
)
STORE_RULES = (
    Rule(
        r"vault is sealed|is sealed|Code: 503",
        "Vault is sealed or not ready",
        Fix("have the Vault team unseal it; the operator tries again by itself"),
    ),
    Rule(
        r"x509|tls: failed to verify|certificate signed by unknown",
        "the operator does not trust Vault's certificate",
        Fix(
            "name the authority that signed it in secrets.vault.ca.file, and the host as the "
            "certificate does in secrets.vault.server",
            "secrets.vault.ca.file",
        ),
    ),
    Rule(
        r"invalid audience|aud claim|audience claim",
        "token and role name different audiences",
        Fix(
            "secrets.vault.audience must be what the role says: `vault read auth/MOUNT/role/ROLE`",
            "secrets.vault.audience",
        ),
    ),
    Rule(
        r"invalid role name|role .{1,80} could not be found",
        "Vault has no role of this name at this mount",
        Fix(
            "have the Vault team write the role file under vault/; the names are "
            "secrets.vault.role and secrets.vault.auth_mount",
            "secrets.vault.role",
        ),
    ),
    Rule(
        r"(service account name|namespace) not authorized",
        "the Vault role is bound to another ServiceAccount or namespace",
        Fix("have the Vault team write the role file under vault/ as it stands"),
    ),
    Rule(
        r"cannot create resource \"serviceaccounts/token\"",
        "the operator may not make tokens of the store's ServiceAccount",
        Fix(
            "External Secrets runs with rbac.serviceAccountTokenCreate=false: have the platform "
            "team grant it `create` on serviceaccounts/token of this account"
        ),
    ),
    Rule(
        r"serviceaccounts? \".*\" not found|cannot get Kubernetes service account",
        "the store's ServiceAccount does not exist",
        Fix("it stands in secrets/service-account.yaml: see whether Argo CD has synced it"),
    ),
    Rule(
        r"/login.{0,200}(Code: 403|permission denied)|log in .{0,200}(Code: 403|permission denied)",
        "Vault refuses the login with 403",
        Fix(
            "one of: role.audience is not secrets.vault.audience, the role binds another "
            "ServiceAccount, the auth mount's token reviewer expired or lacks "
            "system:auth-delegator, its kubernetes_host or CA is another cluster's; Vault's debug "
            "log names it",
            "secrets.vault.audience",
        ),
    ),
    Rule(
        r"Code: 403|permission denied",
        "Vault refuses with 403",
        Fix(
            "the policy must allow read on exactly this path (KV v2: MOUNT/data/PATH) and the role "
            "must carry the policy: have the Vault team write the files under vault/"
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
        "the operator does not reach Vault",
        _NETWORK,
    ),
    Rule(
        r"cannot find (secret|configmap)|could not (get|fetch) .*(ca|cert)"
        r"|configmaps? .* not found",
        "the store's CA is missing in the cluster",
        Fix("see whether Argo CD has synced the ConfigMap with the CA"),
    ),
)
PAYLOAD_RULES = (
    Rule(
        r"cannot find secret data for key|map has no entry for key|could not find (secret )?key",
        "the payload lacks a key",
        Fix("add what is missing: airflow-wizard secrets"),
    ),
    Rule(
        r"secret does not exist|secret not found|NoSecret",
        "there is no payload at this path",
        Fix(
            "fill it: airflow-wizard secrets; the path is secrets.vault.path", "secrets.vault.path"
        ),
    ),
    Rule(
        r"denied by spec\.condition|not allowed from namespace",
        "the ClusterSecretStore does not serve this namespace",
        Fix("its conditions must name the installation's namespace: see secrets/store.yaml"),
    ),
    Rule(
        r"is not ready|could not get (Cluster)?SecretStore",
        "the store is not ready",
        Fix("see the store's own condition: `kubectl describe` it"),
    ),
    Rule(
        r"is owned by another|owned by",
        "another ExternalSecret owns the Secret of this name",
        Fix("delete or rename the other one; nothing is overwritten"),
    ),
    Rule(
        r"secret is immutable|immutable",
        "the Secret is immutable",
        Fix("a person made it so: delete it, and the operator writes it anew"),
    ),
    Rule(
        r"template|parse error|execute",
        "the operator cannot make the Secret's text",
        Fix("look at the template in the file under secrets/; an edit by hand may have broken it"),
    ),
)

APPLICATION_RULES = (
    Rule(
        r"knownhosts|host key (verification failed|mismatch|is not known)"
        r"|remote host identification",
        "Argo CD does not trust the SSH host key of a repository",
        Fix(
            "the ConfigMap argocd-ssh-known-hosts-cm needs the host's verified keys, as "
            "[host]:port unless it is port 22; never switch the check off"
        ),
    ),
    Rule(
        r"\brepo .{1,200} is not permitted in project|\bsource .{1,200} not permitted",
        "the project does not allow this repository",
        Fix(
            "delivery.argocd.repo_url must be spelled as in the project's sourceRepos: apply the "
            "committed project.yaml",
            "delivery.argocd.repo_url",
        ),
    ),
    Rule(
        r"destination .{1,200} (is )?not permitted|do not match any of the allowed destinations",
        "the project does not allow this cluster or namespace",
        Fix(
            "apply the committed project.yaml; the cluster is delivery.argocd.destination",
            "delivery.argocd.destination",
        ),
    ),
    Rule(
        r"resource .{1,200} is not permitted in project|not permitted in project",
        "the project does not allow this kind",
        Fix(
            "let Argo CD's admin add the kind to the project's allow list, or keep it out of values"
        ),
    ),
    Rule(
        r"project .{1,200}(does not exist|not found)|referencing project",
        "the project does not exist",
        Fix("have Argo CD's admin apply the committed project.yaml"),
    ),
    Rule(
        r"authentication required|unable to authenticate|permission denied \(publickey\)"
        r"|repository not (accessible|found)|could not read username|authorization failed",
        "Argo CD cannot read a repository",
        Fix(
            "give Argo CD a read-only credential of its own for delivery.argocd.repo_url; the "
            "deploy key of the DAGs is another one",
            "delivery.argocd.repo_url",
        ),
    ),
    Rule(
        r"unable to resolve .{1,200} to a commit|couldn't find remote ref",
        "the branch does not exist there",
        Fix("push it, or set delivery.argocd.revision", "delivery.argocd.revision"),
    ),
    Rule(
        r"app path does not exist|no such file or directory",
        "the path is not in the repository at this revision",
        Fix(
            "push the commit; repository.path must be the folder below the repository's top",
            "repository.path",
        ),
    ),
    Rule(
        r"chart .{1,200} not found|not a valid chart repository|failed to (fetch|pull) chart",
        "Argo CD does not get the chart",
        Fix("its repo server must reach https://airflow.apache.org: ask for the route or a proxy"),
    ),
    Rule(
        r"no matches for kind|could not find the requested resource"
        r"|API could not find external-secrets",
        "the cluster lacks a kind that is synced",
        Fix("install External Secrets with its CRDs (0.16 or newer), then sync again"),
    ),
    Rule(
        r"field is immutable|immutable field|updates to statefulset spec",
        "a field that was changed cannot be changed in place",
        Fix(
            "delete that object without its data (`kubectl delete --cascade=orphan`), then sync "
            "again"
        ),
    ),
    Rule(
        r"conflicts? with|apply failed with \d+ conflict",
        "another manager owns fields of a synced object",
        Fix(
            "see who writes them (`kubectl get -o yaml --show-managed-fields`) and stop one of both"
        ),
    ),
    Rule(
        r"unable to find destination|there are \d+ clusters|cluster .* not (found|configured)",
        "Argo CD does not know the destination cluster",
        Fix(
            "register it, or set delivery.argocd.destination to its address as Argo CD lists it",
            "delivery.argocd.destination",
        ),
    ),
)

GIT_RULES = (
    Rule(
        r"host key verification failed|knownhosts|no matching host key|remote host identification",
        "the Git host shows another SSH host key than the one that was verified",
        Fix(
            "ask its owner whether the key was replaced; then commit again with its fingerprint "
            "(dags.host_keys, or --host-key-fingerprint)",
            "dags.host_keys",
        ),
    ),
    Rule(
        r"permission denied|could not read from remote|authentication failed",
        "the Git host does not accept the deploy key",
        Fix("register the public key, read-only: dags.key.public in the answers", "dags.key"),
    ),
)
