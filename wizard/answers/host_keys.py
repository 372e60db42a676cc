"""Host keys in raw answers: pasted text, a list of lines, or the saved mappings.

All other code reads the mappings. No key is trusted because of its form: pasted keys have no
evidence, and the evidence in a mapping is verified again (see `wizard.hostkeys.trust`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.answers.files import validate_answers
from wizard.errors import AnswersError
from wizard.formats.nested import get_value, put_value
from wizard.hostkeys.paste import normalize_host_keys

# For each question about the keys of one host: the question about the repository there.
HOST_KEY_QUESTIONS = {
    "dags.host_keys": "dags.repo",
    "delivery.argocd.host_keys": "delivery.argocd.repo_url",
}


def parse_pasted_keys(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return raw answers with pasted host keys as mappings; text that is not a key is unchanged.

    The front ends use this to show and change raw answers; validation reports the errors.
    """
    found = dict(data)
    for question, repository in HOST_KEY_QUESTIONS.items():
        path = tuple(question.split("."))
        value = get_value(data, path)
        try:
            keys = normalize_host_keys(value, get_value(data, tuple(repository.split("."))))
        except ValueError:
            continue
        invalid = isinstance(keys, list) and {"host": "", "type": "", "key": ""} in keys
        if keys is not value and not invalid:
            found = put_value(found, path, keys)
    return found


def with_readable_host_keys(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return raw answers whose host keys are mappings, as the host-key page shows them.

    Text is dropped if the question does not apply. Raises AnswersError for invalid host keys.
    """
    found = dict(data)
    for question in HOST_KEY_QUESTIONS:
        path = tuple(question.split("."))
        value = get_value(data, path)
        if value is None or (
            isinstance(value, list) and all(isinstance(one, Mapping) for one in value)
        ):
            continue
        problems = [
            one
            for one in validate_answers(data).problems
            if f"{one.key}.".startswith(f"{question}.")
        ]
        if problems:
            raise AnswersError("the host keys cannot be read", problems)
        found = put_value(found, path, [])
    return found
