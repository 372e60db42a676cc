"""The steps that fill the store, shared by `secrets` and the deploy-key page.

Nothing here prompts or prints. Each step returns the consent that the next one requires and raises
its own refusals, so that no front end can skip them.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from wizard.answers.questions import list_secret_variables
from wizard.clients import forge
from wizard.clients.forge import ProviderRepository
from wizard.clients.forge_pages import find_api
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.errors import NoContextError
from wizard.clients.ssh.clone import ParamikoClient
from wizard.errors import RefusedError, UsageError, WizardError
from wizard.formats.nested import get_value
from wizard.provisioning.earlier_places import list_earlier_places
from wizard.provisioning.survey import make_database_client, survey_store
from wizard.questions.cases import DAG_BUNDLES
from wizard.secrets.references import SecretRef
from wizard.stores.live import Composition, live_store
from wizard.stores.registry import store_kind, store_kinds
from wizard.systems.cluster.target_cluster import make_secret_lookup
from wizard.systems.fork import describe_new, require_own
from wizard.systems.git.bundle_probes import bundle_endpoint, bundle_probes
from wizard.systems.git.dag_probes import DAG_CLONE, clone_target, make_clone_lookup
from wizard.systems.git.https_probes import TOKEN_FACT, https_clone_probes, https_target
from wizard.systems.payload_store import HiddenPlace, fill_store
from wizard.workspace.consent import BUNDLES_KEY, DAGS_REPO_KEY, new_references
from wizard.workspace.deploy_keys import list_dag_keys
from wizard.workspace.repository_identity import compare_remote
from wizard.workspace.store_paths import list_store_paths

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.forge import ProviderRepository, RegistrationResult
    from wizard.engine.probes import Probe
    from wizard.git.repository import WorkTree
    from wizard.provisioning.items import StoreItem
    from wizard.provisioning.survey import Inputs, Survey
    from wizard.secrets.deploy_key import KeyPair
    from wizard.secrets.payload import Payload, PayloadPlace
    from wizard.secrets.references import SecretRef
    from wizard.stores.live import Composer, OpenStore, StoreLocation
    from wizard.systems.payload_store import FillResult
    from wizard.systems.prior_use import PriorUse, SecretLookup
    from wizard.workspace.deploy_keys import GitKey
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.store_paths import StorePath

_KUBE_TIMEOUT = 10.0
_TOKEN_KINDS = ("env", "file", "prompt")


@dataclass(frozen=True)
class StoreTarget:
    """The location of the store as reached from this machine; nothing has been sent to it yet."""

    proposal: Proposal
    where: StoreLocation
    repository: WorkTree

    @property
    def required_consent(self) -> dict[str, str]:
        """Questions to confirm before a login is sent, by key."""
        return dict(self.where.required_consent)

    def login(self) -> Any:
        """Return the operator's login. Raises WizardError without credentials."""
        login = self.where.find_login()
        if login is None:
            command = secrets_command(self.proposal.answers.installation.name)
            raise WizardError(
                f"no {self.where.title} credentials found for {self.where.endpoint}; "
                "nothing was changed",
                f"{self.where.login_hint}; or have somebody with write access run this in the "
                f"repository: {command}; or hand off the values: --hand-off FILE "
                "--recipient age1...",
            )
        return login


def secrets_command(installation: str) -> str:
    """Return the command for somebody with write access to the store."""
    return f"airflow-wizard secrets --installation {installation}"


def resolve_store(
    proposal: Proposal, agreed: Mapping[str, Any], repository: WorkTree, context: str = ""
) -> StoreTarget:
    """Return the store's location; `agreed` holds the raw answers on the target branch.

    The history of `repository` tells where earlier answers had the values. `context` is the
    kubeconfig context that the user named.

    Raises UsageError when `secrets` cannot fill this kind of store or the address is unusable.
    """
    release = proposal.rendering.release
    locate = live_store(release.store).locate
    if locate is None:
        fillable = ", ".join(kind.title for kind in store_kinds() if kind.fillable)
        raise UsageError(
            f"secrets can only fill {fillable}; secrets.store is {release.store}",
            "run secrets without these options: it lists what others must make"
            if store_kind(release.store).made_by_others
            else f"create the Secrets with the commands in {release.runbook}",
        )
    return StoreTarget(
        proposal, locate(proposal.answers, release, agreed, repository, context), repository
    )


