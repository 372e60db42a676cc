"""Host keys in answers as people have them: pasted text, lines of it, or the mappings we save.

The mapping is the form that everything else reads. No form carries trust: what is read here has no
evidence, and a mapping's own is never believed (see `wizard.hostkeys.trust`).
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
    """Raw answers with pasted host keys as mappings; text that cannot be read stays as it came.

    For the front ends, which show and change raw answers; validation says what is wrong.
    """
    given = get_value(data, _PATH)
    try:
        read = normalize_host_keys(given, get_value(data, ("dags", "repo")))
    except ValueError:
        return dict(data)
    unread = isinstance(read, list) and {"host": "", "type": "", "key": ""} in read
    return dict(data) if read is given or unread else put_value(data, _PATH, read)


def with_readable_host_keys(data: Mapping[str, Any]) -> dict[str, Any]:
    """Raw answers whose host keys are mappings, as the host-key page shows them.

    AnswersError where they cannot be read; text that does not count with these answers is left out.
    """
    given = get_value(data, _PATH)
    if given is None or (isinstance(given, list) and all(isinstance(x, Mapping) for x in given)):
        return dict(data)

    key = ".".join(_PATH)
    wrong = [one for one in validate_answers(data).problems if f"{one.key}.".startswith(f"{key}.")]
    if wrong:
        raise AnswersError("the host keys given cannot be read", wrong)
    return put_value(data, _PATH, [])
