"""Tasks of the deploy-key page: in the store, at the Git host, and the clone test.

The results outlive the page and hold no secret; every clone test reads the private key again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import fill
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from screens.background.tasks import TaskRunner
from screens.pages.deploy_key import store
from screens.pages.deploy_key.store import GIT_KEY
from screens.steps import DEPLOY_KEY
from screens.text import pluralize
from screens.widgets.prompts import ConfirmListDialog, create_token_prompt
from wizard.answers.questions import field_spec, list_references
from wizard.engine.probes import Probe, ProbeResult, run_probes
from wizard.errors import AnswersError, RefusedError, WizardError
from wizard.hostkeys.keys import known_hosts_name
from wizard.provisioning import steps as provisioning
from wizard.provisioning.survey import Inputs
from wizard.secrets.deploy_key import is_same_key
from wizard.secrets.resolve import resolve_reference
from wizard.stores.registry import store_kind
from wizard.workspace.consent import is_agreed, reference_key
from wizard.workspace.deploy_keys import git_key, list_dag_keys, raw_with_public

if TYPE_CHECKING:
    from pydantic import SecretStr

    from screens.host import Host
    from screens.pages.deploy_key.store import StoreAccess, StoreContents
    from wizard.answers.model import Answers
    from wizard.workspace.deploy_keys import GitKey
    from wizard.workspace.proposal import Proposal

OWN_KEY_KINDS = ("env", "file", "prompt")


@dataclass
class KeyStatus:
    """Results about one key since the wizard was opened; holds no secret.

    `repairs` lists fixes to the user's own key, None until it is read. `summary` is the result of
    the last task. `proof` maps ids to probes with their results, None while a probe runs.
    """

    subject: tuple[object, ...] = ()
    store_contents: StoreContents | None = None
    repairs: tuple[str, ...] | None = None
    summary: str = ""
    registration: str = ""
    notes: tuple[str, ...] = ()
    proof: dict[str, tuple[Probe, ProbeResult | None]] = field(default_factory=dict)


def relevant_answers(answers: Answers) -> tuple[object, ...]:
    """Return the answers that the results depend on; a change makes the results stale."""
    dags, own = answers.dags, answers.secrets
    # Missing values are listed and created with the current references.
    references = [(key, str(one)) for key, one in list_references(answers)]
    bundles = [(one.name, one.repo) for one in dags.bundles]
    return (dags.repo, dags.source, bundles, own.store, own.payload, getattr(own, own.store, None),
            answers.installation.name,
            answers.delivery, references)  # fmt: skip


class KeyTasks(TaskRunner):
    """The tasks of the deploy key; they fill the store with the steps of `secrets`."""

    def __init__(self, host: Host, page_name: str) -> None:
        super().__init__(host, page_name)
        self._statuses: dict[str, KeyStatus] = {}
        self.chosen = GIT_KEY

    @property
    def keys(self) -> list[GitKey]:
        """The keys with which pods clone over SSH."""
        return list_dag_keys(self.host.draft.answers)

    @property
    def key(self) -> GitKey:
        """The key that the page shows; the page is there only if there is one."""
        keys = self.keys
        found = next((one for one in keys if one.fact == self.chosen), None)
        return found or next(iter(keys), None) or git_key(self.host.draft.answers)

    @property
    def key_status(self) -> KeyStatus:
        """The results on the shown key, for the current answers."""
        return self._status_of(self.key)

    def _status_of(self, key: GitKey) -> KeyStatus:
        now = relevant_answers(self.host.draft.answers)
        if any(one.subject != now for one in self._statuses.values()):
            self._statuses, self.error = {}, None
        return self._statuses.setdefault(key.fact, KeyStatus(now))

    def _set_contents(self, contents: StoreContents) -> None:
        """Keep the contents of the store, which has all keys, and record their public parts."""
        keys = self.keys
        for key in keys:
            self._status_of(key).store_contents = contents
        for key in keys:
            self._update_public(key, contents.publics.get(key.fact, ""))

    async def look(self) -> None:
        """Check the store, or the user's own key if the store has none."""
        answers, key = self.host.draft.answers, self.key
        own = key.answer.kind in OWN_KEY_KINDS
        kind = store_kind(answers.secrets.store)
        if not kind.fillable or (own and not store.find_operator(kind.name)):
            await self._read_own_key(key)
            return
        try:
            access = await self._prepare_access()
        except WizardError:
            if own:
                await self._read_own_key(key)
            raise
        await self._consent_to_store(access)
        text = access.target.where.progress
        contents = await self._run_in_thread(text, lambda: store.read_store(access))
        self._set_contents(contents)
        if own and contents.state_of(key.fact) == "given":
            await self._read_own_key(key)

    async def _prepare_access(self) -> StoreAccess:
        proposal = await self._proposal()
        return await self._run_in_thread(
            "reading the target branch", lambda: store.prepare_access(proposal, self.host.workspace)
        )

    async def _proposal(self) -> Proposal:
        """Return the proposal of the answers; the error names the missing answers."""
        try:
            return await self._run_in_thread("reading the answers", self.host.propose)
        except AnswersError as error:
            problems = [str(problem) for problem in error.problems] or [error.message]
            more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
            raise WizardError(
                f"the answers are incomplete: {'; '.join(problems[:3])}{more}",
                "complete them, then come back; the key can wait",
            ) from None

    async def _consent_to_store(self, access: StoreAccess) -> None:
        where = access.target.where
        key = store_kind(self.host.draft.answers.secrets.store).server_key
        named = "the answers name" if where.source == key else f"{where.source} names"
        source = f"{named} this server" if where.is_server else "nothing leaves this machine"
        text = (
            f"As {access.credentials.identity}; {source}. The check changes nothing, and no value "
            "is shown or kept."
        )
        answer = "connect" if where.is_server else "read"
        await self._consent(f"store {access.place}", where.question, text, answer)

    async def make(self) -> None:
        """Create and store missing values: checks for prior use, then confirms the list."""
        contents = self.key_status.store_contents
        if contents is None or not contents.missing_items:
            return
        if contents.denial is not None:
            raise contents.denial
        if contents.unset_variables:
            names = pluralize(len(contents.unset_variables), "variable")
            raise WizardError(
                f"{names} not set here: {', '.join(contents.unset_variables)}",
                'choose "prompt" at that question (ctrl+p finds it) and type the value here; or '
                "export the variable and open the wizard again",
            )
        access = await self._prepare_access()
        await self._consent_to_store(access)
        await self._consent_to_reads(access, contents)
        await self._prompt_secrets(contents)
        inputs = Inputs(access.proposal.answers, self.host.folder, self._prompt)
        text = "checking whether the installation ran before"
        prior_use = await self._run_in_thread(text, lambda: store.find_prior_use(access, inputs))
        await self._ask(_create_write_dialog(contents, prior_use.unknown))
        await self._fill(access, contents, inputs)

    async def _fill(self, access: StoreAccess, contents: StoreContents, inputs: Inputs) -> None:
        self.is_writing = True
        text = f"writing to {contents.store}"
        status = self.key_status
        now, notes = await self._run_in_thread(
            text, lambda: store.fill_store(access, contents, inputs)
        )
        if self.key_status is status:
            status.summary = "; ".join(notes)
            self._set_contents(now)

    async def _consent_to_reads(self, access: StoreAccess, contents: StoreContents) -> None:
        """Ask for consent to read new references and to query cluster and database."""
        answers = access.proposal.answers
        reads = provisioning.list_read_consents(
            contents.proposal, contents.items, contents.store, access.branch_answers
        )
        # The server has a dialog of its own; whom values are encrypted for is asked here.
        own_key = store_kind(answers.secrets.store).server_key
        named = access.target.required_consent.items()
        asked = [text for key, text in named if key != own_key]
        lines = [text.removesuffix("?") for text in (*asked, *reads.values())]
        has_new = any(item.state == "generate" for item in contents.items)
        if has_new:
            text = "reading the kubeconfig"
            _, identity = await self._run_in_thread(
                text, lambda: provisioning.open_cluster(answers)
            )
            lines += [f"list the Secrets in the cluster: {identity}"] if identity else []
        if any(
            item.fact.key == "fernetKey" and item.state == "generate" for item in contents.items
        ):
            own = answers.database
            lines.append(
                f"check as {own.user} whether the database {own.host}:{own.port} is already "
                "migrated"
            )
        text = "\n".join(fill(line, 66, initial_indent="- ", subsequent_indent="  ",
                              break_on_hyphens=False) for line in lines)  # fmt: skip
        if lines:
            await self._consent(f"make {text}", "Before any value is created:", text, "continue")

    async def _prompt_secrets(self, contents: StoreContents) -> None:
        for item in contents.missing_items:
            reference = item.fact.reference
            if item.state == "given" and reference is not None and reference.kind == "prompt":
                key = reference_key(contents.proposal.answers, reference)
                await self._prompt_secret(key, f"It is sent only to {contents.store}.")

    def _update_public(self, key: GitKey, public: str) -> None:
        """Record the public part in the draft, as `secrets` does."""
        # Keep the user's own comment on the same key.
        if public and not is_same_key(key.public, public):
            self._set_public(key, public)

    def _set_public(self, key: GitKey, public: str) -> None:
        draft, item = self.host.draft, field_spec(key.question)
        self.host.draft = draft.with_answer(
            item, raw_with_public(draft.answers, draft.value(item), key, public)
        )

    async def forget(self) -> None:
        """Clear the recorded public part after a confirmation."""
        key = self.key
        text = (
            "The answers then have no deploy key: the next check records the key in the store, or "
            "a new one is created. A key that is registered at the Git host stays registered."
        )
        await self._ask(
            ConfirmListDialog(f"Clear {key.name}.public?", text, yes="clear it", no="keep it")
        )
        self._set_public(key, "")
        self._statuses = {}

    async def _read_own_key(self, key: GitKey) -> SecretStr | None:
        """Read and check the user's own key; return the private key for a clone test."""
        reference = key.answer
        if reference.kind not in OWN_KEY_KINDS:
            return None
        branch_answers = await self._run_in_thread(
            "reading the target branch",
            lambda: self.host.workspace.target_answers(self.host.existing),
        )
        await self._consent_to_own_key(key, branch_answers)
        if reference.kind == "prompt":
            await self._prompt_secret(
                key.name, "Paste the whole private key; it is only checked here."
            )
        pair, repairs = await self._run_in_thread(
            f"reading {reference}",
            lambda: store.read_own_key(key, self.host.folder, self._prompt),
        )
        self._status_of(key).repairs = repairs
        self._update_public(key, pair.public)
        return pair.private

    async def _consent_to_own_key(self, key: GitKey, branch_answers: Mapping[str, Any]) -> None:
        reference = key.answer
        if reference.kind == "prompt" or is_agreed(branch_answers, key.name, reference):
            return
        title = f"Read {reference} on this machine?"
        text = (
            f"This {key.name} is not on the target branch yet. The key is checked here and not "
            "sent anywhere; only its public part is shown."
        )
        await self._consent(f"read {reference}", title, text, "read it")

    async def register(self) -> None:
        """Register the key at the Git host, read-only, with a token from a reference."""
        answers, key = self.host.draft.answers, self.key
        api, public = provisioning.find_provider_api(answers, key), key.public
        if api is None or not public:
            return
        title = f"Register the key at {api.path}, read-only"
        text = f"{api.api} needs a token of an administrator of the repository."
        reference = await self._ask(
            create_token_prompt(title, text, provisioning.parse_token_reference)
        )
        if reference.kind == "prompt":
            await self._prompt_secret("token", f"It is sent only to {api.api}.")
        else:
            title = f"Send the token from {reference} to {api.api}?"
            text = "It is read now, sent only there over verified TLS, and not kept."
            await self._consent(f"{reference} to {api.api}", title, text, "send it")
        token = resolve_reference(reference, "token", folder=self.host.folder, prompt=self._prompt)
        self.is_writing = True
        done = await self._run_in_thread(
            f"asking {api.api}", lambda: provisioning.register_key(answers, api, token, public)
        )
        status = self._status_of(key)
        status.registration = "registered" if done.made else "already registered"
        status.registration += f", read-only: {api.path}"
        status.notes = (f"! {done.note}",) if done.note else ()

    async def prove(self) -> None:
        """Test a clone with exactly this key; shows each result as it arrives."""
        key, answers = self.key, (await self._proposal()).answers
        # Report missing evidence before asking for consent.
        place = key.location
        name = known_hosts_name(place.host, place.port)
        if name not in {line.split()[0] for line in answers.dags.known_hosts.splitlines()}:
            raise RefusedError("clone not tested: no host key has evidence yet", "go to Host keys")
        private = await self._read_private_key(key)
        title = f"Clone from {place.host} with this key?"
        text = "Only the names of its files are fetched; nothing is written there."
        await self._consent(f"clone {key.url}", title, text, "clone")
        await self._probe(key, provisioning.list_clone_probes(answers, private, key))

    async def _read_private_key(self, key: GitKey) -> SecretStr:
        contents = self._status_of(key).store_contents
        is_in_store = contents is not None and contents.state_of(key.fact) == "kept"
        if key.answer.kind in OWN_KEY_KINDS and not is_in_store:
            own = await self._read_own_key(key)
            assert own is not None  # noqa: S101
            return own
        access = await self._prepare_access()
        await self._consent_to_store(access)
        text = access.target.where.progress
        stored = await self._run_in_thread(text, lambda: store.read_stored_key(access, key))
        self._update_public(key, stored.public)
        return stored.private

    async def _probe(self, key: GitKey, probes: list[Probe]) -> None:
        status = self._status_of(key)
        status.proof = {probe.id: (probe, None) for probe in probes}

        self._begin(f"cloning from {probes[0].endpoint}")
        async for probe, result in run_probes(probes):
            status.proof[probe.id] = (probe, result)
            self.show()


_KEY_TASKS: WeakKeyDictionary[Host, KeyTasks] = WeakKeyDictionary()


def get_key_tasks(host: Host) -> KeyTasks:
    """Return the tasks of this app; their results outlive the page."""
    if host not in _KEY_TASKS:
        _KEY_TASKS[host] = KeyTasks(host, DEPLOY_KEY)
    return _KEY_TASKS[host]


def _create_write_dialog(contents: StoreContents, unknown: tuple[str, ...]) -> ConfirmListDialog:
    """Return the dialog before a write: the list of `secrets`, and what was not checked."""
    path, _, where = contents.store.partition(" at ")
    lines = [f"at {where}, as {contents.identity}" if where else f"as {contents.identity}"]
    if contents.claim:
        lines += [f"! {contents.claim}"]
    if unknown:
        lines += [f"! not checked: {place}" for place in unknown]
        lines += ["If this installation ran before, stop and store its old values there instead."]
    lines += ["", *provisioning.format_items(contents.items)]
    title = f"Write {pluralize(len(contents.missing_items), 'value')} to {path}?"
    return ConfirmListDialog(title, "\n".join(lines), yes="create and store them", no="not now")