@dataclass(frozen=True)
class StoreSession:
    """A login at the store and the survey of one path, by default the installation's own."""

    proposal: Proposal
    store: OpenStore
    settings: PayloadPlace
    found: Survey
    repository: WorkTree
    warnings: tuple[str, ...] = ()
    composer: Composer | None = None

    def open_all_paths(self) -> tuple[StoreSession, ...]:
        """Return the sessions of this and of other readers' paths, with the same login."""
        others = list_store_paths(self.proposal)[1:]
        return (
            self,
            *(_open_path(self.proposal, self.store, path, self.repository) for path in others),
        )

    def require_rights(self) -> str:
        """Raise RefusedError if the login cannot write at the path; return a note, usually empty.

        Call this before values are read or generated.
        """
        return self.store.require_rights(self.settings, exists=bool(self.found.seen.version))

    def signs(self, inputs: Inputs, cluster: SecretLookup | None) -> PriorUse:
        """Look for signs of earlier use; return the places that could not be checked.

        Raises RefusedError if values that would be generated were in use before.
        """
        signs = self.found.signs(inputs, cluster, make_database_client(self.proposal))
        signs.require_none(self.found.facts_in_state("generate"), self.found.store.name)
        return signs

    def fill(self, inputs: Inputs, agreed: str = "") -> FillResult:
        """Generate and read the missing values and write them at once; call `signs` first.

        `agreed` is the `Claim.seal` of a yes to `Survey.claim_question`.
        """
        found = self.found
        return fill_store(found.store, found.seen, found.values(inputs), agreed)

    def look_at_secrets(self) -> Composition:
        """Return what is to be done so that the Secrets exist; empty if the cluster does it.

        Raises RefusedError for a Secret of others that may not be changed.
        """
        return self.composer.look(self.found.seen.payload) if self.composer else Composition()

    def compose(self, filled: FillResult | None, agreed: str = "") -> tuple[str, ...]:
        """Make the missing Secrets from the values that the store has now; return what was done.

        `agreed` is the `Composition.seal` of a yes.
        """
        payload = filled.payload if filled else self.found.seen.payload
        return self.composer.compose(payload, agreed) if self.composer else ()

    def key(self, filled: FillResult | None = None) -> KeyPair | None:
        """Return the deploy key that the store holds now."""
        return self.found.deploy_key(filled.payload if filled else self.found.seen.payload)

    def keys(self, filled: FillResult | None = None) -> dict[str, KeyPair]:
        """Return the keys with which pods clone that the store holds now, by their names there."""
        payload = filled.payload if filled else self.found.seen.payload
        found = self.found.deploy_keys(payload, list_dag_keys(self.proposal.answers))
        return {about.fact: key for about, key in found}


def require_own_clone(sessions: Sequence[StoreSession], agreed: Mapping[str, str]) -> str:
    """Return a note, usually empty, if this clone may write to the paths of these sessions.

    `agreed` has the operator's seals by step. Raises ConflictError for a clone that may be a fork,
    whose values would be added to a payload that the original repository may have made.
    """
    written = [one for one in sessions if one.found.missing_facts]
    if not written:
        return ""
    proposal, repository = written[0].proposal, written[0].repository
    remote = compare_remote(repository, proposal.answers, proposal.rendering.release)
    if not remote.is_fork:
        return ""
    existing = [one.found.store.name for one in written if one.found.seen.version]
    if not existing:
        return f"warning: {describe_new(remote)}"
    seen = f"; the installation has: {', '.join(existing)}"
    require_own(repository, proposal.answers.installation.name, remote, agreed, seen)
    return ""


@contextmanager
def open_store(target: StoreTarget, who: Any) -> Iterator[StoreSession]:
    """Log in and survey the installation's path; a login made here is revoked at the end.

    Raises WizardError when the store gives no answer, and the errors of
    `wizard.provisioning.survey.survey_store`.
    """
    with target.where.open(who) as store:
        path = list_store_paths(target.proposal)[0]
        yield _open_path(target.proposal, store, path, target.repository)


def _open_path(
    proposal: Proposal, store: OpenStore, path: StorePath, repository: WorkTree
) -> StoreSession:
    warnings = store.require_lasting(path.store)
    earlier = list_earlier_places(proposal, repository, path.store)
    keys = [fact.key for fact in path.facts]
    places = [
        one if isinstance(one, HiddenPlace) else store.payload_store(one, keys) for one in earlier
    ]
    found = survey_store(proposal, store.payload_store(path.store, keys), path, places)
    release = proposal.rendering.release
    opened = live_store(release.store).open_composer
    composer = opened(store, release, path.secrets) if opened else None
    return StoreSession(proposal, store, path.store, found, repository, warnings, composer)


def list_read_consents(
    proposal: Proposal, items: Sequence[StoreItem], place: str, agreed: Mapping[str, Any]
) -> dict[str, str]:
    """Return the questions to confirm before values are read and sent to `place`, by key."""
    facts = [item.fact for item in items if item.state == "given"]
    return {
        key: f"{key} is new here: read {reference} and send it to {place}?"
        for key, reference in new_references(proposal.answers, facts, agreed).items()
    }


