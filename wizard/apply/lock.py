"""The run lock: a Lease that allows one run for an installation at a time, on any machine.

It is acquired at the first change, so a run with nothing to do writes nothing. A Lease that its
holder no longer renews is taken over. Clocks of two machines are never compared: the local clock
only measures how long the Lease has not changed. Source: client-go's leader election.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from wizard.apply.delivery import get_installer
from wizard.apply.process import Process, describe_holder
from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import FIELD_MANAGER, KubeObject, Ref
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step
from wizard.errors import ConflictError
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.ownership import OWNER_ANNOTATION

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.systems.target import Target

API_VERSION = "coordination.k8s.io/v1"
# Short, so that a suspended laptop does not block others for long. The Lease is renewed three
# times in this period, so one failed renewal does not lose it.
LEASE_SECONDS = 30
QUIT_SECONDS = 0.5
_RENEWALS = 3
_PROCESS = "airflow-wizard/process"


class RunLock:
    """The Lease of one installation; an async context manager that releases it at the end.

    `seconds` is how long a Lease is valid without renewal. `note` says why there is no lock
    (no cluster, or no permission to use Leases). The run then continues without a lock, since every
    step checks the state before it changes anything.
    """

    def __init__(
        self,
        kube: Kube | None,
        namespace: str,
        installation: str,
        *,
        holder: str = "",
        seconds: float = LEASE_SECONDS,
        process: Process | None = None,
        source: str = "",
    ) -> None:
        self.kube = kube
        self.ref = Ref(API_VERSION, "Lease", f"{FIELD_MANAGER}-{installation}", namespace)
        self.holder = holder or describe_holder()
        self.seconds = seconds
        self.process = process or Process.current()
        self._source = {OWNER_ANNOTATION: source} if source else {}
        self.note = (
            "" if kube else "no cluster for the run lock: runs on other machines are not prevented"
        )
        self._given_up = False
        self._lease: KubeObject | None = None
        self._lost = ""
        self._turn = asyncio.Lock()
        self._stop = asyncio.Event()
        self._taking: asyncio.Task[KubeObject] | None = None
        self._renewing: asyncio.Task[None] | None = None

    @classmethod
    def from_target(cls, target: Target) -> RunLock:
        """Return the lock of the target's installation, in the cluster of its delivery."""
        kube, namespace = get_installer(target).lock(target)
        release = target.release
        return cls(kube, namespace, release.installation, source=release.owner_id)

    @property
    def held(self) -> bool:
        """Whether this run holds the Lease."""
        return self._lease is not None and not self._lost

    def lock_steps(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Return steps that acquire the lock before they change anything."""
        return tuple(replace(step, acquire=self.acquire) if step.change else step for step in steps)

    async def acquire(self) -> bool:
        """Acquire the Lease; return True when this run did not hold it before.

        Raises ConflictError when another run holds it or has taken it over, and KubeError when the
        cluster gives no answer.
        """
        async with self._turn:
            if self._lost:
                raise ConflictError(
                    f"another run has taken over the lock: {self._lost}",
                    "wait until that run ends, then run this again",
                )
            if self._lease is not None or self._given_up or self.kube is None:
                return False
            try:
                # An interruption waits for the request in flight, which may create the Lease.
                self._taking = asyncio.ensure_future(self._acquire_lease(self.kube))
                self._taking.add_done_callback(lambda task: task.cancelled() or task.exception())
                self._lease = await asyncio.shield(self._taking)
            except KubeError as error:
                if error.kind not in {"forbidden", "missing"}:
                    raise
                self.note = f"{error.message}: runs on other machines are not prevented"
                # A later step may create a missing namespace; acquire is then tried again.
                self._given_up = error.kind == "forbidden"
                return False
            self.note = ""
            self._renewing = asyncio.ensure_future(self._renew(self.kube))
            return True

    async def _acquire_lease(self, kube: Kube) -> KubeObject:
        seen: tuple[object, float] | None = None
        while not self._stop.is_set():
            found = await run_in_thread(partial(kube.get, self.ref))
            try:
                if found is None:
                    return await run_in_thread(lambda: kube.create(self._build_lease(0)))
                version = found["metadata"].get("resourceVersion")
                now = time.monotonic()
                if seen is not None and seen[0] != version:
                    raise self._busy_error(found)
                seen = seen or (version, now)
                if self._is_free(found) or now - seen[1] >= _duration(found, self.seconds):
                    over = self._build_takeover(found)
                    return await run_in_thread(partial(kube.replace, over))
            except KubeConflictError:
                # Another run changed the Lease first; the next read shows its holder.
                seen = seen or ("", time.monotonic())
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), min(1.0, self.seconds / 10))
        raise ConflictError("the run lock was released")

    def _is_free(self, found: KubeObject) -> bool:
        if not (found.get("spec") or {}).get("holderIdentity"):
            return True
        notes = found["metadata"].get("annotations") or {}
        return Process.read(str(notes.get(_PROCESS) or "")).is_dead(self.process)

    def _busy_error(self, found: KubeObject) -> ConflictError:
        spec = found.get("spec") or {}
        who, since = (
            escape_unprintable(str(spec.get(name))) for name in ("holderIdentity", "acquireTime")
        )
        return ConflictError(
            f"another run is in progress: {who} since {since}",
            "wait until it ends, then run this again; it continues from there",
        )

    def _build_lease(self, transitions: int) -> KubeObject:
        now = _now()
        return {
            "apiVersion": API_VERSION,
            "kind": "Lease",
            "metadata": {
                "name": self.ref.name,
                "namespace": self.ref.namespace,
                "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER},
                "annotations": {_PROCESS: str(self.process), **self._source},
            },
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": max(1, round(self.seconds)),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }

    def _build_takeover(self, found: KubeObject) -> KubeObject:
        made = self._build_lease(int((found.get("spec") or {}).get("leaseTransitions") or 0) + 1)
        made["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
        return made

    async def _renew(self, kube: Kube) -> None:
        while (lease := self._lease) is not None and not self._lost:
            with suppress(TimeoutError):
                # Stops only between renewals: a renewal changes the version that `release` deletes.
                await asyncio.wait_for(self._stop.wait(), self.seconds / _RENEWALS)
                return
            spec = {**lease["spec"], "renewTime": _now()}
            about = {k: v for k, v in lease["metadata"].items() if k != "managedFields"}
            renewed = {**lease, "metadata": about, "spec": spec}
            try:
                self._lease = await run_in_thread(partial(kube.replace, renewed))
            except KubeError as error:
                # After other errors the next renewal may succeed in time; if not, another run may
                # take over.
                if error.kind in {"conflict", "missing", "forbidden"}:
                    await self._recover(kube)

    async def _recover(self, kube: Kube) -> None:
        """Find out why a renewal was refused: the Lease is lost only if another run holds it.

        A Lease that was deleted is created again. It cannot be while its namespace is deleted,
        as `destroy --data namespace` does; the run then continues without a lock.
        """
        try:
            found = await run_in_thread(partial(kube.get, self.ref))
            if found is None:
                self._lease = None
                self._lease = await run_in_thread(lambda: kube.create(self._build_lease(0)))
            elif self._is_own(found):
                self._lease = found
            else:
                self._lost = _read_holder(found)
        except KubeConflictError:
            self._lost = "a run that began in the meantime"
        except KubeError as error:
            self.note = f"{error.message}: runs on other machines are not prevented"

    def _is_own(self, found: KubeObject) -> bool:
        notes = found["metadata"].get("annotations") or {}
        return _read_holder(found) == escape_unprintable(self.holder) and notes.get(
            _PROCESS
        ) == str(self.process)

    async def release(self) -> None:
        """Delete the Lease if this run holds it; keep a Lease that another run has taken over."""
        self._stop.set()
        if self._renewing is not None:
            await self._renewing
        async with self._turn:
            if self._taking is not None and not self._taking.done():
                with suppress(ConflictError, KubeError):
                    self._lease = await self._taking
            lease, self._lease = self._lease, None
            kube = self.kube
            if lease is None or kube is None or self._lost:
                return
            about = lease["metadata"]
            with suppress(KubeError):
                await run_in_thread(
                    lambda: kube.delete(
                        self.ref, uid=about["uid"], version=about["resourceVersion"]
                    )
                )

    async def __aenter__(self) -> RunLock:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None or not issubclass(kind, asyncio.CancelledError):
            await self.release()
            return
        # An interrupted run does not wait for a hanging server; the Lease then expires.
        with suppress(TimeoutError):
            await asyncio.wait_for(self.release(), QUIT_SECONDS)


def _read_holder(found: KubeObject) -> str:
    return escape_unprintable(
        str((found.get("spec") or {}).get("holderIdentity") or "a run without a name")
    )


def _duration(found: KubeObject, seconds: float) -> float:
    """Return the Lease's own duration in seconds, at most ten times ours."""
    lease_seconds = (found.get("spec") or {}).get("leaseDurationSeconds")
    if not isinstance(lease_seconds, int):
        return seconds
    return min(float(lease_seconds), 10 * LEASE_SECONDS)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
