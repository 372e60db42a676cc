"""Ordinary names that a person typed are repeated; what may be a secret is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Wizard, aw, local
from wizard.formats.input_files import show_path

__all__ = ["aw", "local"]


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("answers.yaml", True),
        ("conf/my answers.yml", True),
        ("/no/such/chart-1.22.0.tgz", True),
        ("{folder}/absent", True),
        ("absent", False),
        ("Xq7Z-token-V9w", False),
        ("/Xq7ZtokenV9w", False),
        ("https://ada:Xq7Z@example.com/answers.yaml", False),
        ("database.password=Xq7Z.yaml", False),
        ("a\x1b[2J.yaml", False),
    ],
)
def test_a_path_is_shown_if_it_is_written_like_one(
    text: str, is_shown: bool, tmp_path: Path
) -> None:
    text = text.format(folder=tmp_path)
    assert show_path(text) == (text if is_shown else "")


def test_messages_name_the_file(local: Wizard) -> None:
    for words in (
        ("plan", "--answers", "answrs.yaml"),
        ("plan", "--chart", "charts/airflow.tgz"),
        ("check", "--chart", "charts/airflow.tgz"),
    ):
        assert next(word for word in words if "." in word) in local(*words).err, words


def test_a_placeholder_does_not_hide_the_diff_and_a_secret_does(local: Wizard) -> None:
    for text in ("changeme", "<from-vault>"):
        done = local("plan", "--set", f"values.config.smtp.smtp_password={text}")
        assert done.code == 4
        assert text in done.out
        assert "a placeholder" in done.err
    secret = "Tr0ub4dor" + "-and-3"
    done = local("plan", "--set", f"values.config.smtp.smtp_password={secret}")
    assert done.code == 4
    assert secret not in done.out + done.err
    assert "not shown" in done.err
