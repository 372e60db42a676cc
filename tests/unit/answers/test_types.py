"""Each annotated type of the answers: what it takes, what it refuses, and what it says then."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.support.canary import Canary
from wizard.answers.model import Answers
from wizard.answers.questions import convert_validation_error
from wizard.formats import address_types, identity_types, image_types, types
from wizard.formats.durations import canonical_duration, check_duration, duration_seconds

MODULES = (address_types, identity_types, image_types, types)
TYPES = {
    name: kind
    for module in MODULES
    for name, kind in vars(module).items()
    if name[0].isupper() and name != "Annotated"
}


GOOD: dict[str, list[str]] = {
    "Text": ["", "a", "Zoë 日本 \U0001f600", "{{ x }}", "a" * 1000],
    "KubeName": ["a", "airflow-2", "0a", "a" * 63],
    "ReleaseName": ["a", "data-platform", "a" * 40],
    "ObjectName": ["", "a.b-c", "registry"],
    "SecretName": ["a.b-c", "airflow-aws", "0a"],
    "SecretKey": [".dockerconfigjson", "AWS_KEY", "ca.crt", "a-b", "..."],
    "OptionalSecretKey": ["", "connection-async", "ca.crt"],
    "AnnotationKey": ["a", "example.com/name", "service.beta.kubernetes.io/aws_x.y-z"],
    "LabelKey": ["release", "example.com/name"],
    "Network": ["10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "10.1.2.3/32"],
    "MetricPrefix": ["airflow", "_a.b_2", "A" * 63],
    "LabelValue": ["", "a", "Airflow_2.x-y", "a" * 63],
    "PodAnnotation": ["", '[{"source": "airflow"}]', "Zoë { x } 日本", "}}"],
    "CloudIdentity": ["arn:aws:iam::123456789012:role/airflow", "a@b.iam", "0-1"],
    "ProxyUrl": ["", "http://proxy.example.internal:3128", "https://10.1.2.3:8080", "http://p"],
    "ProxyException": [".example.internal", "vault", "10.0.0.0/8", "a.b:443", "fd00::/8"],
    "Address": ["", "statsd.example.internal:8125", "[fd00::1]:65535", "10.1.2.3:1"],
    "ImageName": ["", "quay.io/a/b:v7.15.6", "r.example:5000/a/b:1@sha256:" + "0" * 64],
    "Tenant": ["", "11111111-2222-3333-4444-555555555555", "example.onmicrosoft.com"],
    "ClientId": ["", "0oa1", "1-a.apps.googleusercontent.com", "https://a.example/b", "a@b"],
    "ClaimName": ["", "groups", "https://example.com/groups", "cognito:groups"],
    "Scopes": ["", "openid", "openid email api://a/.default", "groups openid"],
    "GroupName": ["a", "Data Team", "/airflow/admins", "CN=a,DC=b", "Zoë 日本", "{{ x }}"],
    "MountPath": ["", "/a", "/opt/airflow/own", "/etc/x.d/..a"],
    "Version": ["2.11.0", "3.2.2", "10.0.12"],
    "HostName": ["", "pg", "pg.example.internal", "10.1.2.3", "fd00::1", "my_host.svc"],
    "HttpsUrl": ["", "https://vault.example:8200", "https://[fd00::1]:8200/x"],
    "WebUrl": ["https://airflow.example.com", "http://localhost:8080", "http://127.0.0.1:8080"],
    "GitUrl": [
        "",
        "ssh://git@git.example.com:2222/a/b.git",
        "git@git.example.com:a/b.git",
        "https://github.com/a/b",
        "https://dev.azure.com/acme/My%20Project/_git/dags",
        "git@ssh.dev.azure.com:v3/acme/My%20Project/dags",
        "ssh://git@git.example.com/team/Daten%C3%BCbung/dags.git",
        "https://gitlab.example.com/group/tree/leaf.git",
    ],
    "GitRef": ["", "main", "v1.2", "feature/x#2", "release-1.0", "zweig/für", "0a1b2c"],
    "RepositoryPath": ["", ".", "apps", "a/b.c_d+e"],
    "RepositorySource": [
        "",
        "git.example.com/team/airflow",
        "git.example.com:8443/~ada/air.flow+x",
        "commit/0123abc",
        "ssh://git@git.example.com/team/airflow.git",
        "git@git.example.com:team/airflow.git",
    ],
    "VaultPath": ["secret", "a/b.c-d_e"],
    "OptionalVaultPath": ["", "airflow-install/airflow/config"],
    "VaultName": ["external-secrets-airflow", "a", "a.b"],
    "OptionalVaultName": ["", "external-secrets-airflow"],
    "VaultNamespace": ["", "team-a/data"],
    "Audience": ["", "vault", "https://kubernetes.default.svc.cluster.local", "api://x"],
    "KeyVaultPrefix": ["", "airflow-connections", "A1"],
    "LogUrl": [
        "",
        "s3://my-logs",
        "gs://my.logs/a/b_c=1",
        "https://es.example.internal:9200",
        "wasb://logs@acct.blob.core.windows.net/wasb-a",
    ],
    "LoginName": ["", "airflow_logs", "ada@example.com"],
    "TokenDuration": ["1m", "60s", "20m", "1h30m", "24h"],
    "Duration": ["1s", "30s", "5m", "1h", "1h30m", "1h0m5s"],
    "Quantity": ["", "500m", "2", "0.5", "512Mi", "10Gi", "1Ti"],
    "Email": ["", "ada@example.com", "a.b+c@d"],
    "TimeZone": ["UTC", "Asia/Taipei", "America/Argentina/Ushuaia", "Etc/GMT+8"],
    "EnvName": ["A", "_a1", "AIRFLOW__CORE__X"],
    "ImageRegistry": [
        "",
        "registry.example.com/mirror",
        "localhost/a",
        "r.example:5000",
        "10.1.2.3/a",
    ],
    "ImageRepository": ["", "airflow", "registry.example.com:5000/data/airflow"],
    "ImageTag": ["", "3.2.2-r1", "latest-1"],
    "ImageBase": ["", "3.12", "3.9", "slim", "slim-3.13"],
    "AptPackage": ["libpq-dev", "g++", "libpq-dev=15.8-0+deb12u1", "git=1:2.39~rc1"],
    "ManifestFile": ["", "pod.yaml", "../pods/task-pod.yml", "C:\\pods\\a.yaml"],
    "CertificateFile": ["", "ca.pem", "../certs/vault-ca.crt", "C:\\certs\\a.cer"],
    "PostgresName": ["airflow", "a" * 63, 'Zoë\'s "db"', "results,user"],
    "QueueNames": ["default", "default,high.cpu,a_b-c"],
}
HIDDEN = ["a\nb", "a\x00", "a\x1b[0m", "a\x85b", "a\u2028b", "a\u202eb", "\ufeffa", "a\u2066b"]
BAD: dict[str, tuple[str, list[str]]] = {
    "Text": ("at most 1000 characters", ["a" * 1001]),
    "KubeName": ("1 to 63 lower-case letters", ["", "A", "a_b", "-a", "a-", "a.b", "a" * 64]),
    "ReleaseName": ("1 to 40 lower-case letters", ["", "1a", "A", "a-", "a" * 41, "a.b"]),
    "ObjectName": ("lower-case letters", ["A", "a..b", ".a", "a_b", "a/b"]),
    "SecretName": ("lower-case letters", ["", "A", "a..b", ".a", "a_b", "a/b"]),
    "SecretKey": ("give a key", ["", ".", "..", "a b", "a/b", "{{a}}", "a" * 254]),
    "OptionalSecretKey": ("give a key", [".", "..", "a b", "a/b", "{{a}}", "a" * 254]),
    "AnnotationKey": ("name of an annotation", ["", "a b", "/a", "a/", "A.B/c", "a/b/c", "{{a}}"]),
    "LabelKey": ("name of a label", ["", "a b", "/a", "a/", "-a"]),
    "Network": ("", ["", "10.0.0.1/8", "10.0.0.0/33", "a", "10.0.0.0/8 ", "fe80::%eth0/64",
                     "::ffff:10.0.0.0/104", "::ffff:a00:1"]),
    "MetricPrefix": ("letters, digits", ["", "1a", "a b", "a-b", "a" * 64, "{{a}}", "a.", "a..b",
                                         ".a", "a.1", "ä"]),
    "LabelValue": ("at most 63", ["-a", "a-", "a b", "a/b", "{{a}}", "a" * 64]),
    "PodAnnotation": ("without templates", ["{{", "{{ .Values.x }}", "a{{b", "{{{", "a }} {{ b"]),
    "CloudIdentity": ("name at a cloud", ["", "a b", "{{a}}", "a'b", "a`"]),
    "ProxyUrl": ("give", ["proxy:3128", "socks5://a", "http://a/b", "http://a?b", "ftp://a:1"]),
    "ProxyException": ("give a host", ["", "*", "a b", "$(X)", "a,b", "{{a}}", "-a", "http://a"]),
    "Address": ("give", ["a", "a:", ":1", "a:0", "a:65536", "https://a:1", "a b:1", "[::g]:1"]),
    "ImageName": ("fixed tag", ["a:1", "a/b", "a/b:latest", "a/b:1@sha256:0", "a/b:{{a}}"]),
    "Tenant": ("", ["common", "organizations", "a/b", "-a", "a b", "{{a}}"]),
    "ClientId": ("client's ID", ["-a", "a b", 'a"', "{{a}}", "a" * 256]),
    "ClaimName": ("name of a claim", ["1", "a b", 'a"', "{{a}}"]),
    "Scopes": ("openid", ["email", "openid  email", 'openid "', "openid,email"]),
    "GroupName": ("give a group", ["", " a", "a "]),
    "MountPath": ("absolute path", ["/", "a", "/a/", "/a//b", "/a/../b", "/.", "/a/..", "/a b"]),
    "Version": ("plain X.Y.Z", ["", "3.2", "3.2.2rc1", "3.2.2-python3.12", "v3.2.2", "03.1.1"]),
    "HostName": ("give a", ["https://a", "a:5432", "a/b", "-a", "a b", "a..b", "fe80::1%eth0"]),
    "HttpsUrl": ("give a URL", ["http://vault", "vault", "https://", "https://a/?b", "https://a/#b"]),
    "WebUrl": ("give a", ["http://airflow.example.com", "ftp://a", "https://a/%7e", "https://a b"]),
    "GitUrl": ("", ["git://a/b", "http://a/b", "a", "ssh://git.example.com/a", "git@h:22/a.git",
                    "https://github.com", "ssh://git@h/../a", "/srv/git/a.git", "file:///a",
                    "ext::sh -c id", "ssh://-oProxyCommand=x@h/a", "git@h:-a",
                    "https://h/a%2f..%2fb", "https://h/a/%2e%2e/b", "https://h/a%0ab", "https://h/a%",
                    "https://h/a%ff", "https://h/%2dx", "https://h/a%24(id)", "https://h/a%zz"]),
    "GitRef": ("name of a branch", ["-x", "a..b", "a b", "a~1", "a^", "a:b", "/a", "a/", "a.lock",
                                    "@", "@{u}", "a//b", "a/.b", "a$(id)", "a{{b}}", "a%b"]),
    "RepositorySource": ("", ["airflow", "/a/b", "a//b", "a/../b", "a b/c", "a/b#x", "a/b\"c",
                              "https://ada:pw@h/a/b", "http://h/a", "file:///a/b", "a/b/"]),
    "RepositoryPath": ("", ["/a", "../a", "a/../b", "~/a", "-a", "a\\b", "a//b", ".git/x",
                            "a/.GitHub", "a b", "a{{b", "a$b"]),
    "VaultPath": ("give a path", ["", "/a", "a/", "a//b", "a*", "+/a", "..", "a/..", 'a"b', "a{}"]),
    "VaultName": ("without a slash", ["", "a/b", "a b", "-a", "a{b}"]),
    "VaultNamespace": ("team-a/data", ["/a", "a/", "-a", "a b", "a.b"]),
    "Audience": ("that the cluster issues", ["-a", "a b", 'a"', "a{b}"]),
    "KeyVaultPrefix": ("letters, digits and dashes", ["1a", "a_b", "a/b", "a b", "{{a}}"]),
    "LogUrl": ("give a", ["s3://A", "s3://a", "s3://my-logs/../x", "s3://k:s@logs", "gs://my log",
                          "wasb://acct/wasb", "ftp://my-logs", "s3://my-logs/{{a}}", "s3://my-logs//a",
                          "wasb://logs@a b/wasb", "https://es.example.internal/?a", "http://es.local"]),
    "LoginName": ("user name", ["-a", "a b", "a:b", "{{a}}", "a%b", "a" * 101]),
    "TokenDuration": ("give a duration", ["", "5", "59s", "24h1s", "1d", "-5m", "20m; x"]),
    "Duration": ("30s, 5m or 1h30m", ["", "0s", "0h0m", "5", "5 minutes", "1d", "-5m", "30s5m",
                                      "1.5h", "999999h"]),
    "Quantity": ("Kubernetes quantity", ["0", "-1", "1gb", "1 Gi", "01", "1e3", ".5", "1MiB"]),
    "Email": ("ada@example.com", ["a", "@b", "a@", "a b@c", "a@b@c", "<a@b>"]),
    "TimeZone": ("time zone", ["", "a b", "/UTC", "a/b/c/d", "1/2", "UTC; x"]),
    "EnvName": ("letters, digits", ["", "1A", "A-B", "A.B", "A B"]),
    "ImageRegistry": ("such as registry.example.com/mirror", [
        "mirror", "a/b", "https://r.example/a", "r.example/a/", "R.example/a", "r.example/a:1",
        "r.example/a@sha256:b", "ada@r.example/a", "r.example//a", "r.example/../a", "-r.example/a",
        "r.example/a b", "r.example/{{a}}", "r.example:a/b"]),
    "ImageRepository": ("without a tag", ["A/b", "a:tag", "a@sha256:b", "/a", "a/", "http://a/b"]),
    "ImageBase": (
        "give a Python version",
        ["python3.12", "3", "3.1", "4.2", "slim-", "Slim", "3.12-slim", "3.12 "],
    ),
    "AptPackage": (
        "give the name of a Debian package",
        ["", "a", "Git", "-y", "a b", "a;b", "a$(id)", "a=", "a=b", "../a", "a/b", "a\\"],
    ),
    "ImageTag": ("fixed tag", ["latest", "-a", "a b", "a/b", "a" * 129]),
    "ManifestFile": ("file", ["pod", "a/answers.yaml", "Answers.yaml", ".yaml", "p/", "a b.yml"]),
    "CertificateFile": (".pem", ["ca", "answers.yaml", ".pem", "certs/", "a/..", "a b.pem"]),
    "PostgresName": ("63 bytes", ["a" * 64, "é" * 32]),
    "QueueNames": ("separated by commas", ["", "a,", ",a", "a b", "a;b", "$(id)", "a,,b", "-q"]),
}  # fmt: skip
LOOPBACK = ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.1", "2130706433", "::1",
            "0.0.0.0", "::", "::ffff:127.0.0.1", "0x7f000001"]  # fmt: skip


def refusal(name: str, value: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(TYPES[name]).validate_python(value)
    [problem] = convert_validation_error(refused.value, Answers)
    return problem.message


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in GOOD.items() for v in vs])
def test_good_text_is_taken(name: str, value: str) -> None:
    taken = TypeAdapter(TYPES[name]).validate_python(value)
    assert taken == value


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, (_, vs) in BAD.items() for v in vs])
def test_bad_text_is_refused_with_its_message(name: str, value: str) -> None:
    message = refusal(name, value)
    assert BAD[name][0] in message
    # The remedy's own example may look like the value; it is the same for every value then.
    assert len(value) < 5 or value not in message or message == refusal(name, BAD[name][1][0])


@pytest.mark.parametrize("name", GOOD)
def test_hidden_characters_and_other_types_are_refused(name: str) -> None:
    for value in HIDDEN:
        assert "control or bidirectional" in refusal(name, value)
    for wrong in (1, True, None, ["a"], {"a": 1}):
        assert "give text" in refusal(name, wrong)


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_is_not_an_address_that_pods_use(host: str) -> None:
    bracketed = f"[{host}]" if ":" in host else host
    assert "pods use" in refusal("HostName", host)
    assert "pods use" in refusal("HttpsUrl", f"https://{bracketed}:8200")
    assert "pods use" in refusal("GitUrl", f"ssh://git@{bracketed}/a.git")


@pytest.mark.parametrize("name", ["HttpsUrl", "WebUrl", "GitUrl"])
def test_credentials_in_a_url_are_refused_and_not_repeated(name: str) -> None:
    for userinfo in ("ada:hunter22", "ghp_0123456789", ":hunter22"):
        message = refusal(name, f"https://{userinfo}@git.example.com/a/b.git")
        assert "remove the credentials" in message
        assert "hunter22" not in message
        assert "ghp_" not in message


PAGES = {
    "https://github.com/acme/dags/tree/main/dags": (
        "acme/dags.git", "the branch (main) and the folder (dags)"),
    "https://github.com/acme/dags/tree/main": ("acme/dags.git", "the branch (main) in"),
    "https://github.com/acme/dags/blob/main/x/a.py": (
        "acme/dags.git", "the branch (main) and the folder (x)"),
    "https://github.com/acme/dags/blob/main/a.py": ("acme/dags.git", "the branch (main) in"),
    "https://github.com/acme/dags/pulls": ("acme/dags.git", "branch and folder"),
    "https://gitlab.com/acme/data/dags/-/tree/main?ref_type=heads": (
        "acme/data/dags.git", "the branch (main) in"),
    "https://gitlab.example.com:8443/a/b/-/issues": ("b.git", "branch "),
    "https://codeberg.org/acme/dags/src/branch/main/dags": (
        "acme/dags.git", "the branch (main) and the folder (dags)"),
    "https://bitbucket.org/acme/dags/src/main/": ("acme/dags.git", "the branch "),
    "https://bitbucket.org/acme/dags/src/main/dags/": (
        "acme/dags.git", "the branch (main) and the folder (dags)"),
    "https://dev.azure.com/acme/My%20Project/_git/dags?path=/dags&version=GBmain": (
        "acme/My%20Project/_git/dags", "the branch (main) and the folder (dags)"),
    "https://git.example.com/projects/DATA/repos/dags/browse?at=refs/heads/main": (
        "scm/DATA/dags.git", "the branch (main) in"),
    "https://git.example.com/b/users/ada/repos/dags/browse/x": (
        "b/scm/~ada/dags.git", "the folder (x)"),
}  # fmt: skip


@pytest.mark.parametrize("url", PAGES)
def test_the_address_of_a_page_is_refused_with_what_it_means(url: str) -> None:
    message = refusal("GitUrl", url)
    clone, named = PAGES[url]
    top = "/".join(url.split("/")[:3])
    assert message.startswith("give the clone URL, not the address of a page in a browser: ")
    assert f": {top}/" in message
    assert f"{clone}; give {named}" in message
    assert url not in message
    assert TypeAdapter(TYPES["GitUrl"]).validate_python(f"{top}/{clone}") == f"{top}/{clone}"


def test_a_page_repeats_no_other_part_of_its_address() -> None:
    token = Canary().secret("page-token-4Tz")
    for url in (
        f"https://gitlab.com/a/b/-/tree/main?private_token={token}",
        f"https://dev.azure.com/a/b/_git/c?token={token}&path=/d",
        f"https://github.com/a/b/tree/main/d#{token}",
        f"https://github.com/a/b/tree/main/{token}!",
    ):
        assert token not in refusal("GitUrl", url)


def test_values_are_kept_in_one_spelling() -> None:
    for name, given_text, kept in (
        ("HostName", "PG.Example.Internal.", "pg.example.internal"),
        ("HostName", "[fd00::1]", "fd00::1"),
        ("HttpsUrl", "https://vault.example/", "https://vault.example"),
        ("RepositoryPath", "apps/", "apps"),
    ):
        assert TypeAdapter(TYPES[name]).validate_python(given_text) == kept


def test_every_type_has_its_examples() -> None:
    own = {name for name, kind in TYPES.items() if kind.__class__.__name__ == "_AnnotatedAlias"}
    assert own - {"Port"} == set(GOOD)
    assert set(BAD) == set(GOOD) - {"OptionalVaultName", "OptionalVaultPath"}


def test_ports_are_whole_numbers_in_range() -> None:
    adapter = TypeAdapter(TYPES["Port"])
    assert [adapter.validate_python(port) for port in (1, 5432, 65535)] == [1, 5432, 65535]
    for port, message in ((0, "at least 1"), (-1, "at least 1"), (65536, "at most 65535")):
        assert message in refusal("Port", port)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("30s", "30s"), ("90s", "1m30s"), ("1h", "1h0m0s"), ("60m", "1h0m0s"), ("1h5s", "1h0m5s"),
     ("5m", "5m0s"), ("01h", "1h0m0s")],
)  # fmt: skip
def test_durations_have_gos_canonical_form(written: str, canonical: str) -> None:
    assert canonical_duration(written) == canonical


@given(st.integers(1, 99_999 * 3600))
def test_canonical_durations_are_stable(seconds: int) -> None:
    text = canonical_duration(f"{seconds // 3600}h{seconds % 3600}s")
    assert check_duration(text) == text == canonical_duration(text)
    assert duration_seconds(text) == seconds
