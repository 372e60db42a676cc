"""Converts pasted host keys: ssh-keyscan output or known_hosts lines."""

from __future__ import annotations

from wizard.formats.addresses import parse_git_url
from wizard.hostkeys.keys import parse_host_keys


def normalize_host_keys(value: object, repo: object) -> object:
    """Return dags.host_keys with text converted to mappings; a value without text is not changed.

    `repo` is dags.repo, whose host and port the lines must match. If `repo` has no SSH host, the
    keys have no effect, and mappings with empty fields replace the text. Raises ValueError, which
    lists each line that is not a host key; a line in a list has the number of its item.
    """
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not any(isinstance(item, str) for item in items):
        return value
    lines = [item if isinstance(item, str) else "" for item in items]
    rest = [item for item in items if not isinstance(item, str)]
    if not any(line.strip() for line in lines):
        return rest
    try:
        location = parse_git_url(repo) if isinstance(repo, str) and repo else None
    except ValueError:
        location = None
    if location is None or location.scheme != "ssh":
        return [*({"host": "", "type": "", "key": ""} for _ in lines), *rest]
    keys = parse_host_keys("\n".join(lines), host=location.host, port=location.port)
    return [*({"host": location.host, "type": key.type, "key": key.key} for key in keys), *rest]
