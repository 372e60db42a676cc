"""The steps that fill the store, one by one: `secrets` and the deploy-key page take the same ones.

Nothing here asks or prints: a step says what has to be agreed to before the next one, and every
hard stop is raised by the step itself, so that no front end can forget it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.errors import RefusedError, UsageError, WizardError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.clients.forge import Place, Registered
    from wizard.clients.vault.address import Address, AppRole, Token
    from wizard.clients.vault.protocol import Vault
    from wizard.engine.probes import Probe
    from wizard.manifests.external_secrets import StoreSettings
    from wizard.provisioning.survey import Inputs, Item, Survey
    from wizard.secrets.deploy_key import DeployKey
    from wizard.secrets.references import SecretRef
    from wizard.systems.prior_use import Cluster, Signs
    from wizard.systems.vault.payload_store import Filled
    from wizard.workspace.deploy_keys import GitKey
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.store_paths import StorePath

_PATIENCE = 10.0
_TOKEN_KINDS = ("env", "file", "prompt")


@dataclass(frozen=True)
class Way:
    """Where the store is for this machine; nothing was sent there yet.

    `vouched`: the operator's own environment names the server, or the target branch does.
    """

    proposal: Proposal
    where: Address
    settings: StoreSettings
    vouched: bool

    @property
    def question(self) -> dict[str, str]:
        """What needs a yes before a login is sent, by its key."""
        from wizard.workspace.consent import SERVER

        if self.vouched:
            return {}
        return {SERVER: f"Send your Vault login and new secrets to {self.where.url}?"}

    def login(self) -> Token | AppRole:
        """Who the operator is there; WizardError with what to do where nothing says so."""
        from wizard.clients.vault.address import HOW, credentials

        who = credentials()
        if who is None:
            command = other_way(self.proposal.answers.installation.name)
            raise WizardError(
                f"nothing says who you are to Vault at {self.where.endpoint}; nothing was done",
                f"{HOW}; or have somebody who may write there run it in this repository: "
                f"{command}; or hand them the values: --hand-off FILE --recipient age1...",
            )
        return who


def other_way(installation: str) -> str:
    """The command that somebody with access to the store runs."""
    return f"airflow-wizard secrets --installation {installation}"


def way_to_store(proposal: Proposal, agreed: Mapping[str, Any]) -> Way:
    """Where the store is; `agreed` are the raw answers on the target branch.

    Raises UsageError where it is no Vault, or its address cannot be used.
    """
    from wizard.clients.vault.address import address
    from wizard.formats.nested import get
    from wizard.workspace.consent import SERVER

    release = proposal.rendering.release
    if release.store != "vault":
        raise UsageError(
            f"secrets fills Vault, and secrets.store is {release.store}",
            f"{release.runbook} has the commands that make these Secrets",
        )
    own = proposal.answers.secrets.vault
    ca = release.assets.get("secrets.vault.ca.file", "")
    where = address(own.server, ca=ca, namespace=own.namespace)
    known = get(agreed, tuple(SERVER.split("."))) == own.server
    settings = proposal.answers.secrets.store_settings(release)
    return Way(proposal, where, settings, where.source != SERVER or known)


@dataclass(frozen=True)
class AtStore:
    """A login at the store, and what one path of it has and lacks: the installation's own."""

    proposal: Proposal
    vault: Vault
    settings: StoreSettings
    found: Survey

    def every(self) -> tuple[AtStore, ...]:
        """This path and those of further readers, by the same login; raises as `at_store`."""
        from wizard.workspace.store_paths import paths

        others = paths(self.proposal)[1:]
        return (self, *(_at_path(self.proposal, self.vault, path) for path in others))

    def require_rights(self) -> None:
        """Before anything is asked or made: may this login write there?"""
        path = self.settings.data_path
        needed = "update" if self.found.seen.version else "create"
        if not self.vault.capabilities([path])[path] & {needed, "root"}:
            raise RefusedError(
                f"{self.vault.identity} may not {needed} {path}; nothing was done",
                "ask Vault's owner for: path \"" + path + '" '
                '{ capabilities = ["create", "read", "update"] }',
            )

    def signs(self, inputs: Inputs, cluster: Cluster | None) -> Signs:
        """What could not be looked at; RefusedError where this installation has lived before."""
        from wizard.provisioning.survey import database_client

        signs = self.found.signs(inputs, cluster, database_client(self.proposal))
        signs.require_none(self.found.of("generate"), self.found.store.name)
        return signs

    def fill(self, inputs: Inputs) -> Filled:
        """Make and read what lacks, and write it at once; call `signs` before."""
        from wizard.systems.vault.payload_store import fill

        return fill(self.found.store, self.found.seen, self.found.values(inputs))

    def key(self, filled: Filled | None = None) -> DeployKey | None:
        """The deploy key that the store holds now."""
        return self.found.deploy_key(filled.payload if filled else self.found.seen.payload)


