"""The input of an installation's probes: its answers, and the consent to use its secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.answers.files import dump_value
from wizard.answers.questions import field_spec, find_reference
from wizard.engine.probes import ProbeResult, skip_result, unknown_result
from wizard.errors import Fix
from wizard.formats.nested import get_value
from wizard.secrets.resolve import SecretError, resolve_reference
from wizard.workspace.consent import BUNDLES_KEY

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.git.repository import WorkTree
    from wizard.hostkeys.scan import Scanner
    from wizard.manifests.release import Release
    from wizard.workspace.proposal import Proposal


@dataclass(frozen=True)
class Situation:
    """One installation, and the consent given for it.

    `agreed` holds the raw answers on the target branch: a secret is read without a question when
    they have its reference and its destination. `allowed` holds the keys named by the operator.
    `ask` confirms and `prompt` reads a value without echo (None: no terminal). `consent` replaces
    `ask` when everything was confirmed before; its argument is the use. File references are
    relative to `folder`. `kube` is the cluster, `no_kube` the reason why there is none, `argocd`
    the cluster of Argo CD if it has its own context. `mint` returns a token of the store's
    ServiceAccount; None when the cluster is not queried. `scanner` scans a host's keys (None: one
    scanner for each run). `known` are the identities of the systems that earlier runs of `apply`
    used. `repository` has the earlier answers in its history (None: nothing is committed).
    `proposal` has the files that would be delivered (None: they cannot be rendered). `say` reports
    the identities in use. `stored` means that values are stored, not only used for a login; a value
    that the leak gate cannot search for is then refused.
    """

    answers: Answers
    release: Release
    agreed: Mapping[str, Any] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    ask: Callable[[str], bool] | None = None
    prompt: Callable[[str], str] | None = None
    consent: Callable[[str], bool] | None = None
    folder: Path | None = None
    kube: Kube | None = None
    argocd: Kube | None = None
    no_kube: ProbeResult | None = None
    mint: TokenSource | None = None
    scanner: Scanner | None = None
    known: Mapping[str, str] = field(default_factory=dict)
    repository: WorkTree | None = None
    proposal: Proposal | None = None
    say: Callable[[str], None] = lambda _text: None
    stored: bool = False

    def asset(self, key: str) -> str:
        """Return a public file named in the answers, such as a CA in PEM; empty without one."""
        return self.release.assets.get(key, "")

    def secret(
        self, key: str, *places: str, where: str, lines: bool = False
    ) -> SecretStr | ProbeResult:
        """Return the value of a secret question, or a probe's result if there is no value.

        `places` are the questions that decide where the value is sent; `where` describes that
        destination.
        """
        reference = find_reference(self.answers, key)
        if reference.kind in {"env", "file"}:
            refused = self.refusal(key, *places, use=f"read {reference} and use it at {where}")
            if refused is not None:
                return refused
        ask = self.prompt
        prompt = None if ask is None else (lambda key: ask(describe_prompt(key, where)))
        try:
            return resolve_reference(
                reference, key, folder=self.folder, prompt=prompt, lines=lines, weak=not self.stored
            )
        except SecretError as error:
            if not error.available:
                return skip_result(
                    error.message, "run the checks again once the value is in the store"
                )
            return unknown_result(error.message, error.fix)

    def refusal(self, key: str, *places: str, use: str) -> ProbeResult | None:
        """Return a probe's result if there is no consent to `use`; None if there is consent."""
        new = [one for one in (key, *places) if not self._is_committed(one)]
        if not new or key in self.allowed:
            return None
        if self.consent is not None and self.consent(use):
            return None
        branch = self.answers.repository.branch
        if self.ask is not None and self.ask(
            f"{' and '.join(new)} {'is' if len(new) == 1 else 'are'} new to {branch}: {use}?"
        ):
            return None
        return skip_result(
            f"{' and '.join(new)}: new to {branch}, and not confirmed: {use}",
            Fix(f"check these answers, then add --allow-reference {key}", key),
        )

    def _is_committed(self, key: str) -> bool:
        """Return whether the target branch has the same answer.

        For a reference in a list of named items, the whole list must be the same.
        """
        if key.startswith(BUNDLES_KEY):
            key = BUNDLES_KEY[:-1]
        path = tuple(key.split("."))
        here = dump_value(get_value(self.answers, path))
        return bool(self.agreed) and _strip_reference(here) == _strip_reference(
            get_value(self.agreed, path, dump_value(field_spec(key).default))
        )


def describe_prompt(key: str, where: str) -> str:
    """Return the prompt for a secret: its key and its destination."""
    return f"{key} for {where}"


def _strip_reference(value: object) -> object:
    """Return a reference without the public keys that are stored with it."""
    if isinstance(value, Mapping):
        return {name: part for name, part in value.items() if name in {"env", "file"}}
    return value


# Returns a token of the store's ServiceAccount for the store's audience, or raises WizardError.
TokenSource = Callable[[], "SecretStr"]


class NotCheckedError(Exception):
    """A place could not be checked; the message is the reason, as the end of a sentence."""
