"""What the deploy-key page does: in the store, at the Git host, and the proof of a clone.

The findings outlive the page and hold no secret; a private key is read again for every proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import fill
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from screens.background.tasks import TaskRunner
from screens.pages.deploy_key import store
from screens.steps import DEPLOY_KEY
from screens.text import pluralize
from screens.widgets.prompts import ConfirmListDialog, create_token_prompt
from wizard.answers.questions import field_spec, field_specs
from wizard.engine.probes import Probe, ProbeResult, run_probes
from wizard.errors import AnswersError, RefusedError, WizardError
from wizard.formats.nested import get_value
from wizard.provisioning import steps as provisioning
from wizard.provisioning.survey import Inputs
from wizard.secrets.deploy_key import is_same_key
from wizard.secrets.resolve import resolve_reference
from wizard.stores.registry import store_kind
from wizard.workspace.consent import reference_key

if TYPE_CHECKING:
    from pydantic import SecretStr

    from screens.host import Host
    from screens.pages.deploy_key.store import StoreAccess, StoreContents
    from wizard.answers.model import Answers
    from wizard.workspace.proposal import Proposal

OWN_KEY_KINDS = ("env", "file", "prompt")


@dataclass
class KeyStatus:
    """What was found out and done about one key since the wizard was opened; nothing secret.

    `repairs` is what is set right in a key of one's own, None while it was not read; `summary` is
    how the last task ended; `proof` has every probe with its result, None while it runs.
    """

    subject: tuple[object, ...] = ()
    store_contents: StoreContents | None = None
    repairs: tuple[str, ...] | None = None
    summary: str = ""
    registration: str = ""
    notes: tuple[str, ...] = ()
    proof: dict[str, tuple[Probe, ProbeResult | None]] = field(default_factory=dict)


def relevant_answers(answers: Answers) -> tuple[object, ...]:
    """The answers that findings belong to: another repository or store, and they are stale."""
    dags, own = answers.dags, answers.secrets
    # What lacks is shown and made with the references that stand now.
    references = [
        str(get_value(answers, item.path)) for item in field_specs() if item.kind == "secret"
    ]
    return (dags.repo, dags.source, own.store, own.payload, getattr(own, own.store, None),
            answers.installation.name,
            answers.delivery, references)  # fmt: skip


class KeyTasks(TaskRunner):
    """All that can be done about the deploy key; the store is filled by the steps of `secrets`."""

    _status = KeyStatus()

    @property
    def key_status(self) -> KeyStatus:
        """What is known of the answers as they stand."""
        now = relevant_answers(self.host.draft.answers)
        if self._status.subject != now:
            self._status, self.error = KeyStatus(now), None
        return self._status

    async def look(self) -> None:
        """f5: the store first; a key of one's own where the store has none."""
        answers = self.host.draft.answers
        own = answers.dags.key.kind in OWN_KEY_KINDS
        if not store_kind(answers.secrets.store).fillable or (own and not store.find_operator()):
            await self._read_own_key(answers)
            return
        try:
            access = await self._prepare_access()
        except WizardError:
            if own:
                await self._read_own_key(answers)
            raise
        await self._consent_to_vault(access)
        text = f"asking Vault at {access.target.where.endpoint}"
        contents = await self._run_in_thread(text, lambda: store.read_store(access))
        status = self.key_status
        status.store_contents = contents
        if contents.public:
            self._update_public(contents.public)
        elif own and contents.state_of(store.GIT_KEY) == "given":
            await self._read_own_key(answers)

    async def _prepare_access(self) -> StoreAccess:
        proposal = await self._proposal()
        return await self._run_in_thread(
            "reading the target branch", lambda: store.prepare_access(proposal, self.host.workspace)
        )

    async def _proposal(self) -> Proposal:
        """What the answers come to; the error says which of them lack."""
        try:
            return await self._run_in_thread("reading the answers", self.host.propose)
        except AnswersError as error:
            problems = [str(problem) for problem in error.problems] or [error.message]
            more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
            raise WizardError(
                f"these answers are not complete yet: {'; '.join(problems[:3])}{more}",
                "give them, then come back; the key may wait until then",
            ) from None

    async def _consent_to_vault(self, access: StoreAccess) -> None:
        source = access.target.where.source
        named = "the answers name" if source == "secrets.vault.server" else f"{source} names"
        text = (
            f"As {access.credentials.identity}; {named} this server. A look changes nothing there, "
            "and no value it holds is shown or kept."
        )
        title = f"Ask Vault at {access.target.where.endpoint}?"
        await self._consent(f"vault {access.place}", title, text, "ask it")

    async def make(self) -> None:
        """Make and store what lacks: signs of an earlier life first, then a yes to the list."""
        contents = self.key_status.store_contents
        if contents is None or not contents.missing_items:
            return
        if contents.denial is not None:
            raise contents.denial
        if contents.unset_variables:
            names = pluralize(len(contents.unset_variables), "variable")
            raise WizardError(
                f"{names} to read from not set here: {', '.join(contents.unset_variables)}",
                'choose "ask at run" at that question (ctrl+p finds it), and it is typed here; or '
                "export it and open the wizard again",
            )
        access = await self._prepare_access()
        await self._consent_to_vault(access)
        await self._consent_to_reads(access, contents)
        await self._prompt_secrets(contents)
        inputs = Inputs(access.proposal.answers, self.host.folder, self._prompt)
        text = "looking for signs of an earlier life"
        prior_use = await self._run_in_thread(text, lambda: store.find_prior_use(access, inputs))
        await self._ask(_create_write_dialog(contents, prior_use.unknown))
        await self._fill(access, contents, inputs)

    async def _fill(self, access: StoreAccess, contents: StoreContents, inputs: Inputs) -> None:
        self.is_writing = True
        text = f"writing to {contents.store}"
        status = self.key_status
        now, notes = await self._run_in_thread(
            text, lambda: store.fill_store(access, contents.items, inputs)
        )
        if self.key_status is status:
            status.store_contents, status.summary = now, "; ".join(notes)
            self._update_public(now.public)

    async def _consent_to_reads(self, access: StoreAccess, contents: StoreContents) -> None:
        """What is new here is read only after a yes, and nobody is asked unannounced."""
        answers = access.proposal.answers
        reads = provisioning.list_read_consents(
            contents.proposal, contents.items, contents.store, access.branch_answers
        )
        lines = [text.removesuffix("?") for text in reads.values()]
        has_new = any(item.state == "generate" for item in contents.items)
        if has_new:
            text = "reading the kubeconfig"
            _, identity = await self._run_in_thread(
                text, lambda: provisioning.open_cluster(answers)
            )
            lines += [f"the cluster is asked which Secrets it has: {identity}"] if identity else []
        if any(
            item.fact.key == "fernetKey" and item.state == "generate" for item in contents.items
        ):
            own = answers.database
            lines.append(
                f"the database {own.host}:{own.port} is asked, as {own.user}, whether it is "
                "migrated already"
            )
        text = "\n".join(fill(line, 66, initial_indent="- ", subsequent_indent="  ",
                              break_on_hyphens=False) for line in lines)  # fmt: skip
        if lines:
            await self._consent(f"make {text}", "Before anything is made:", text, "go on")

    async def _prompt_secrets(self, contents: StoreContents) -> None:
        for item in contents.missing_items:
            reference = item.fact.reference
            if item.state == "given" and reference is not None and reference.kind == "prompt":
                key = reference_key(contents.proposal.answers, reference)
                await self._prompt_secret(key, f"It goes to {contents.store} and nowhere else.")

    def _update_public(self, public: str) -> None:
        """The public part into the draft, as `secrets` records it."""
        # The same key's comment may be the person's own.
        if public and not is_same_key(self.host.draft.answers.dags.key.public, public):
            self._set_public(public)

    def _set_public(self, public: str) -> None:
        draft, item = self.host.draft, field_spec("dags.key")
        raw = draft.value(item)
        reference = raw if isinstance(raw, Mapping) else {"generate": True}
        self.host.draft = draft.with_answer(item, {**reference, "public": public})

    async def forget(self) -> None:
        """Empty the recorded public part, after a yes."""
        text = (
            "The answers then name no deploy key: the store's is recorded at the next look, or a "
            "new one is made. A key that is registered at the Git host stays registered there."
        )
        await self._ask(
            ConfirmListDialog("Empty dags.key.public?", text, yes="empty it", no="keep it")
        )
        self._set_public("")
        self._status = KeyStatus(relevant_answers(self.host.draft.answers))

    async def _read_own_key(self, answers: Answers) -> SecretStr | None:
        """Read and diagnose it; its private half, for a proof."""
        reference = answers.dags.key
        if reference.kind not in OWN_KEY_KINDS:
            return None
        branch_answers = await self._run_in_thread(
            "reading the target branch",
            lambda: store.load_target_answers(self.host.workspace, self.host.existing, answers),
        )
        await self._consent_to_own_key(answers, branch_answers)
        if reference.kind == "prompt":
            await self._prompt_secret(
                "dags.key", "Paste the whole private key; it is only looked at here."
            )
        key, repairs = await self._run_in_thread(
            f"reading {reference}",
            lambda: store.read_own_key(answers, self.host.folder, self._prompt),
        )
        self.key_status.repairs = repairs
        self._update_public(key.public)
        return key.private

    async def _consent_to_own_key(
        self, answers: Answers, branch_answers: Mapping[str, Any]
    ) -> None:
        reference = answers.dags.key
        path = ("dags", "key", reference.kind)
        if reference.kind == "prompt" or get_value(branch_answers, path) == reference.argument:
            return
        title = f"Read {reference} on this machine?"
        text = (
            "dags.key is new to the target branch. The key is looked at here and sent nowhere; "
            "only its public part is shown."
        )
        await self._consent(f"read {reference}", title, text, "read it")

    async def register(self) -> None:
        """Have the provider know the key, read-only, with a token by reference."""
        answers = self.host.draft.answers
        api, public = provisioning.find_provider_api(answers), answers.dags.key.public
        if api is None or not public:
            return
        title = f"Register the key at {api.path}, read-only"
        text = f"{api.api} takes it with a token of somebody who administers the repository."
        reference = await self._ask(
            create_token_prompt(title, text, provisioning.parse_token_reference)
        )
        if reference.kind == "prompt":
            await self._prompt_secret("token", f"It goes to {api.api} and nowhere else.")
        else:
            title = f"Send the token from {reference} to {api.api}?"
            text = "It is read now, sent there alone over verified TLS, and forgotten."
            await self._consent(f"{reference} to {api.api}", title, text, "send it")
        token = resolve_reference(reference, "token", folder=self.host.folder, prompt=self._prompt)
        self.is_writing = True
        done = await self._run_in_thread(
            f"asking {api.api}", lambda: provisioning.register_key(answers, api, token, public)
        )
        status = self.key_status
        status.registration = "registered" if done.made else "registered already"
        status.registration += f", read-only: {api.path}"
        status.notes = (f"! {done.note}",) if done.note else ()

    async def prove(self) -> None:
        """Clone with this very key; every look is told as it ends."""
        answers = (await self._proposal()).answers
        # What is missing is said before anybody is asked.
        if not answers.dags.known_hosts:
            raise RefusedError("not proven: no host key has evidence yet", "see Host keys")
        host = answers.dags.location.host if answers.dags.location else ""
        private = await self._read_private_key(answers)
        title = f"Clone from {host} with this key?"
        text = "Only the names of its files are fetched; nothing is written there."
        await self._consent(f"clone {answers.dags.repo}", title, text, "clone")
        await self._probe(provisioning.list_clone_probes(answers, private))

    async def _read_private_key(self, answers: Answers) -> SecretStr:
        contents = self.key_status.store_contents
        is_in_store = contents is not None and contents.state_of(store.GIT_KEY) == "kept"
        if answers.dags.key.kind in OWN_KEY_KINDS and not is_in_store:
            own = await self._read_own_key(answers)
            assert own is not None  # noqa: S101
            return own
        access = await self._prepare_access()
        await self._consent_to_vault(access)
        text = f"asking Vault at {access.target.where.endpoint}"
        key = await self._run_in_thread(text, lambda: store.read_stored_key(access))
        self._update_public(key.public)
        return key.private

    async def _probe(self, probes: list[Probe]) -> None:
        status = self.key_status
        status.proof = {probe.id: (probe, None) for probe in probes}

        self._begin(f"cloning from {probes[0].endpoint}")
        async for probe, result in run_probes(probes):
            status.proof[probe.id] = (probe, result)
            self.show()


_KEY_TASKS: WeakKeyDictionary[Host, KeyTasks] = WeakKeyDictionary()


def get_key_tasks(host: Host) -> KeyTasks:
    """The tasks of this app; what they found stays while pages come and go."""
    if host not in _KEY_TASKS:
        _KEY_TASKS[host] = KeyTasks(host, DEPLOY_KEY)
    return _KEY_TASKS[host]


def _create_write_dialog(contents: StoreContents, unknown: tuple[str, ...]) -> ConfirmListDialog:
    """The yes to the write: the list as `secrets` shows it, and what nobody could look at."""
    path, _, where = contents.store.partition(" at ")
    lines = [f"at {where}, as {contents.identity}"]
    if unknown:
        lines += [f"! not looked at: {place}" for place in unknown]
        lines += ["If this installation ran before, stop: put its values there instead."]
    lines += ["", *provisioning.format_items(contents.items)]
    title = f"Write {pluralize(len(contents.missing_items), 'value')} to {path}?"
    return ConfirmListDialog(title, "\n".join(lines), yes="make and store them", no="not now")
