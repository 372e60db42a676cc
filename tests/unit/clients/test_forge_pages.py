"""Each provider's page for deploy keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.clients.forge_pages import find_key_page

GITHUB = "https://github.com/acme/dags/settings/keys"
GITLAB = "https://gitlab.com/acme/data/dags/-/settings/repository#js-deploy-keys-settings"


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("git@github.com:acme/dags.git", GITHUB),
        ("ssh://git@GitHub.com/acme/dags.git", GITHUB),
        ("ssh://git@ssh.github.com:443/acme/dags.git", GITHUB),
        ("https://github.com/acme/dags", GITHUB),
        ("git@gitlab.com:acme/data/dags.git", GITLAB),
        ("ssh://git@altssh.gitlab.com:443/acme/data/dags.git", GITLAB),
        ("git@bitbucket.org:acme/dags.git", "https://bitbucket.org/acme/dags/admin/access-keys/"),
        ("git@ssh.dev.azure.com:v3/acme/Data/dags", "https://dev.azure.com/acme/_usersSettings/keys"),
        ("ssh://acme@vs-ssh.visualstudio.com/v3/acme/Data/dags",
         "https://dev.azure.com/acme/_usersSettings/keys"),
        ("https://dev.azure.com/acme/Data/_git/dags",
         "https://dev.azure.com/acme/_usersSettings/keys"),
        ("git@codeberg.org:acme/dags.git", "https://codeberg.org/acme/dags/settings/keys"),
        ("ssh://git@gitea.example.com:2222/acme/dags.git",
         "https://gitea.example.com/acme/dags/settings/keys"),
        ("ssh://git@gitlab.example.com/a/b.git",
         "https://gitlab.example.com/a/b/-/settings/repository#js-deploy-keys-settings"),
        ("ssh://git@git.example.com/acme/dags.git", ""),
        ("ssh://git@github.com/dags.git", ""),
        ("ssh://git@evil-github.com/acme/dags.git", ""),
        ("ssh://git@ssh.dev.azure.com/acme", ""),
    ],
)  # fmt: skip
def test_pages(url: str, page: str) -> None:
    found = find_key_page(url)
    assert (found.url if found else "") == page


def test_azure_keys_belong_to_a_user() -> None:
    page = find_key_page("git@ssh.dev.azure.com:v3/acme/Data/dags")
    assert page is not None
    assert page.per_user
    page = find_key_page("git@github.com:acme/dags.git")
    assert page is not None
    assert not page.per_user


@given(
    st.text() | st.text(alphabet="git@github.com:/-%.~ \x00").map("ssh://git@github.com/".__add__)
)
def test_a_page_is_one_plain_word_whatever_the_url(url: str) -> None:
    try:
        found = find_key_page(url)
        page = found.url if found else ""
    except ValueError:
        return
    assert page == "" or page.startswith("https://")
    assert page.isascii()
    assert page.isprintable()
    assert " " not in page


@pytest.mark.parametrize(
    ("url", "writing"),
    [
        ("git@github.com:acme/dags.git", "Allow write access"),
        ("git@gitlab.com:acme/dags.git", "Grant write permissions to this key"),
        ("git@codeberg.org:acme/dags.git", "Enable write access"),
        ("git@bitbucket.org:acme/dags.git", ""),
        ("git@ssh.dev.azure.com:v3/acme/Data/dags", ""),
    ],
)
def test_what_must_stay_off_is_named_as_the_page_names_it(url: str, writing: str) -> None:
    page = find_key_page(url)
    assert page is not None
    assert page.writing == writing
