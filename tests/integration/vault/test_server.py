"""The testbed's Vault does what the tests of the store rely on."""

from __future__ import annotations

import pytest

from tests.testbed.vault import RefusedError, Vault

pytestmark = pytest.mark.integration


def test_a_key_value_store_with_versions_and_check_and_set(vault: Vault) -> None:
    vault.mount("proven")
    wanted = {"options": {"cas": 0}, "data": {"key": "first"}}
    vault.request("POST", "proven/data/a/b", wanted)
    with pytest.raises(RefusedError) as caught:
        vault.request("POST", "proven/data/a/b", wanted)
    assert caught.value.status == 400
    read = vault.request("GET", "proven/data/a/b")["data"]
    assert (read["data"], read["metadata"]["version"]) == ({"key": "first"}, 1)


def test_policies_and_auth_methods(vault: Vault) -> None:
    vault.mount("guarded")
    vault.policy("reader", {"guarded/data/mine": ["read"]})
    token = vault.new_token("reader")
    vault.request("POST", "guarded/data/mine", {"data": {"key": "value"}})
    assert vault.request("GET", "guarded/data/mine", token=token)["data"]["data"]
    with pytest.raises(RefusedError) as caught:
        vault.request("GET", "guarded/data/other", token=token)
    assert caught.value.status == 403
    for method in ("kubernetes", "approle", "userpass"):
        vault.request("POST", f"sys/auth/{method}-here", {"type": method})


def test_every_state_of_its_life(fresh_vault: Vault) -> None:
    states = []

    def state() -> int:
        try:
            fresh_vault.request("GET", "sys/health")
        except RefusedError as error:
            return error.status
        return 200

    states.append(state())
    fresh_vault.initialise()
    states.append(state())
    fresh_vault.seal()
    states.append(state())
    fresh_vault.unseal()
    states.append(state())
    assert states == [501, 200, 503, 200]
