"""The steps that fill the store, one by one: `secrets` and the deploy-key page take the same ones.

Nothing here asks or prints: a step says what has to be agreed to before the next one, and every
hard stop is raised by the step itself, so that no front end can forget it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients import forge
from wizard.clients.forge import ProviderRepository
from wizard.clients.forge_pages import find_api
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.errors import NoContextError
from wizard.clients.ssh.clone import ParamikoClient
from wizard.errors import RefusedError, UsageError, WizardError
from wizard.formats.nested import get_value
from wizard.provisioning.survey import make_database_client, survey_store
from wizard.secrets.references import SecretRef
from wizard.stores.live import live_store
from wizard.stores.registry import store_kinds
from wizard.systems.cluster.target_cluster import make_secret_lookup
from wizard.systems.git.dag_probes import DAG_CLONE, clone_target, make_clone_lookup
from wizard.systems.payload_store import fill_store
from wizard.workspace.consent import new_references
from wizard.workspace.store_paths import list_store_paths

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.clients.forge import ProviderRepository, RegistrationResult
    from wizard.engine.probes import Probe
    from wizard.manifests.external_secrets import StoreSettings
    from wizard.provisioning.survey import Inputs, StoreItem, Survey
    from wizard.secrets.deploy_key import KeyPair
    from wizard.secrets.references import SecretRef
    from wizard.stores.live import OpenStore, StoreLocation
    from wizard.systems.payload_store import FillResult
    from wizard.systems.prior_use import PriorUse, SecretLookup
    from wizard.workspace.deploy_keys import GitKey
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.store_paths import StorePath

_KUBE_TIMEOUT = 10.0
_TOKEN_KINDS = ("env", "file", "prompt")


@dataclass(frozen=True)
class StoreTarget:
    """Where the store is for this machine; nothing was sent there yet."""

    proposal: Proposal
    where: StoreLocation

    @property
    def required_consent(self) -> dict[str, str]:
        """What needs a yes before a login is sent, by its key."""
        return dict(self.where.required_consent)

    def login(self) -> Any:
        """Who the operator is there; WizardError with what to do where nothing says so."""
        who = self.where.find_login()
        if who is None:
            command = secrets_command(self.proposal.answers.installation.name)
            raise WizardError(
                f"nothing says who you are to {self.where.title} at {self.where.endpoint}; "
                "nothing was done",
                f"{self.where.login_hint}; or have somebody who may write there run it in this "
                f"repository: {command}; or hand them the values: --hand-off FILE "
                "--recipient age1...",
            )
        return who


def secrets_command(installation: str) -> str:
    """The command that somebody with access to the store runs."""
    return f"airflow-wizard secrets --installation {installation}"


def resolve_store(proposal: Proposal, agreed: Mapping[str, Any]) -> StoreTarget:
    """Where the store is; `agreed` are the raw answers on the target branch.

    Raises UsageError where `secrets` fills no such store, or its address cannot be used.
    """
    release = proposal.rendering.release
    locate = live_store(release.store).locate
    if locate is None:
        fillable = ", ".join(kind.title for kind in store_kinds() if kind.fillable)
        raise UsageError(
            f"secrets fills {fillable}, and secrets.store is {release.store}",
            f"{release.runbook} has the commands that make these Secrets",
        )
    return StoreTarget(proposal, locate(proposal.answers, release, agreed))


@dataclass(frozen=True)
class StoreSession:
    """A login at the store, and what one path of it has and lacks: the installation's own."""

    proposal: Proposal
    store: OpenStore
    settings: StoreSettings
    found: Survey

    def open_all_paths(self) -> tuple[StoreSession, ...]:
        """This path and those of further readers, by the same login; raises as `open_store`."""
        others = list_store_paths(self.proposal)[1:]
        return (self, *(_open_path(self.proposal, self.store, path) for path in others))

    def require_rights(self) -> None:
        """Before anything is asked or made: may this login write there?"""
        self.store.require_rights(self.settings, exists=bool(self.found.seen.version))

    def signs(self, inputs: Inputs, cluster: SecretLookup | None) -> PriorUse:
        """What could not be looked at; RefusedError where this installation has lived before."""
        signs = self.found.signs(inputs, cluster, make_database_client(self.proposal))
        signs.require_none(self.found.facts_in_state("generate"), self.found.store.name)
        return signs

    def fill(self, inputs: Inputs) -> FillResult:
        """Make and read what lacks, and write it at once; call `signs` before."""
        return fill_store(self.found.store, self.found.seen, self.found.values(inputs))

    def key(self, filled: FillResult | None = None) -> KeyPair | None:
        """The deploy key that the store holds now."""
        return self.found.deploy_key(filled.payload if filled else self.found.seen.payload)


