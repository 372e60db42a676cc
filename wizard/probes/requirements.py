"""A dry run of probe sources: the endpoints, secrets and prompts that they will need.

The sources run with a placeholder for every secret: no reference is read, and no probe is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard.answers.questions import find_reference
from wizard.systems.situation import Situation, describe_prompt

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.engine.probes import Probe, ProbeResult
    from wizard.probes.catalogue import ProbeSource


@dataclass(frozen=True, slots=True)
class ProbeRequirements:
    """The needs of one source: the `probes` known so far, and `lines` to show.

    `agreements` holds everything to confirm: endpoints, uses of secrets, identities. `prompts`
    holds the values that a person has to type.
    """

    source: ProbeSource
    probes: tuple[Probe, ...]
    lines: tuple[str, ...]
    agreements: frozenset[str]
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class _DryRun(Situation):
    uses: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    def secret(
        self, key: str, *places: str, where: str, lines: bool = False
    ) -> SecretStr | ProbeResult:
        """Return a placeholder, or the probe's result if the secret has no value to read."""
        reference = find_reference(self.answers, key)
        if reference.kind in {"generate", "store"}:
            return super().secret(key, *places, where=where, lines=lines)
        if reference.kind == "prompt":
            self.prompts.append(describe_prompt(key, where))
            self.shown.append(f"{where} with {key}, which you type")
        else:
            self.refusal(key, *places, use=f"read {reference} and use it at {where}")
            self.shown.append(f"{where} with {reference}")
        return SecretStr("stand-in-for-a-secret")

    def refusal(self, key: str, *places: str, use: str) -> ProbeResult | None:
        """Record the use of a secret; return None, because a dry run refuses nothing."""
        del key, places
        self.uses.append(use)
        return None


def dry_run_sources(
    situation: Situation, sources: Sequence[ProbeSource]
) -> tuple[ProbeRequirements, ...]:
    """Return the needs of each source that applies; reads no secret and prompts for nothing."""
    found = []
    for source in sources:
        messages: list[str] = []
        trial = replace(situation, say=messages.append)
        own = _DryRun(**{one.name: getattr(trial, one.name) for one in fields(Situation)})
        probes = tuple(source.probes(own))
        if not probes:
            continue
        endpoints = dict.fromkeys(probe.endpoint for probe in probes)
        lines = [*own.shown, *messages]
        lines += [one for one in endpoints if not any(one in line for line in lines)]
        agreements = frozenset([*endpoints, *own.uses, *messages, *own.prompts])
        found.append(
            ProbeRequirements(source, probes, tuple(lines), agreements, tuple(own.prompts))
        )
    return tuple(found)
