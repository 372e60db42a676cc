"""Two addresses of one repository are the same in every form that Git hosts have."""

from __future__ import annotations

import re

import pytest

from wizard.manifests.ownership import clean_place, repository_place
from wizard.workspace.repository_identity import is_same_address

SAME = {
    "azure": (
        "https://dev.azure.com/Acme/Data%20Platform/_git/Infra",
        "https://acme@dev.azure.com/acme/data%20platform/_git/infra",
        "git@ssh.dev.azure.com:v3/acme/Data%20Platform/infra",
        "git@ssh.dev.azure.com:v3/acme/Data Platform/infra",
        "ssh://git@ssh.dev.azure.com/v3/acme/Data%20Platform/infra",
        "https://acme.visualstudio.com/Data%20Platform/_git/infra",
        "https://acme.visualstudio.com/DefaultCollection/Data%20Platform/_git/infra",
        "acme@vs-ssh.visualstudio.com:v3/acme/Data%20Platform/infra",
        "ssh://acme@vs-ssh.visualstudio.com:22/DefaultCollection/Data%20Platform/_ssh/infra",
        "ssh://acme@acme.visualstudio.com:22/DefaultCollection/Data%20Platform/_git/infra",
        "https://dev.azure.com/acme/Data%20Platform/_git/_optimized/infra",
    ),
    "azure, project of the same name": (
        "https://dev.azure.com/acme/infra/_git/infra",
        "https://dev.azure.com/acme/_git/infra",
        "https://acme.visualstudio.com/_git/infra",
        "git@ssh.dev.azure.com:v3/acme/infra/infra",
    ),
    "github": (
        "https://github.com/acme/infra",
        "https://GitHub.com/Acme/infra.git",
        "https://www.github.com/acme/infra/",
        "git@github.com:acme/infra.git",
        "ssh://git@ssh.github.com:443/acme/infra.git",
        "git://github.com/acme/infra.git",
    ),
    "gitlab": (
        "https://oauth2@gitlab.com/group/sub/infra.git",
        "git@gitlab.com:group/sub/infra.git",
        "ssh://git@altssh.gitlab.com:443/group/sub/infra.git",
    ),
    "bitbucket": (
        "https://alice@bitbucket.org/acme/infra.git",
        "git@bitbucket.org:acme/infra.git",
        "ssh://git@altssh.bitbucket.org:443/acme/infra.git",
    ),
    "bitbucket data center": (
        "https://git.example.com/scm/PLAT/infra.git",
        "https://git.example.com:8443/bitbucket/scm/PLAT/infra.git",
        "ssh://git@git.example.com:7999/PLAT/infra.git",
    ),
    "gitea": (
        "https://git.example.com:3000/acme/infra",
        "http://git.example.com:3000/acme/infra.git/",
        "ssh://gitea@git.example.com:2222/acme/infra.git",
        "forgejo@Git.Example.com:acme/infra.git",
        "git.example.com:/acme/infra.git",
    ),
}
DIFFERENT = (
    ("https://dev.azure.com/acme/p/_git/infra", "https://dev.azure.com/acme/q/_git/infra"),
    ("https://dev.azure.com/acme/p/_git/infra", "https://dev.azure.com/bob/p/_git/infra"),
    ("https://dev.azure.com/acme/_git/infra", "git@ssh.dev.azure.com:v3/acme/p/infra"),
    ("https://acme.visualstudio.com/p/_git/infra", "https://bob.visualstudio.com/p/_git/infra"),
    ("https://github.com/acme/infra", "https://github.com/bob/infra"),
    ("https://github.com/acme/infra", "https://gitlab.com/acme/infra"),
    ("https://git.example.com/scm/PLAT/infra.git", "https://git.example.com/scm/OPS/infra.git"),
    ("https://git.example.com/Acme/infra", "git@git.example.com:acme/infra.git"),
    ("/srv/git/infra.git", "git.example.com/srv/git/infra"),
    ("file:///srv/git/infra.git", "git.example.com/srv/git/infra"),
)


@pytest.mark.parametrize("kind", SAME)
def test_all_forms_of_one_repository_are_the_same(kind: str) -> None:
    for one in SAME[kind]:
        for other in SAME[kind]:
            assert is_same_address(one, other), (one, other)
            # A source as it is recorded has no user, who is the organization in the form _ssh.
            if "_ssh" not in other and " " not in other:
                place = repository_place(re.sub("^(https?://)[^@/]*@", r"\1", other))
                assert is_same_address(one, clean_place(place)), (one, place)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_repositories_are_different(one: str, other: str) -> None:
    assert not is_same_address(one, other)
    assert not is_same_address(other, one)
