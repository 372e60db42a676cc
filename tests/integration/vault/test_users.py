"""The search for users of policies and paths reads a large Vault once, not once per policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.integration.vault.test_removal import PAYLOAD, POLICY, a_url, applied, removed
from tests.integration.vault.test_steps import Bench, Wire, controller, new_bench, wire
from wizard.systems.vault import session

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
