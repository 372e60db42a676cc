"""Remote URLs: no credential is shown, and the right page opens a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.canary import MARKER
from wizard.git.remotes import (
    WebLocation,
    detect_provider,
    parse_remote_url,
    pr_url,
    push_options,
    redact,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://git.example.com/a.git", "https://git.example.com/a.git"),
        (f"https://{MARKER}@git.example.com/a", "https://***@git.example.com/a"),
        (f"https://ada:{MARKER}@git.example.com/a", "https://***@git.example.com/a"),
        (f"https://ada:p@{MARKER}@git.example.com/a", "https://***@git.example.com/a"),
        ("ssh://git@git.example.com:22/a", "ssh://git@git.example.com:22/a"),
        (f"ssh://git:{MARKER}@git.example.com/a", "ssh://***@git.example.com/a"),
        ("git@git.example.com:a/b.git", "git@git.example.com:a/b.git"),
        (
            f"unable to access 'https://x:{MARKER}@h/': and https://y:{MARKER}@i/",
            "unable to access 'https://***@h/': and https://***@i/",
        ),
    ],
)
def test_credentials_never_show(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(
    user=st.text("abc:%-_.~!$&()*+,;=@", max_size=8),
    scheme=st.sampled_from(["http", "https", "HTTPS", "ftp"]),
)
def test_no_password_survives(user: str, scheme: str) -> None:
    assert MARKER not in redact(f"{scheme}://{user}{MARKER}@host/path")


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("git@git.example.com:a/b.git", WebLocation("git.example.com", "a/b")),
        ("ssh://git@git.example.com:2222/a/b.git", WebLocation("git.example.com", "a/b")),
        ("https://u:p@git.example.com:8443/a/b/", WebLocation("git.example.com:8443", "a/b")),
        ("http://git.example.com/a", WebLocation("git.example.com", "a", "http")),
        ("git@[::1]:a", WebLocation("[::1]", "a")),
        ("ssh://git@[fd00::1]:22/a", WebLocation("[fd00::1]", "a")),
        ("/srv/git/a.git", None),
        ("file:///srv/git/a.git", None),
        ("https://host:port/a", None),
        ("https://host/", None),
    ],
)
def test_where_a_remote_is_on_the_web(url: str, location: WebLocation | None) -> None:
    assert parse_remote_url(url) == location


@pytest.mark.parametrize(
    ("url", "page"),
    [
        (
            "git@github.com:acme/infra.git",
            "https://github.com/acme/infra/compare/main...work/a%23b?expand=1",
        ),
        (
            "ssh://git@gitlab.example.com:2222/g/sub/infra.git",
            "https://gitlab.example.com/g/sub/infra/-/merge_requests/new"
            "?merge_request%5Bsource_branch%5D=work%2Fa%23b"
            "&merge_request%5Btarget_branch%5D=main",
        ),
        (
            "https://bitbucket.org/acme/infra.git",
            "https://bitbucket.org/acme/infra/pull-requests/new?source=work%2Fa%23b&dest=main",
        ),
        (
            "git@ssh.dev.azure.com:v3/acme/My%20Project/infra",
            "https://dev.azure.com/acme/My%20Project/_git/infra/pullrequestcreate"
            "?sourceRef=work%2Fa%23b&targetRef=main",
        ),
        (
            "https://acme@dev.azure.com/acme/proj/_git/infra",
            "https://dev.azure.com/acme/proj/_git/infra/pullrequestcreate"
            "?sourceRef=work%2Fa%23b&targetRef=main",
        ),
        (
            "https://gitea.example.com:3000/acme/infra.git",
            "https://gitea.example.com:3000/acme/infra/compare/main...work/a%23b",
        ),
        (
            "git@codeberg.org:acme/infra.git",
            "https://codeberg.org/acme/infra/compare/main...work/a%23b",
        ),
        (
            "ssh://git@ssh.github.com:443/acme/infra.git",
            "https://github.com/acme/infra/compare/main...work/a%23b?expand=1",
        ),
        (
            "acme@vs-ssh.visualstudio.com:v3/acme/proj/infra",
            "https://dev.azure.com/acme/proj/_git/infra/pullrequestcreate"
            "?sourceRef=work%2Fa%23b&targetRef=main",
        ),
        ("git@git.example.com:acme/infra.git", None),
        ("https://notgithub.com/a/b", None),
        ("/srv/git/a.git", None),
        ("git@ssh.dev.azure.com:broken", None),
        ("https://bitbucket.example.com/scm/p/r.git", None),
    ],
)
def test_page_that_opens_a_request(url: str, page: str | None) -> None:
    assert pr_url(url, "work/a#b", "main") == page


def test_page_never_carries_credentials() -> None:
    page = pr_url(f"https://ada:{MARKER}@github.com/a/b", "w", "main")
    assert page
    assert MARKER not in page


def test_gitlab_opens_the_request_by_itself() -> None:
    assert push_options("git@gitlab.com:a/b", "main", "One\n line") == [
        "merge_request.create",
        "merge_request.target=main",
        "merge_request.title=One line",
    ]
    assert push_options("git@github.com:a/b", "main", "x") == []
    assert detect_provider("nonsense") == ""
