"""Only listed variables with harmless values pass, and every text is judged in linear time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from wizard.hostkeys.git_connections import (
    list_bundle_connections,
    refuse_bundles,
    refuse_connection,
)
from wizard.hostkeys.git_environment import (
    PREFIXES,
    find_assignments,
    flag_variable,
    has_loose_options,
    is_verified_address,
    refuse_sync_variable,
    refuse_variable,
)

SSH = (
    "ssh",
    "/usr/bin/ssh -4 -T -p 2222",
    "ssh -o BatchMode=yes -o 'ConnectTimeout 5' -o \"StrictHostKeyChecking=yes\" -vv",
    "ssh -i /etc/git-secret/ssh -o UserKnownHostsFile=/etc/git-secret/known_hosts",
)
NOT_SSH = (
    "",
    "sh",
    "ssh -F /x",
    "ssh -J evil",
    "ssh -o ProxyCommand=x",
    "ssh -oStrictHostKeyChecking=no",
    "ssh -o StrictHostKeyChecking=yes -o StrictHostKeyChecking=no",
    "ssh -o StrictHostKeyChecking='yes",
    "ssh -o UserKnownHostsFile=/git/known_hosts",
    "ssh -o ConnectTimeout=5; curl evil",
    "ssh $(x)",
    "ssh\n-F x",
)


@pytest.mark.parametrize("command", SSH)
def test_an_ssh_command_that_verifies_is_harmless(command: str) -> None:
    assert refuse_variable("GIT_SSH_COMMAND", command) is None


@pytest.mark.parametrize("command", NOT_SSH)
def test_any_other_ssh_command_is_refused(command: str) -> None:
    assert refuse_variable("GIT_SSH_COMMAND", command)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_name_that_nobody_listed_is_refused_whatever_its_value(prefix: str) -> None:
    for value in ("", "true", "0", None):
        refusal = refuse_variable(f"{prefix}A_NEW_OPTION", value)
        assert refusal is not None
        assert refusal.severity == "error"
        assert refuse_variable(f" {prefix.lower()}a_new_option ", value) == refusal


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("GITSYNC_SSH_KNOWN_HOSTS", "true", "false"),
        ("GITSYNC_SSH_KNOWN_HOSTS", "1", ""),
        ("GIT_SYNC_KNOWN_HOSTS", "t", "maybe"),
        ("GITSYNC_DEPTH", "1", "1; x"),
        ("GITSYNC_PERIOD", "1m30s", "$PERIOD"),
        ("GITSYNC_HTTP_BIND", ":9001", "unix:/git/x"),
        ("GITSYNC_GIT_CONFIG", "http.sslVerify:true", "http.sslVerify:false"),
        ("GITSYNC_GIT_CONFIG", '"safe.directory":"*"', '"core.hooksPath":"/x"'),
        ("GITSYNC_TOUCH_FILE", "done", "../../etc/gitconfig"),
        ("GIT_CONFIG_GLOBAL", "/dev/null", "/git/config"),
        ("GIT_CONFIG_COUNT", "20", "21"),
        ("GIT_CONFIG_KEY_1", "http.https://git.example.com/.sslCAInfo", "core.sshCommand"),
        ("GIT_CONFIG_VALUE_1", "/etc/airflow-git-ca/ca.crt", "/git/ca.crt"),
        ("GIT_SSL_NO_VERIFY", "false", "true"),
        ("GIT_ALLOW_PROTOCOL", "https:ssh", "ext"),
        ("GIT_ASKPASS", "/bin/true", "/git/repo/x"),
        ("GIT_PYTHON_GIT_EXECUTABLE", "git", "/git/repo/git"),
        ("AIRFLOW__KUBERNETES_ENVIRONMENT_VARIABLES__GIT_SSH", "ssh", "/x"),
    ],
)
def test_a_listed_name_is_judged_by_its_value(name: str, good: str, bad: str) -> None:
    assert refuse_variable(name, good) is None
    assert refuse_variable(name, bad)
    unreadable = refuse_variable(name, None)
    assert unreadable is not None
    assert unreadable.unreadable


def test_only_logins_and_names_may_come_from_a_secret() -> None:
    for name in ("GITSYNC_USERNAME", "GIT_SYNC_PASSWORD", "GIT_AUTHOR_NAME"):
        assert refuse_variable(name, None) is None
    assert refuse_variable("GITSYNC_REPO", None)


def test_git_sync_s_own_repository_is_the_one_that_was_chosen() -> None:
    def choice(key: str, value: str) -> bool:
        return (key, value) == ("repo", "ssh://h/a")

    assert refuse_variable("GITSYNC_REPO", "ssh://h/a", choice) is None
    assert refuse_variable("GITSYNC_REPO", "ssh://h/b", choice)
    assert refuse_variable("GITSYNC_REPO", "ssh://h/a")


def test_next_to_git_sync_every_name_counts() -> None:
    for name in ("PATH", "HOME", "LD_PRELOAD", "SSL_CERT_FILE", "FOO", "GODEBUG", "ssh_askpass"):
        assert refuse_variable(name, "x") is None
        assert refuse_sync_variable(name, "x")
    assert refuse_sync_variable("TZ", "Asia/Taipei") is None
    proxy = refuse_sync_variable("HTTPS_PROXY", "http://proxy:3128")
    assert proxy is not None
    assert proxy.severity == "warning"


def test_a_flag_is_judged_as_its_variable() -> None:
    assert flag_variable("--ssh-known-hosts") == "GITSYNC_SSH_KNOWN_HOSTS"
    assert flag_variable("-v") == "GITSYNC_VERBOSE"


@pytest.mark.parametrize(
    "text",
    [
        "export GIT_SSH_COMMAND='ssh -F x'",
        'os.environ["GIT_SSH_COMMAND"] = "ssh -F x"',
        'os.environ.setdefault("GIT_SSH_COMMAND", "ssh -F x")',
        "env GIT_SSH_COMMAND=ssh git pull",
        '{"GIT_SSH_COMMAND": "x"}',
    ],
)
def test_assignments_are_found_in_any_language(text: str) -> None:
    assert [name for name, _ in find_assignments(text)] == ["GIT_SSH_COMMAND"]


@pytest.mark.parametrize("text", ['[ "$GIT_SSH" == x ]', "# GIT_SSH is not set", "MY_GIT_SSH=x"])
def test_a_mere_mention_is_no_assignment(text: str) -> None:
    assert not [*find_assignments(text)]


def test_a_git_connection_that_cannot_be_read_is_refused() -> None:
    assert refuse_connection('{"conn_type": "git", "host": {{ if x }}}')
    assert refuse_connection('{"conn_type": "vault", "host": {{ if x }}}') == ""


def test_addresses_whose_host_git_verifies() -> None:
    for address in ("ssh://git@h/a", "git@h:a/b.git", "https://h/a.git", "git+ssh://h/a"):
        assert is_verified_address(address)
    for address in (
        "http://h/a",
        "git://h/a",
        "ext::sh -c x",
        "/srv/a",
        "file:///a",
        "ssh://-oX/a",
    ):
        assert not is_verified_address(address)


def test_bundles_that_cannot_be_read_are_refused() -> None:
    assert [*refuse_bundles("{{ include")] == ["the bundles cannot be read"]
    assert [*refuse_bundles([])] == []
    found = '[{"kwargs": {"git_conn_id": "a"}}, {"kwargs": {"git_conn_id": "a"}}, 1]'
    assert list_bundle_connections(found) == ("a",)


def test_the_template_of_our_own_connection_is_verified() -> None:
    extra = '{"strict_host_key_checking": "yes", "known_hosts_file": "/etc/airflow-git/known_hosts"'
    host = "ssh://git@git.example.com/a.git"
    text = f'{{"conn_type": "git", "host": "{host}", "extra": {extra}, "private_key": '
    assert refuse_connection(text + "{{ .gitSshKey | toJson }}}}") == ""
    assert refuse_connection(text.replace("yes", "no") + "{{ .gitSshKey | toJson }}}}")
    assert refuse_connection(text.replace(extra, '{"a": "b"') + "{{ .gitSshKey | toJson }}}}")


WORST: dict[str, tuple[Callable[[str], object], str]] = {
    "assignments": (lambda text: [*find_assignments(text)], "GIT_A="),
    "assignments with quotes": (lambda text: [*find_assignments(text)], 'GIT_A="'),
    "options": (has_loose_options, "url."),
    "options of ssh": (has_loose_options, "StrictHostKeyChecking "),
    "ssh": (lambda text: refuse_variable("GIT_SSH_COMMAND", "ssh" + text), " -o BatchMode=yes"),
    "ssh with spaces": (lambda text: refuse_variable("GIT_SSH_COMMAND", "ssh" + text), " "),
    "config": (lambda text: refuse_variable("GITSYNC_GIT_CONFIG", text), "http.sslVerify:true,"),
    "duration": (lambda text: refuse_variable("GITSYNC_PERIOD", text), "1s"),
    "connection": (refuse_connection, "strict_host_key_checking "),
    "connection with braces": (refuse_connection, "{{"),
    "connection as JSON": (refuse_connection, "["),
    "address": (is_verified_address, "a"),
}


@pytest.mark.parametrize("name", WORST)
def test_the_time_grows_with_the_text(name: str) -> None:
    function, unit = WORST[name]

    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        best = 9.0
        for _ in range(3):
            start = time.process_time()
            function(text)
            best = min(best, time.process_time() - start)
        return best

    small = max(seconds(100_000), 0.002)
    assert seconds(400_000) < 12 * small
