"""What the deploy-key page does: in the store, at the provider, and the proof of a clone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from screens.pages.deploy_key import steps
from screens.pages.deploy_key.store import OWN_KEY_KINDS, StoreTasks
from screens.widgets.prompts import create_token_prompt
from wizard.engine.probes import Probe, run_probes
from wizard.errors import RefusedError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from screens.app import WizardApp
    from wizard.answers.model import Answers


class KeyTasks(StoreTasks):
    """All that can be done about the deploy key."""

    async def register(self) -> None:
        """Have the provider know the key, read-only, with a token by reference."""
        from wizard.provisioning import steps as storing
        from wizard.secrets.resolve import resolve_reference

        answers = self.app.draft.answers
        place, public = storing.find_provider_api(answers), answers.dags.key.public
        if place is None or not public:
            return
        title = f"Register the key at {place.path}, read-only"
        text = f"{place.api} takes it with a token of somebody who administers the repository."
        reference = await self._ask(create_token_prompt(title, text, storing.parse_token_reference))
        if reference.kind == "prompt":
            await self._prompt_secret("token", f"It goes to {place.api} and nowhere else.")
        else:
            title = f"Send the token from {reference} to {place.api}?"
            text = "It is read now, sent there alone over verified TLS, and forgotten."
            await self._consent(f"{reference} to {place.api}", title, text, "send it")
        token = resolve_reference(reference, "token", folder=self.app.folder, prompt=self._prompt)
        self.is_writing = True
        done = await self._run_in_thread(
            f"asking {place.api}", lambda: storing.register_key(answers, place, token, public)
        )
        found = self.key_status
        found.registered = "registered" if done.made else "registered already"
        found.registered += f", read-only: {place.path}"
        found.notes = (f"! {done.note}",) if done.note else ()

    async def prove(self) -> None:
        """Clone with this very key; every look is told as it ends."""
        from wizard.provisioning import steps as storing

        answers = (await self._proposal()).answers
        # What is missing is said before anybody is asked.
        if not answers.dags.known_hosts:
            raise RefusedError("not proven: no host key has evidence yet", "see Host keys")
        host = answers.dags.location.host if answers.dags.location else ""
        private = await self._private(answers)
        title = f"Clone from {host} with this key?"
        text = "Only the names of its files are fetched; nothing is written there."
        await self._consent(f"clone {answers.dags.repo}", title, text, "clone")
        await self._probe(storing.list_clone_probes(answers, private))

    async def _private(self, answers: Answers) -> SecretStr:
        looked = self.key_status.store_contents
        held = looked is not None and looked.state_of(steps.GIT_KEY) == "kept"
        if answers.dags.key.kind in OWN_KEY_KINDS and not held:
            own = await self._read_own(answers)
            assert own is not None  # noqa: S101
            return own
        start = await self._ready()
        await self._to_vault(start)
        text = f"asking Vault at {start.way.where.endpoint}"
        key = await self._run_in_thread(text, lambda: steps.read_stored_key(start))
        self._record(key.public)
        return key.private

    async def _probe(self, probes: list[Probe]) -> None:
        found = self.key_status
        found.proof = {probe.id: (probe, None) for probe in probes}

        self._begin(f"cloning from {probes[0].endpoint}")
        async for probe, result in run_probes(probes):
            found.proof[probe.id] = (probe, result)
            self.show()


_KEY_TASKS: WeakKeyDictionary[WizardApp, KeyTasks] = WeakKeyDictionary()


def get_key_tasks(app: WizardApp) -> KeyTasks:
    """The work of this app; its findings stay while pages come and go."""
    if app not in _KEY_TASKS:
        from screens.pages.deploy_key.page import DeployKeyScreen

        _KEY_TASKS[app] = KeyTasks(app, DeployKeyScreen)
    return _KEY_TASKS[app]
