"""Scanning the SSH keys of a host: with consent, in a thread, stoppable at any time."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.worker import Worker

from screens.pages.base import Page
from screens.text import pluralize
from screens.widgets.dialogs import ConfirmDialog
from wizard.engine.probes import run_in_thread
from wizard.errors import WizardError
from wizard.hostkeys.keys import known_hosts_name
from wizard.hostkeys.scan import Scan

_CONSENT = (
    "This machine connects over SSH and does not log in. A scanned key is not proof: it is "
    "accepted only after you compare and type its fingerprint, or if its owner publishes it."
)


class ScanningPage(Page):
    """A page about one host; f5 scans the host and puts the keys into the draft."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "scan", "scan the host", show=False, id="scan")
    ]

    def __init__(self) -> None:
        super().__init__()
        self._scan_worker: Worker[None] | None = None
        self._began_at = 0.0
        self._clock: Timer | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The host and port to scan."""
        raise NotImplementedError

    async def show_scan(self) -> None:
        """Show the scan in the draft."""

    def action_scan(self) -> None:
        """Scan the host; asks for consent once per host."""
        name = known_hosts_name(*self.address)
        if self._scan_worker is not None:
            return
        if name in self.host.consents:
            self._begin()
            return

        def answer(yes: bool | None) -> None:
            if yes:
                self.host.consents.add(name)
                self._begin()

        title = f"Scan {name} for its SSH host keys?"
        ask = ConfirmDialog(title, _CONSENT, yes="scan it", no="not now", yes_first=True)
        self.app.push_screen(ask, answer)

    def _begin(self) -> None:
        self._began_at = time.monotonic()
        self._scan_worker = self.run_worker(
            self._scan(*self.address), group="scan", exit_on_error=False
        )
        self._clock = self.set_interval(1, self.show_status)
        self.show_status()

    async def _scan(self, host: str, port: int) -> None:
        try:
            scan = await run_in_thread(self.host.scanner, host, port)
        except WizardError as error:
            self._end(f"! {error.message}")
            return
        self.host.draft = self.draft.with_scan(scan)
        self._end(_summarize_scan(scan))
        await self.show_scan()

    def _end(self, text: str) -> None:
        if self._clock is not None:
            self._clock.stop()
        self._scan_worker = None
        self.show_state()
        self.say(text)

    def show_status(self) -> None:
        """Show the running scan, else the problems of the whole draft."""
        if self._scan_worker is None:
            super().show_status()
            return
        seconds = int(time.monotonic() - self._began_at)
        name = known_hosts_name(*self.address)
        self.say(f"scanning {name} for its SSH host keys, {seconds} s; esc stops")

    def action_back(self) -> None:
        """Stop a running scan, else open the previous page."""
        if self._scan_worker is None:
            super().action_back()
            return
        self._scan_worker.cancel()
        self._end("stopped; no key was added")


def _summarize_scan(scan: Scan) -> str:
    if scan.problem:
        return f"! {scan.notes[0]}"
    return f"{scan.name} presented {pluralize(len(scan.keys), 'key')}; compare the fingerprints"
