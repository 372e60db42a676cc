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

_PATH = ("dags", "host_keys")


def parse_pasted_keys(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return raw answers with pasted host keys as mappings; text that is not a key is unchanged.

    The front ends use this to show and change raw answers; validation reports the errors.
    """
    value = get_value(data, _PATH)
    try:
        keys = normalize_host_keys(value, get_value(data, ("dags", "repo")))
    except ValueError:
        return dict(data)
    invalid = isinstance(keys, list) and {"host": "", "type": "", "key": ""} in keys
    return dict(data) if keys is value or invalid else put_value(data, _PATH, keys)


def with_readable_host_keys(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return raw answers whose host keys are mappings, as the host-key page shows them.

    Text is dropped if the question does not apply. Raises AnswersError for invalid host keys.
    """
    value = get_value(data, _PATH)
    if value is None or (isinstance(value, list) and all(isinstance(x, Mapping) for x in value)):
        return dict(data)

    key = ".".join(_PATH)
    problems = [
        one for one in validate_answers(data).problems if f"{one.key}.".startswith(f"{key}.")
    ]
    if problems:
        raise AnswersError("the host keys cannot be read", problems)
    return put_value(data, _PATH, [])
