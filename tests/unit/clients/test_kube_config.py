"""Kubeconfigs: which context counts, what is refused, and that nothing secret is shown."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.canary import Canary
from tests.support.cluster.kubeconfigs import written
from wizard.clients.kube.config import read_context
from wizard.clients.kube.errors import NoContextError
from wizard.errors import RefusedError, UsageError, WizardError

SERVER = {"server": "https://api.prod.example:6443"}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """config(cluster, user): the path of the only kubeconfig."""

    def make(cluster: Any = None, user: Any = None, context: str = "prod") -> Path:
        path = written(tmp_path / f"{context}.yaml", cluster or SERVER, user or {}, context)
        monkeypatch.setenv("KUBECONFIG", str(path))
        return path

    return make


def refusal(context: str = "") -> WizardError:
    with pytest.raises(WizardError) as caught:
        read_context(context)
    return caught.value


def test_the_current_context_and_its_identity(config: Any) -> None:
    config(user={"token": "a-token"})
    access = read_context()
    assert access.identity == "context prod: https://api.prod.example:6443 as ada (token)"
    assert "a-token" not in repr(access)
    config()
    assert read_context("prod").identity.endswith("as ada (without a login)")


def test_contexts_are_chosen_by_name_only(config: Any) -> None:
    config()
    error = refusal("staging")
    assert isinstance(error, UsageError)
    assert (error.message, error.hint) == (
        "the kubeconfig has no context of that name",
        "choose one: --context prod",
    )


def test_of_several_files_the_first_word_counts(
    config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = config(context="first")
    second = config({"server": "https://other.example"}, {"token": "b"}, context="second")
    absent = tmp_path / "absent"
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (absent, first, "", second))))
    assert read_context().context == "first"
    # Both files name their cluster alike: the first one's counts, as with kubectl.
    assert read_context("second").server == SERVER["server"]


def test_without_a_variable_the_usual_file_is_read(clean_environment: Path) -> None:
    error = refusal()
    assert (type(error), "~/.kube/config" in error.message) == (NoContextError, True)
    folder = clean_environment / ".kube"
    folder.mkdir()
    written(folder / "config", SERVER, {}, "home")
    assert read_context().context == "home"


def test_certificates_are_read_beside_the_file_that_names_them(config: Any) -> None:
    path = config({**SERVER, "certificate-authority": "ca.pem"})
    assert "certificate-authority cannot be read" in refusal().message
    (path.parent / "ca.pem").write_text("a certificate")
    assert read_context().ca == "a certificate"
    inline = base64.b64encode(b"inline").decode()
    config({**SERVER, "certificate-authority": "ca.pem", "certificate-authority-data": inline})
    assert read_context().ca == "inline"
    config({**SERVER, "certificate-authority-data": "%%%"})
    assert "is not PEM" in refusal().message


@pytest.mark.parametrize(
    ("cluster", "says"),
    [
        ({**SERVER, "insecure-skip-tls-verify": True}, "insecure-skip-tls-verify"),
        ({"server": "http://api.prod.example"}, "https URL"),
        ({"server": "https://user:pw@api.prod.example"}, "without credentials"),
        ({"server": "https://api.prod.example:port"}, "https URL"),
        ({"other": "x"}, "https URL"),
    ],
)
def test_servers_that_nothing_proves_are_refused(config: Any, cluster: Any, says: str) -> None:
    config(cluster, {"token": "t"})
    error = refusal()
    assert (type(error), error.exit_code) == (RefusedError, 4)
    assert says in error.message
    assert error.hint
    assert "pw" not in error.message


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ({"as": "root"}, "`as`"),
        ({"username": "u", "password": "p"}, "`username`"),
        ({"auth-provider": {"name": "gcp", "config": {}}}, "auth-provider"),
        ({"exec": {"command": "x", "interactiveMode": "Always"}}, "terminal"),
        ({"exec": {"args": []}}, "no command"),
        ({"client-certificate-data": base64.b64encode(b"c").decode()}, "no key"),
    ],
)
def test_logins_that_cannot_be_used_are_refused(config: Any, user: Any, says: str) -> None:
    config(user=user)
    error = refusal()
    assert says in error.message


def test_kinds_of_login(config: Any, canary: Canary) -> None:
    provider = {"name": "oidc", "config": {"id-token": canary.secret()}}
    config(user={"auth-provider": provider})
    assert read_context().login == "token"
    words = {
        "command": "aws",
        "args": ["eks", "get-token", "--token", canary.secret("argument")],
        "env": [{"name": "AWS_PROFILE", "value": "prod"}],
        "apiVersion": "client.authentication.k8s.io/v1",
        "provideClusterInfo": True,
    }
    config(user={"exec": words})
    access = read_context()
    assert access.login == "runs `aws eks get-token`"
    assert access.plugin is not None
    assert access.plugin.cluster_info == SERVER
    assert access.plugin.environment == {"AWS_PROFILE": "prod"}
    # Both a file and a token: the file counts.
    path = config(user={"tokenFile": "token", "token": canary.secret()})
    access = read_context()
    assert (access.token_file, access.token) == (path.parent / "token", None)
    canary.assert_absent(access.identity)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("contexts: [\n", "not readable YAML"),
        ("a: &a [1]\nb: *a\n", "anchors"),
        ("contexts: [text]\ncurrent-context: a\n", "not a mapping"),
        ("", "no current context"),
        ("current-context: a\n", "has no context of that name"),
    ],
)
def test_broken_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(path))
    error = refusal()
    kind = UsageError if text else NoContextError
    assert (type(error), says in error.message) == (kind, True)


def test_what_is_named_must_not_pass_for_nothing(
    clean_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert type(refusal()) is NoContextError
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    assert type(refusal()) is NoContextError
    monkeypatch.setenv("KUBECONFIG", str(clean_environment / "typo"))
    error = refusal()
    assert (type(error), error.message.endswith("typo")) == (UsageError, True)


def test_a_context_without_its_cluster(
    config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config()
    words = yaml.safe_load(path.read_text())
    words["clusters"] = None
    path.write_text(yaml.safe_dump(words))
    assert "cluster that is not in the kubeconfig" in refusal().message
    path.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in refusal().message
