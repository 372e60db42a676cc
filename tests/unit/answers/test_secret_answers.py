"""A secret in an answer is refused by the answer's key, and never repeated."""

from __future__ import annotations

import pytest

from tests.support.corpus import bodies
from tests.support.rendered import objections


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dags.repo", "https://github.com/{github}/dags.git"),
        ("dags.repo", "ssh://git@git.example.com/a/{gitlab}/dags.git"),
        ("dags.ref", "fix/{github}"),
        ("dags.subpath", "dags/{github}"),
        ("delivery.argocd.repo_url", "ssh://git@git.example.com/{gitlab}/x.git"),
        ("repository.branch", "{github}"),
        ("database.name", "{aws}"),
        ("dags.key", {"generate": True, "public": "ssh-ed25519 AAAA {github}"}),
    ],
)
def test_a_token_in_an_answer_is_refused(key: str, value: object) -> None:
    def fill(part: object) -> object:
        if isinstance(part, dict):
            return {name: fill(below) for name, below in part.items()}
        if not isinstance(part, str):
            return part
        for name in ("github", "gitlab", "aws"):
            part = part.replace("{" + name + "}", bodies()[name])
        return part

    found = objections("production", {key: fill(value)})

    assert any(line.startswith(f"{key}") for line in found), found
    assert not [name for name in ("github", "gitlab", "aws") if bodies()[name] in "\n".join(found)]


def test_the_presets_have_no_secret_in_their_answers() -> None:
    for preset in ("production", "gitops-vault", "local"):
        assert objections(preset) == []
