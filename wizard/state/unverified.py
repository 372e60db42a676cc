"""Stores the probes of `check --live` without a result; they are reported until they have one.

Stored on this machine (see `wizard.state.memory`): ids of probes and UTC dates, no server text.
Rendering, plans and digests must not depend on these data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.state.memory import StateFile

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

_MAX_PROBES = 200
_ID = re.compile(r"[a-z0-9_.-]{1,80}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PLACE = re.compile(r"[0-9a-f]{16}")
RETRY_COMMAND = "airflow-wizard check --live"


@dataclass(frozen=True, slots=True)
class UnverifiedProbe:
    """A probe without a result: `since` and `tried` are the UTC dates of first and last try."""

    id: str
    since: str
    tried: str

    def to_json(self) -> dict[str, str]:
        """Return the probe in the form that `--json` prints."""
        return {"id": self.id, "since": self.since, "tried": self.tried}


class UnverifiedHistory:
    """The unverified probes of one installation; reading and writing never raise."""

    def __init__(self, repository: WorkTree, installation: str) -> None:
        self._memory = StateFile(repository, installation, "unverified")

    def remaining_probes(self) -> tuple[UnverifiedProbe, ...]:
        """Return the probes that are still unverified, in the order of the last round."""
        return tuple(UnverifiedProbe(name, *dates) for name, (*dates, _) in self._sound().items())

    def record_round(
        self, found: Iterable[tuple[str, str]], today: str
    ) -> tuple[tuple[UnverifiedProbe, ...], bool]:
        """Record a complete round: the ids and endpoints of the probes without a result.

        Other probes are removed: they have a result, or no longer apply. A probe whose endpoint
        changed counts as unverified since `today` (a UTC date). Returns the unverified probes, and
        whether they could be stored.
        """
        before = self._sound()
        data = {}
        for name, endpoint in found:
            since, _, place = before.get(name, (today, today, ""))
            here = _hashed(endpoint)
            data[name] = {"since": since if place == here else today, "tried": today, "at": here}
        left = tuple(UnverifiedProbe(name, one["since"], today) for name, one in data.items())
        if not data:
            self._memory.forget()
            return left, True
        return left, self._memory.write({"left": data})

    def _sound(self) -> dict[str, tuple[str, str, str]]:
        found = self._memory.read().get("left")
        if not isinstance(found, Mapping):
            return {}
        sound = {}
        for name, item in list(found.items())[:_MAX_PROBES]:
            one = item if isinstance(item, Mapping) else {}
            texts = tuple(str(one.get(key, "")) for key in ("since", "tried", "at"))
            fit = zip((_ID, _DATE, _DATE, _PLACE), (name, *texts), strict=True)
            if all(form.fullmatch(text) for form, text in fit):
                sound[name] = (texts[0], texts[1], texts[2])
        return sound


def format_unverified(left: Iterable[UnverifiedProbe]) -> str:
    """Return the probes grouped by date, to end a sentence: `since DATE: ids; since DATE: ids`."""
    dates: dict[str, list[str]] = {}
    for one in left:
        dates.setdefault(one.since, []).append(one.id)
    return "; ".join(f"since {date}: {', '.join(dates[date])}" for date in sorted(dates))


def _hashed(endpoint: str) -> str:
    import hashlib

    return hashlib.sha256(endpoint.encode("utf-8", "surrogateescape")).hexdigest()[:16]