@contextmanager
def at_store(way: Way, who: Token | AppRole) -> Iterator[AtStore]:
    """Log in and look; a login made here is revoked at the end.

    Raises VaultError, and as `wizard.provisioning.survey.survey` where something stands in the way.
    """
    from wizard.clients.vault.connect import opened
    from wizard.workspace.store_paths import paths

    with opened(way.where, who) as vault:
        vault.mount(way.settings.mount)
        yield _at_path(way.proposal, vault, paths(way.proposal)[0])


def _at_path(proposal: Proposal, vault: Vault, path: StorePath) -> AtStore:
    from wizard.provisioning.survey import survey
    from wizard.systems.vault.payload_store import VaultStore

    settings = path.store
    store = VaultStore(vault, settings.mount, settings.path, settings.document)
    return AtStore(proposal, vault, settings, survey(proposal, store, path))


def new_reads(
    proposal: Proposal, items: Sequence[Item], place: str, agreed: Mapping[str, Any]
) -> dict[str, str]:
    """What needs a yes before it is read and sent to `place`, by its key."""
    from wizard.workspace.consent import new_references

    facts = [item.fact for item in items if item.state == "given"]
    return {
        key: f"{key} is new here: read {reference} and send it to {place}?"
        for key, reference in new_references(proposal.answers, facts, agreed).items()
    }


def listed(items: Sequence[Item], handed: Container[str] = ()) -> list[str]:
    """Every fact and where it comes from, a line each; never a value.

    `handed` are the keys of a hand-off file, which come from there.
    """
    width = max((len(item.fact.key) for item in items), default=0)
    lines = []
    for item in items:
        of_file = item.state != "kept" and item.fact.key in handed
        lines.append(f"{item.fact.key:<{width}}  {'from the file' if of_file else item.source}")
    return lines


def cluster_to_ask(answers: Answers, context: str = "") -> tuple[Cluster | None, str]:
    """How the kubeconfig's cluster is asked which Secrets it has, and as whom; None without one.

    What was named has to be there; nothing is sent yet.
    """
    from wizard.clients.kube.connect import open_kube
    from wizard.clients.kube.errors import NoContextError
    from wizard.systems.cluster.target_cluster import existing_secrets

    try:
        kube = open_kube(context, patience=_PATIENCE)
    except NoContextError:
        return None, ""
    return existing_secrets(kube, answers), kube.identity


def token_reference(text: str) -> SecretRef:
    """Where a provider's token comes from; ValueError for a token itself, which is not repeated."""
    from wizard.secrets.references import SecretRef

    reference = SecretRef.parse(text)
    if reference.kind not in _TOKEN_KINDS:
        raise ValueError("say where a token comes from: env:NAME, file:PATH or prompt")
    return reference


def provider(answers: Answers, key: GitKey | None = None) -> Place | None:
    """The API of the provider of a key's repository (default: the DAGs'); None where unknown."""
    from wizard.clients.forge import Place
    from wizard.clients.forge_pages import api_of

    api = api_of(key.url if key else answers.dags.repo)
    return Place(*api) if api else None  # type: ignore[arg-type]


def token_question(
    key: GitKey, place: Place, reference: SecretRef, agreed: Mapping[str, Any]
) -> dict[str, str]:
    """What needs a yes before a token is sent: only the answers say whose API it is."""
    from wizard.formats.nested import get

    if get(agreed, tuple(key.repository.split("."))) == key.url:
        return {}
    return {key.repository: f"Send the token from {reference} to {place.api}?"}


def register(answers: Answers, place: Place, token: SecretStr, public: str) -> Registered:
    """Have the provider know the key, read-only; raises as `forge_api.register`."""
    from wizard.clients import forge

    title = f"airflow-wizard {answers.installation.name}"
    return forge.register(place, token, title, public)


def proof(answers: Answers, private: SecretStr, key: GitKey | None = None) -> list[Probe]:
    """The looks that prove a clone with this very private key (default: the DAGs').

    RefusedError without a pinned host key.
    """
    from wizard.clients.ssh.clone import Paramiko
    from wizard.systems.git.dag_probes import DAGS, clone_target, looking

    if key is not None and key.question != "dags.key":
        from wizard.systems.argocd.probes import CONFIG, repository_target, unproven

        config = repository_target(answers)
        if config is None:
            return [unproven(answers)]
        look = looking(Paramiko(config, private))
        return list(CONFIG.probes(config, look, writable=key.answer.writable))
    target = clone_target(answers)
    if target is None:
        raise RefusedError(
            "not proven: no host key has evidence yet", "`airflow-wizard plan` says more"
        )
    look = looking(Paramiko(target, private))
    return list(DAGS.probes(target, look, writable=answers.dags.key.writable))
