"""Reachability of a typed address: resolve it and connect, half a second after the last key.

Only addresses that the user typed or focused are resolved or contacted.
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
    """The part of a form that its reachability checks use."""

    @property
    def host(self) -> Host:
        """The app."""

    def has_question(self, key: str) -> bool:
        """Return whether the form asks this question now."""

    def show_lookups(self) -> None:
        """Show new results."""

    def set_timer(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back once, unless the form is closed first."""

    def run_worker(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        *,
        group: str,
        exclusive: bool,
        exit_on_error: bool,
    ) -> Worker[None]:
        """Run a coroutine function, unless the form is closed first."""


class ReachabilityChecks:
    """Reachability checks of the addresses of one form."""

    def __init__(self, form: AddressForm) -> None:
        self.form = form
        self.pending: set[Address] = set()
        self._timers: dict[str, Timer] = {}
        self._workers: dict[str, Worker[None]] = {}

    def schedule_check(self, key: str, *, typed: bool) -> None:
        """Check the address of a question after a pause; `typed` cancels a running check."""
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
        """Return the current address; None while it is invalid or not asked for."""
        draft = self.form.host.draft
        if any(key in draft.problems for key in place.keys):
            return None
        return place.address(draft.answers) if self.form.has_question(place.key) else None

    def outcome(self, key: str) -> ProbeResult | str | None:
        """Return the result for this question, `..` during a check, or None."""
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
            # Pass the function, not a coroutine: the next key may come before it runs.
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