@contextmanager
def open_store(target: StoreTarget, who: Any) -> Iterator[StoreSession]:
    """Log in and look; a login made here is revoked at the end.

    Raises WizardError where the store gives no answer, and as
    `wizard.provisioning.survey.survey_store` where something stands in the way.
    """
    with target.where.open(who) as store:
        yield _open_path(target.proposal, store, list_store_paths(target.proposal)[0])


def _open_path(proposal: Proposal, store: OpenStore, path: StorePath) -> StoreSession:
    found = survey_store(proposal, store.payload_store(path.store), path)
    return StoreSession(proposal, store, path.store, found)


def list_read_consents(
    proposal: Proposal, items: Sequence[StoreItem], place: str, agreed: Mapping[str, Any]
) -> dict[str, str]:
    """What needs a yes before it is read and sent to `place`, by its key."""
    facts = [item.fact for item in items if item.state == "given"]
    return {
        key: f"{key} is new here: read {reference} and send it to {place}?"
        for key, reference in new_references(proposal.answers, facts, agreed).items()
    }


def format_items(items: Sequence[StoreItem], handed: Container[str] = ()) -> list[str]:
    """Every fact and where it comes from, a line each; never a value.

    `handed` are the keys of a hand-off file, which come from there.
    """
    width = max((len(item.fact.key) for item in items), default=0)
    lines = []
    for item in items:
        of_file = item.state != "kept" and item.fact.key in handed
        lines.append(f"{item.fact.key:<{width}}  {'from the file' if of_file else item.source}")
    return lines


def open_cluster(answers: Answers, context: str = "") -> tuple[SecretLookup | None, str]:
    """How the kubeconfig's cluster is asked which Secrets it has, and as whom; None without one.

    What was named has to be there; nothing is sent yet.
    """
    try:
        kube = open_kube(context, patience=_KUBE_TIMEOUT)
    except NoContextError:
        return None, ""
    return make_secret_lookup(kube, answers), kube.identity


def parse_token_reference(text: str) -> SecretRef:
    """Where a provider's token comes from; ValueError for a token itself, which is not repeated."""
    reference = SecretRef.parse(text)
    if reference.kind not in _TOKEN_KINDS:
        raise ValueError("say where a token comes from: env:NAME, file:PATH or prompt")
    return reference


def find_provider_api(answers: Answers, key: GitKey | None = None) -> ProviderRepository | None:
    """The API of the provider of a key's repository (default: the DAGs'); None where unknown."""
    api = find_api(key.url if key else answers.dags.repo)
    return ProviderRepository(*api) if api else None  # type: ignore[arg-type]


def list_token_consents(
    key: GitKey, place: ProviderRepository, reference: SecretRef, agreed: Mapping[str, Any]
) -> dict[str, str]:
    """What needs a yes before a token is sent: only the answers say whose API it is."""
    if get_value(agreed, tuple(key.repository.split("."))) == key.url:
        return {}
    return {key.repository: f"Send the token from {reference} to {place.api}?"}


def register_key(
    answers: Answers, place: ProviderRepository, token: SecretStr, public: str
) -> RegistrationResult:
    """Have the provider know the key, read-only; raises as `forge_api.register`."""
    title = f"airflow-wizard {answers.installation.name}"
    return forge.register_deploy_key(place, token, title, public)


def list_clone_probes(
    answers: Answers, private: SecretStr, key: GitKey | None = None
) -> list[Probe]:
    """The looks that prove a clone with this very private key (default: the DAGs').

    RefusedError without a pinned host key.
    """
    if key is not None and key.question != "dags.key":
        from wizard.systems.argocd.probes import (
            CONFIG_CLONE,
            make_unproven_probe,
            repository_target,
        )

        config = repository_target(answers)
        if config is None:
            return [make_unproven_probe(answers)]
        look = make_clone_lookup(ParamikoClient(config, private))
        return list(CONFIG_CLONE.probes(config, look, writable=key.answer.writable))
    target = clone_target(answers)
    if target is None:
        raise RefusedError(
            "not proven: no host key has evidence yet", "`airflow-wizard plan` says more"
        )
    look = make_clone_lookup(ParamikoClient(target, private))
    return list(DAG_CLONE.probes(target, look, writable=answers.dags.key.writable))
