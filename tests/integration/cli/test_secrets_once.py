"""Generated once, also against careless hands: older versions, retention, places that refuse."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.test_secrets_command import ALLOW, Bench, aw, bench
from tests.support.cluster.kubeconfigs import cluster, written
from tests.support.process import Finished
from tests.support.repository import GitFolder
from tests.testbed.kube import Kube
from tests.testbed.vault import RefusedError, Vault
from wizard.clients.vault.transport import VaultHttp, VaultResponse
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.workspace.earlier import find_history_gap

__all__ = ["aw", "bench"]

pytestmark = pytest.mark.integration

PATH = "airflow-install/airflow/config"


def fill(bench: Bench) -> dict[str, str]:
    bench("--yes", *ALLOW)
    return bench.values()


@pytest.mark.parametrize("payload", ["keys", "document"])
def test_what_an_older_version_has_is_restored_and_never_generated(
    bench: Bench, payload: str
) -> None:
    place = {} if payload == "keys" else {"secrets.vault.path": PATH}
    bench.answers({"secrets.payload": payload, **place})
    first = fill(bench)
    careless = {"note": "by kv put"} if payload == "document" else {
        "databasePassword": first["databasePassword"]
    }  # fmt: skip
    bench.put(careless)
    bench.put({**careless, "more": "x"})
    done = bench("--yes", *ALLOW, code=4)
    assert "--accept restore" in done.err
    assert "fernetKey" in done.err
    assert "restored from version 1" in done.out
    assert bench.version == 3
    done = bench("--yes", *ALLOW, "--accept", "restore", "--json")
    states = {one["key"]: one["state"] for one in json.loads(done.out)["facts"]}
    assert states["fernetKey"] == "restore"
    assert bench.version == 4
    if payload == "keys":
        assert bench.values() == {**first, **careless, "more": "x"}
    else:
        assert bench.values()["config"].split() == first["config"].split()
    assert "nothing to write" in bench("--yes", *ALLOW).err


# Without a deploy key, whose public half the answers would record.
ON_VOLUME = {"dags.source": "volume"}
ELSEWHERE = "airflow-install/other/config"


def move(bench: Bench, *settings: str) -> None:
    """Commit what is there, then other answers about the place of the payload."""
    bench.aw.ok("commit", "--yes", "--answers", str(bench.file))
    bench.aw.ok("set", *settings, "--yes", "--accept", "another-payload")


def states(done: Finished) -> dict[str, str]:
    return {one["key"]: one["state"] for one in json.loads(done.out)["facts"]}


@pytest.mark.parametrize("before", ["keys", "document"])
def test_another_layout_copies_the_values_of_the_layout_before(bench: Bench, before: str) -> None:
    after = "document" if before == "keys" else "keys"
    bench.answers({**ON_VOLUME, "secrets.payload": before, "secrets.vault.path": PATH})
    first = fill(bench)
    move(bench, f"secrets.payload={after}")
    done = bench.aw.ok("secrets", "--yes", *ALLOW, "--json")
    assert set(states(done).values()) == {"adopt"}, done
    flat, document = (first, bench.values()) if before == "keys" else (bench.values(), first)
    assert bench.version == 2
    for key in ("fernetKey", "jwtSecret", "adminPassword"):
        assert flat[key] in document["config"]


def test_another_place_copies_the_values_of_the_place_before(bench: Bench) -> None:
    bench.answers(ON_VOLUME)
    first = fill(bench)
    move(bench, f"secrets.vault.path={ELSEWHERE}")
    moved = f"{bench.mount}/data/{ELSEWHERE}"
    # A place that may hold the values in use, and does not show them.
    bench.vault.request("DELETE", f"{bench.mount}/data/{PATH}")
    refused = bench.aw("secrets", "--yes", *ALLOW)
    assert refused.code == 4
    assert "--accept unchecked-use" in refused.err
    assert PATH in refused.err
    with pytest.raises(RefusedError):
        bench.vault.request("GET", moved)
    bench.vault.request("POST", f"{bench.mount}/undelete/{PATH}", {"versions": [1]})
    done = bench.aw.ok("secrets", "--yes", *ALLOW, "--json")
    found = states(done)
    assert {key for key, state in found.items() if state != "adopt"} == {"databasePassword"}, done
    assert bench.vault.request("GET", moved)["data"]["data"] == first


def test_a_place_that_hides_its_values_ends_the_search(bench: Bench) -> None:
    """What a place before it has is older: a key that was rotated there would come back."""
    third = "airflow-install/third/config"
    bench.answers(ON_VOLUME)
    first = fill(bench)
    move(bench, f"secrets.vault.path={ELSEWHERE}")
    bench.aw.ok("secrets", "--yes", *ALLOW)
    rotated = {**first, "jwtSecret": first["jwtSecret"][::-1]}
    bench.vault.request("POST", f"{bench.mount}/data/{ELSEWHERE}", {"data": rotated})
    bench.aw.ok("set", f"secrets.vault.path={third}", "--yes", "--accept", "another-payload")
    bench.vault.request("DELETE", f"{bench.mount}/data/{ELSEWHERE}")
    refused = bench.aw("secrets", "--yes", *ALLOW)
    assert refused.code == 4, refused
    assert "--accept unchecked-use" in refused.err
    assert ELSEWHERE in refused.err
    assert "copied from" not in refused.out
    with pytest.raises(RefusedError):
        bench.vault.request("GET", f"{bench.mount}/data/{third}")
    bench.vault.request("POST", f"{bench.mount}/undelete/{ELSEWHERE}", {"versions": [2]})
    bench.aw.ok("secrets", "--yes", *ALLOW)
    assert bench.vault.request("GET", f"{bench.mount}/data/{third}")["data"]["data"] == rotated


def test_older_versions_of_the_place_before_are_a_doubt(bench: Bench) -> None:
    bench.answers(ON_VOLUME)
    first = fill(bench)
    bench.put({"databasePassword": first["databasePassword"]})
    move(bench, f"secrets.vault.path={ELSEWHERE}")
    words = ("secrets", "--yes", *ALLOW)
    moved = f"{bench.mount}/data/{ELSEWHERE}"

    def assert_doubt(text: str) -> None:
        refused = bench.aw(*words)
        assert refused.code == 4, refused
        assert "--accept unchecked-use" in refused.err
        assert text in refused.err
        with pytest.raises(RefusedError):
            bench.vault.request("GET", moved)

    assert_doubt("its version 1 has fernetKey, which version 2 lacks")
    bench.vault.request("POST", f"{bench.mount}/delete/{PATH}", {"versions": [1]})
    assert_doubt("its version 1 is deleted or not readable")
    bench.vault.request("POST", f"{bench.mount}/undelete/{PATH}", {"versions": [1]})
    bench.vault.request("POST", f"{bench.mount}/destroy/{PATH}", {"versions": [2]})
    assert_doubt("its version 2 is destroyed")
    # What the doubts ask for: the values are in the newest version again.
    bench.put(first)
    bench.aw.ok(*words)
    assert bench.vault.request("GET", moved)["data"]["data"] == first


def test_a_mount_that_is_gone_may_have_had_the_values(bench: Bench) -> None:
    gone = f"{bench.mount}-gone"
    bench.answers({**ON_VOLUME, "secrets.vault.mount": gone})
    move(bench, f"secrets.vault.mount={bench.mount}")
    refused = bench.aw("secrets", "--yes", *ALLOW)
    assert refused.code == 4, refused
    assert f"{gone}/{PATH}" in refused.err
    assert "--accept unchecked-use" in refused.err
    assert bench.version == 0


def test_a_mount_that_is_gone_does_not_hide_the_place_before_it(bench: Bench) -> None:
    """Nothing is there any more: the values in use are generated nowhere, but copied."""
    # Mounts that other tests left hold the payload of another repository.
    url = f"ssh://git@git.example.com/{bench.mount}/airflow.git"
    bench.answers({**ON_VOLUME, "delivery.argocd.repo_url": url})
    first = fill(bench)
    move(bench, f"secrets.vault.mount={bench.mount}-gone")
    back = (f"secrets.vault.mount={bench.mount}", f"secrets.vault.path={ELSEWHERE}")
    bench.aw.ok("set", *back, "--yes", "--accept", "another-payload")
    refused = bench.aw("secrets", "--yes", *ALLOW)
    assert refused.code == 4, refused
    assert f"{bench.mount}-gone/{PATH}" in refused.err
    assert f"copied from fernetKey of {bench.mount}/{PATH}" in refused.out, refused.out
    assert "copy values that may not be the ones in use (redisPassword, fernetKey, " in refused.err
    assert "generate new values" not in refused.err
    bench.aw.ok("secrets", "--yes", *ALLOW, "--accept", "unchecked-use")
    moved = f"{bench.mount}/data/{ELSEWHERE}"
    assert bench.vault.request("GET", moved)["data"]["data"] == first


def test_a_mount_that_was_moved_ends_the_search(bench: Bench) -> None:
    """Nothing at its path tells what it holds: a key that was rotated there would come back."""
    before, now = f"{bench.mount}-before", f"{bench.mount}-now"
    bench.answers(ON_VOLUME)
    fill(bench)
    bench.vault.request("POST", f"sys/mounts/{before}", {"type": "kv", "options": {"version": "2"}})
    move(bench, f"secrets.vault.mount={before}")
    bench.aw.ok("secrets", "--yes", *ALLOW)
    bench.vault.request("POST", "sys/remount", {"from": before, "to": now})
    back = (f"secrets.vault.mount={bench.mount}", f"secrets.vault.path={ELSEWHERE}")
    bench.aw.ok("set", *back, "--yes", "--accept", "another-payload")
    try:
        refused = bench.aw("secrets", "--yes", *ALLOW)
        assert refused.code == 4, refused
        assert f"{before}/{PATH}" in refused.err
        assert "--accept unchecked-use" in refused.err
        assert "generate new values" in refused.err
        assert "copied from" not in refused.out
        with pytest.raises(RefusedError):
            bench.vault.request("GET", f"{bench.mount}/data/{ELSEWHERE}")
    finally:
        bench.vault.request("DELETE", f"sys/mounts/{now}")


def test_more_versions_than_are_read_are_a_doubt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.answers(ON_VOLUME)
    first = fill(bench)
    move(bench, f"secrets.vault.path={ELSEWHERE}")
    git, file = bench.aw.git, ".airflow-wizard/airflow/answers.yaml"
    text = git.git("show", f"HEAD:{file}")
    versions = [f"# {number}\n{text}\n" for number in range(250)]
    lines = [f"reset refs/heads/long\nfrom {git.git('rev-parse', 'HEAD')}\n\n"]
    for number, version in enumerate(versions):
        size = len(version.encode())
        lines.append(
            f"commit refs/heads/long\ncommitter A <a@example.com> {1e9 + number:.0f} +0000\n"
            f"data 1\nx\nM 100644 inline {file}\ndata {size}\n{version}\n"
        )
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=bench.aw.folder, check=True,
        input="".join(lines).encode(),
    )  # fmt: skip
    git.git("reset", "-q", "--hard", "long")
    assert find_history_gap(git.repo, "airflow") is None
    words, moved = ("secrets", "--yes", *ALLOW), f"{bench.mount}/data/{ELSEWHERE}"
    with monkeypatch.context() as few:
        few.setattr("wizard.workspace.earlier._ANSWERS", 251)
        refused = bench.aw(*words)
    assert refused.code == 4, refused
    assert f"only the last 251 commits that changed {file} are read" in refused.err
    assert "--skip=251" in refused.err
    assert "--accept unchecked-use" in refused.err
    with pytest.raises(RefusedError):
        bench.vault.request("GET", moved)
    gap = find_history_gap(git.repo, "airflow", [".airflow-wizard"])
    assert gap is not None
    assert ("--skip=200" in gap.command, gap.fetches) == (True, False)
    bench.aw.ok(*words)
    assert bench.vault.request("GET", moved)["data"]["data"] == first


def test_a_place_at_another_server_may_have_the_values(bench: Bench) -> None:
    before = "https://vault-before.example.com:8200"
    bench.answers({**ON_VOLUME, "secrets.vault.server": before})
    move(bench, "secrets.vault.server=https://vault.example.com:8200")
    words = ("secrets", "--yes", *ALLOW)
    refused = bench.aw(*words)
    assert refused.code == 4, refused
    assert f"{bench.mount}/{PATH} in {before}" in refused.err
    assert "--accept unchecked-use" in refused.err
    assert bench.version == 0
    bench.aw.ok(*words, "--accept", "unchecked-use")
    # Nothing is asked where nothing is generated.
    assert before not in bench.aw.ok(*words).err


def test_a_shallow_clone_may_lack_the_place_before(bench: Bench, tmp_path: Path) -> None:
    bench.answers(ON_VOLUME)
    first = fill(bench)
    move(bench, f"secrets.vault.path={ELSEWHERE}")
    shallow = tmp_path / "shallow"
    bench.aw.git.git("clone", "-q", "--depth=1", bench.aw.folder.as_uri(), shallow)
    words = ("secrets", "--repo", str(shallow), "--yes", *ALLOW)
    refused = bench.aw(*words)
    assert refused.code == 4, refused
    assert "--accept unchecked-use" in refused.err
    assert "git fetch --unshallow" in refused.err
    moved = f"{bench.mount}/data/{ELSEWHERE}"
    with pytest.raises(RefusedError):
        bench.vault.request("GET", moved)
    GitFolder(shallow).git("fetch", "-q", "--unshallow")
    bench.aw.ok(*words)
    assert bench.vault.request("GET", moved)["data"]["data"] == first


def test_a_place_of_others_that_earlier_answers_named_is_not_read(bench: Bench) -> None:
    bench.answers(ON_VOLUME)
    first = fill(bench)
    theirs = {"custom_metadata": {OWNER_ANNOTATION: "git.example.com/hers#airflow"}}
    bench.vault.request("POST", f"{bench.mount}/metadata/{PATH}", theirs)
    move(bench, f"secrets.vault.path={ELSEWHERE}")
    bench.aw.ok("secrets", "--yes", *ALLOW)
    held = bench.vault.request("GET", f"{bench.mount}/data/{ELSEWHERE}")["data"]["data"]
    assert held["fernetKey"] != first["fernetKey"]


def test_a_deleted_older_version_is_not_looked_at(bench: Bench) -> None:
    first = fill(bench)
    bench.put({"databasePassword": first["databasePassword"]})
    bench.vault.request("POST", f"{bench.mount}/delete/{PATH}", {"versions": [1]})
    done = bench("--yes", *ALLOW, code=4)
    assert "version 1 is deleted" in done.err
    assert "--accept unchecked-use" in done.err
    assert bench.version == 2
    bench.vault.request("POST", f"{bench.mount}/undelete/{PATH}", {"versions": [1]})
    bench("--yes", *ALLOW, "--accept", "restore")
    assert bench.values() == first


def test_a_key_that_no_version_had_is_generated(bench: Bench) -> None:
    first = fill(bench)
    path = f"{bench.mount}/metadata/{PATH}"
    bench.vault.request("DELETE", path)
    bench.put({name: value for name, value in first.items() if name != "jwtSecret"})
    bench("--yes", *ALLOW)
    assert bench.values()["jwtSecret"] != first["jwtSecret"]


def test_a_refused_cluster_counts_as_not_looked_at(
    bench: Bench, kube: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = written(tmp_path / "kubeconfig", cluster(kube), {"token": "expired"})
    monkeypatch.setenv("KUBECONFIG", str(config))
    done = bench("--yes", *ALLOW, code=4)
    assert "does not accept the login" in done.err
    assert "--accept unchecked-use" in done.err
    assert bench.version == 0
    bench("--yes", *ALLOW, "--accept", "unchecked-use")
    assert bench.version == 1


@pytest.mark.parametrize("where", ["mount", "path", "version"])
def test_a_payload_that_would_delete_itself_fails_first(
    bench: Bench, vault: Vault, where: str
) -> None:
    limit = {"delete_version_after": "720h"}
    if where == "version":
        vault.request("POST", f"{bench.mount}/config", limit)
        bench.put({"databasePassword": bench.password})
        vault.request("POST", f"{bench.mount}/config", {"delete_version_after": "0s"})
    else:
        about = {"mount": "config", "path": f"metadata/{PATH}"}[where]
        vault.request("POST", f"{bench.mount}/{about}", limit)
    before = bench.version
    done = bench("--yes", *ALLOW, code=4)
    assert "delete" in done.err
    assert "vault " in done.err
    assert bench.version == before
    bench.aw.ok("commit", "--yes", "--answers", str(bench.file))
    live: Any = bench.aw("check", "--live", "--json")
    (result,) = json.loads(live.out)
    probes = {one["id"]: one for one in result["live"]["probes"]}
    assert probes["vault.mount"]["status"] == "fail", probes["vault.mount"]


def test_one_version_only_is_a_warning(bench: Bench, vault: Vault) -> None:
    vault.request("POST", f"{bench.mount}/config", {"max_versions": 1})
    done = bench("--yes", *ALLOW)
    assert "keeps 1 version only" in done.err
    assert bench.version == 1
    vault.request("POST", f"{bench.mount}/metadata/{PATH}", {"max_versions": 5})
    assert "keeps 1 version only" not in bench("--yes", *ALLOW).err


@pytest.mark.parametrize("status", [429, 503])
def test_a_vault_that_asks_to_wait_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Each request is refused once, as by a rate limit; nothing is written twice."""
    ask, seen = VaultHttp.ask, set[str]()

    def asked(self: VaultHttp, method: str, path: str, *args: Any, **options: Any) -> VaultResponse:
        if f"{method} {path}" not in seen:
            seen.add(f"{method} {path}")
            return VaultResponse(status, {"errors": []}, 0.0)
        return ask(self, method, path, *args, **options)

    monkeypatch.setattr(VaultHttp, "ask", asked)
    bench("--yes", *ALLOW)
    assert bench.version == 1