def format_items(items: Sequence[StoreItem], handed: Container[str] = ()) -> list[str]:
    """Return a line for each item: its key and where its value comes from, never the value.

    `handed` holds the keys whose values come from a hand-off file.
    """
    width = max((len(item.fact.key) for item in items), default=0)
    lines = []
    for item in items:
        from_file = item.state != "kept" and item.fact.key in handed
        lines.append(f"{item.fact.key:<{width}}  {'from the file' if from_file else item.source}")
    return lines


def open_cluster(answers: Answers, context: str = "") -> tuple[SecretLookup | None, str]:
    """Return the lookup of Secrets in the kubeconfig's cluster, and its identity.

    The lookup is None without a kubeconfig. Raises when a named context does not exist. Nothing is
    sent yet.
    """
    try:
        kube = open_kube(context, patience=_KUBE_TIMEOUT, hidden=list_secret_variables(answers))
    except NoContextError:
        return None, ""
    return make_secret_lookup(kube, answers), kube.identity


def parse_token_reference(text: str) -> SecretRef:
    """Parse the reference to a provider's token. Raises ValueError if the text is the token."""
    reference = SecretRef.parse(text)
    if reference.kind not in _TOKEN_KINDS:
        raise ValueError("give the source of the token: env:NAME, file:PATH or prompt")
    return reference


def find_provider_api(answers: Answers, key: GitKey | None = None) -> ProviderRepository | None:
    """Return the provider API of a key's repository (default: the DAGs'); None if unknown."""
    api = find_api(key.url if key else answers.dags.repo)
    return ProviderRepository(*api) if api else None  # type: ignore[arg-type]


def list_token_consents(
    key: GitKey, place: ProviderRepository, reference: SecretRef, agreed: Mapping[str, Any]
) -> dict[str, str]:
    """Return the question to confirm before a token is sent for a new repository URL."""
    if key.label:
        known = _list_known_bundles(agreed)
    else:
        known = {get_value(agreed, tuple(key.repository.split(".")))}
    if key.url in known:
        return {}
    name = key.label or key.repository
    return {name: f"Send the token from {reference} to {place.api}?"}


def _list_known_bundles(agreed: Mapping[str, Any]) -> set[Any]:
    listed = get_value(agreed, ("dags", "bundles"))
    return {get_value(one, ("repo",)) for one in listed} if isinstance(listed, list) else set()


def register_key(
    answers: Answers, place: ProviderRepository, token: SecretStr, public: str
) -> RegistrationResult:
    """Register a read-only key; raises the errors of `forge.register_deploy_key`."""
    title = f"airflow-wizard {answers.installation.name}"
    return forge.register_deploy_key(place, token, title, public)


def list_login_consents(found: Survey, agreed: Mapping[str, Any]) -> dict[str, str]:
    """Return the questions to confirm before tokens of this payload are sent to new hosts."""
    answers, facts = found.proposal.answers, {item.fact.key for item in found.items}
    consents: dict[str, str] = {}
    target = https_target(answers) if TOKEN_FACT in facts else None
    if target is not None and get_value(agreed, tuple(DAGS_REPO_KEY.split("."))) != target.url:
        consents[DAGS_REPO_KEY] = f"Send the Git token to {target.endpoint}?"
    known = _list_known_bundles(agreed)
    for bundle in answers.dags.bundles if DAG_BUNDLES.holds(answers) else ():
        if bundle.fact and bundle.fact.key in facts and bundle.repo not in known:
            key = f"{BUNDLES_KEY}{bundle.name}.login"
            consents[key] = f"Log in to {bundle_endpoint(bundle)} with {key}?"
    return consents


def list_login_probes(found: Survey, payload: Payload) -> list[Probe]:
    """Return the probes that clone with the other logins in this payload: tokens, and bundles'."""
    proposal, answers = found.proposal, found.proposal.answers
    ca = proposal.rendering.release.assets.get("dags.ca.file", "")
    held = {item.fact.key: payload.get(item.fact) for item in found.items}
    probes: list[Probe] = []
    target, token = https_target(answers, ca), held.get(TOKEN_FACT)
    if target is not None and token:
        probes += https_clone_probes(target, SecretStr(token))
    for bundle in answers.dags.bundles if DAG_BUNDLES.holds(answers) else ():
        value = held.get(bundle.fact.key) if bundle.fact else None
        if value:
            probes += bundle_probes(answers, bundle, SecretStr(value), ca)
    return probes


def list_clone_probes(
    answers: Answers, private: SecretStr, key: GitKey | None = None
) -> list[Probe]:
    """Return the probes that clone with this private key (default: the DAGs' repository).

    Raises RefusedError without a pinned host key.
    """
    if key is not None and key.label:
        bundle = next(one for one in answers.dags.bundles if one.fact and one.fact.key == key.fact)
        return list(bundle_probes(answers, bundle, private))
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
            "clone not tested: no host key has evidence yet", "see `airflow-wizard plan`"
        )
    look = make_clone_lookup(ParamikoClient(target, private))
    return list(DAG_CLONE.probes(target, look, writable=answers.dags.key.writable))
