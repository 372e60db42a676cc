"""What the probes of one installation start from: its answers, and which secrets they may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.answers.files import dump_value
from wizard.answers.questions import field_spec
from wizard.engine.probes import ProbeResult, skip_result, unknown_result
from wizard.errors import Fix
from wizard.formats.nested import get_value
from wizard.secrets.resolve import SecretError, resolve_reference

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.hostkeys.scan import Scanner
    from wizard.manifests.release import Release


@dataclass(frozen=True)
class Situation:
    """One installation, and what was agreed to.

    `agreed` are the raw answers on the target branch: a secret is read without a question where
    its reference and the place it goes to stand there. `allowed` are keys that the operator named;
    `ask` puts a question to a person and `prompt` asks for a value without echo (None: nobody is
    there). `consent` stands in the place of `ask` where a person was asked about all of it before:
    it gets what would be done. File references are relative to `folder`. `kube` is the cluster,
    `no_kube` says why there is none, `argocd` is Argo CD's where a context of its own was named.
    `mint` gives a token of the store's ServiceAccount, None where the cluster is not asked.
    `scanner` asks a host for its keys (None: once a run). `say` tells which identities are used.
    `stored` is whether values are put somewhere, and not only logged in with: then a value that
    the leak gate could not look for is refused.
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
    say: Callable[[str], None] = lambda _text: None
    stored: bool = False

    def asset(self, key: str) -> str:
        """A public file that the answers name, such as a CA in PEM; empty without one."""
        return self.release.assets.get(key, "")

    def secret(
        self, key: str, *places: str, where: str, lines: bool = False
    ) -> SecretStr | ProbeResult:
        """The value of a secret question, or what a probe that needs it ends with.

        `places` are the questions that decide where the value goes, `where` says it to a person.
        """
        reference = get_value(self.answers, tuple(key.split(".")))
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
                return skip_result(error.message, "look again once the value is in the store")
            return unknown_result(error.message, error.fix)

    def refusal(self, key: str, *places: str, use: str) -> ProbeResult | None:
        """What a probe ends with where nobody agreed to `use`; None where somebody did."""
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
            f"{' and '.join(new)}: new to {branch}, and nobody agreed to {use}",
            Fix(f"look at these answers, then add --allow-reference {key}", key),
        )

    def _is_committed(self, key: str) -> bool:
        """Whether an answer stands on the target branch as it is here."""
        path = tuple(key.split("."))
        here = dump_value(get_value(self.answers, path))
        return bool(self.agreed) and _strip_reference(here) == _strip_reference(
            get_value(self.agreed, path, dump_value(field_spec(key).default))
        )


def describe_prompt(key: str, where: str) -> str:
    """What a person is asked for: which secret, and where it will go."""
    return f"{key} for {where}"


def _strip_reference(value: object) -> object:
    """A reference without what is public beside it."""
    if isinstance(value, Mapping):
        return {name: part for name, part in value.items() if name in {"env", "file"}}
    return value


# Gives a token of the store's ServiceAccount for the store's audience, or raises WizardError.
TokenSource = Callable[[], "SecretStr"]


class NotCheckedError(Exception):
    """A place could not be looked at; the message says why, as the end of a sentence."""
