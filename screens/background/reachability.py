"""While an address is typed: its name and its port, half a second after the last key.

Nothing is sent and nothing is asked for an address that the person has neither typed nor focused.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from wizard.engine.probes import Probe, ProbeResult, run_probes, wrap_blocking
from wizard.probes.addresses import ADDRESS_BY_QUESTION, Address, AddressQuestions

if TYPE_CHECKING:
    from textual.timer import Timer
    from textual.worker import Worker

    from screens.host import Host

PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 8.0


class AddressForm(Protocol):
    """What the checks need of the form whose addresses they try."""

    @property
    def host(self) -> Host:
        """The app."""

    def has_question(self, key: str) -> bool:
        """Whether the form asks this question now."""

    def show_lookups(self) -> None:
        """Show what was found out."""

    def set_timer(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back once, unless the form is left before."""

    def run_worker(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        *,
        group: str,
        exclusive: bool,
        exit_on_error: bool,
    ) -> Worker[None]:
        """Run a coroutine function, unless the form is left before."""


class ReachabilityChecks:
    """The addresses of one form."""

    def __init__(self, form: AddressForm) -> None:
        self.form = form
        self.pending: set[Address] = set()
        self._timers: dict[str, Timer] = {}
        self._workers: dict[str, Worker[None]] = {}

    def schedule_check(self, key: str, *, typed: bool) -> None:
        """A question was typed into, or has the focus: try its address after a pause."""
        place = ADDRESS_BY_QUESTION.get(key)
        if place is None:
            return
        address = self.address(place)
        known = self.form.host.session.reachability.get(address) if address else None
        if not typed and address in self.pending:
            return
        self._stop(place)
        if address is not None and (known is None or known.status != "pass"):
            self._timers[place.key] = self.form.set_timer(
                PAUSE_SECONDS, partial(self._begin, place)
            )

    def address(self, place: AddressQuestions) -> Address | None:
        """The address as it stands; None while it cannot be one, or is not asked for."""
        draft = self.form.host.draft
        if any(key in draft.problems for key in place.keys):
            return None
        return place.address(draft.answers) if self.form.has_question(place.key) else None

    def outcome(self, key: str) -> ProbeResult | str | None:
        """What is known beside this question: a result, `..` while it is asked, else None."""
        place = ADDRESS_BY_QUESTION.get(key)
        if place is None or place.key != key:
            return None
        address = self.address(place)
        if address is None:
            return None
        return ".." if address in self.pending else self.form.host.session.reachability.get(address)

    def _stop(self, place: AddressQuestions) -> None:
        timer = self._timers.pop(place.key, None)
        if timer is not None:
            timer.stop()
        worker = self._workers.pop(place.key, None)
        if worker is not None:
            worker.cancel()

    def _begin(self, place: AddressQuestions) -> None:
        self._timers.pop(place.key, None)
        address = self.address(place)
        if address is not None:
            # No coroutine is made before it can run: the next key may come first.
            self._workers[place.key] = self.form.run_worker(
                partial(self._reach, address),
                group=f"reach {place.key}",
                exclusive=True,
                exit_on_error=False,
            )

    async def _reach(self, address: Address) -> None:
        host, port = address
        reach = self.form.host.reach
        probe = Probe(
            "", "", f"{host}:{port}", wrap_blocking(partial(reach, host, port)), TIMEOUT_SECONDS
        )
        self.pending.add(address)
        try:
            self.form.show_lookups()
            async for _, result in run_probes([probe]):
                self.form.host.session.reachability[address] = result
        finally:
            self.pending.discard(address)
        self.form.show_lookups()
