"""The search for users of policies and paths reads a large Vault once, not once per policy."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from tests.integration.vault.test_removal import PAYLOAD, POLICY, a_url, applied, removed
from tests.integration.vault.test_steps import Bench, Wire, controller, new_bench, wire
from wizard.engine.steps import StepEvent, run_steps
from wizard.systems.vault import session
from wizard.systems.vault.removal import build_vault_removal

__all__ = ["controller", "new_bench", "wire"]

pytestmark = pytest.mark.integration


def test_what_gives_policies_is_read_once(
    new_bench: Callable[..., Bench], wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = applied(new_bench({"delivery.argocd.repo_url": a_url()}))
    vault, store = bench.vault, bench.store
    vault.request("POST", store.data_path, {"data": {"fernetKey": "x"}})
    ids = [
        vault.request("POST", "identity/entity", {"name": f"{store.role}-{n}", "policies": [given]})
        ["data"]["id"]
        for n, given in enumerate(("hers", "theirs", store.policy.upper()))
    ]  # fmt: skip
    entities = [f"GET identity/entity/id/{one}" for one in ids]
    try:
        wire.lines.clear()
        found = removed(bench.target, ["payload"], dry_run=True)
        # The last one gives the policy, so the policy and the payload that it allows to read stay.
        assert (found[POLICY].state, ids[2] in found[POLICY].detail) == ("kept", True), found
        assert (found[PAYLOAD].state, ids[2] in found[PAYLOAD].detail) == ("kept", True), found
        counts = Counter(wire.lines)
        assert [counts[one] for one in entities] == [1, 1, 1], counts
        assert counts["GET identity/entity/id?list=true"] == 1
        assert counts["GET sys/policies/acl/default"] == 1

        # What was read a while ago is read again: others may have changed it during a wait.
        monkeypatch.setattr(session, "_RECENT_SECONDS", 0.0)
        wire.lines.clear()
        removed(bench.target, ["payload"], dry_run=True)
        assert min(Counter(wire.lines)[one] for one in entities) > 1
    finally:
        for one in ids:
            vault.request("DELETE", f"identity/entity/id/{one}")


def test_who_came_after_the_first_look_keeps_the_policy(new_bench: Callable[..., Bench]) -> None:
    """The last look before a change reads anew what the first one kept."""
    bench = applied(new_bench({"delivery.argocd.repo_url": a_url()}))
    steps = build_vault_removal(bench.target, session.VaultLogin(bench.target))
    made: list[str] = []
    found: dict[str, StepEvent] = {}

    async def run() -> None:
        async for event in run_steps(steps):
            found[event.id] = event
            if (event.id, event.state) == (POLICY, "changing"):
                body = {"name": f"{bench.store.role}-late", "policies": [bench.store.policy]}
                made.append(bench.vault.request("POST", "identity/entity", body)["data"]["id"])

    try:
        asyncio.run(run())
        assert (found[POLICY].state, made[0] in found[POLICY].detail) == ("kept", True), found
        assert bench.stored(bench.policy) != 404
    finally:
        for end in bench.target.cleanups:
            end()
        for one in made:
            bench.vault.request("DELETE", f"identity/entity/id/{one}")
