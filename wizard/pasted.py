"""Host keys in answers as people have them: pasted text, lines of it, or the mappings we save.

The mapping is the form that everything else reads. No form carries trust: what is read here has no
evidence, and a mapping's own is never believed (see `wizard.trust`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.fields import get, put
from wizard.hostkeys import parse_host_keys
from wizard.hosts import git_location

_PATH = ("dags", "host_keys")


def as_mappings(value: object, repo: object) -> object:
    """`value` of dags.host_keys with its text as mappings; what holds no text comes back as it is.

    `repo` is dags.repo, whose host and port the lines are for. Where it names no SSH host the keys
    cannot count, and stand there unread. Raises ValueError naming each line that is no host key;
    a line of a list has the number of its item.
    """
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not any(isinstance(item, str) for item in items):
        return value
    lines = [item if isinstance(item, str) else "" for item in items]
    rest = [item for item in items if not isinstance(item, str)]
    if not any(line.strip() for line in lines):
        return rest
    try:
        location = git_location(repo) if isinstance(repo, str) and repo else None
    except ValueError:
        location = None
    if location is None or location.scheme != "ssh":
        return [*({"host": "", "type": "", "key": ""} for _ in lines), *rest]
    keys = parse_host_keys("\n".join(lines), host=location.host, port=location.port)
    return [*({"host": location.host, "type": key.type, "key": key.key} for key in keys), *rest]


def taken_in(data: Mapping[str, Any]) -> dict[str, Any]:
    """Raw answers with pasted host keys as mappings; text that cannot be read stays as it came.

    For the front ends, which show and change raw answers; validation says what is wrong.
    """
    given = get(data, _PATH)
    try:
        read = as_mappings(given, get(data, ("dags", "repo")))
    except ValueError:
        return dict(data)
    unread = isinstance(read, list) and {"host": "", "type": "", "key": ""} in read
    return dict(data) if read is given or unread else put(data, _PATH, read)


def for_screens(data: Mapping[str, Any]) -> dict[str, Any]:
    """Raw answers whose host keys are mappings, as the host-key page shows them.

    AnswersError where they cannot be read; text that does not count with these answers is left out.
    """
    given = get(data, _PATH)
    if given is None or (isinstance(given, list) and all(isinstance(x, Mapping) for x in given)):
        return dict(data)
    from wizard.answers import examine
    from wizard.errors import AnswersError

    key = ".".join(_PATH)
    wrong = [one for one in examine(data).problems if f"{one.key}.".startswith(f"{key}.")]
    if wrong:
        raise AnswersError("the host keys given cannot be read", wrong)
    return put(data, _PATH, [])
