"""Evidence of a backup of the database: a migration is not committed without it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from wizard.errors import RefusedError, UsageError
from wizard.formats.messages import show_name

# An older backup lacks too much to go back to.
MAX_AGE = timedelta(days=7)
TAKES = "its date as YYYY-MM-DD or its file"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?Z?)?").fullmatch
_HINT = "back the database up now, with `pg_dump` for example, and name that backup"


def describe_backup(text: str, today: str) -> str:
    """Return the sentence about a backup of the database for the commit message.

    `text` is the date of the backup or the name of its file, `today` the UTC date. Of a file, the
    size and the time of the last change are read. Raises UsageError for anything else, and
    RefusedError for a backup that is empty, or not of the last seven days.
    """
    found = _DATE(text.strip())
    if found:
        try:
            taken = datetime.fromisoformat(found[0]).date()
        except ValueError:
            raise UsageError(f"--backup {text.strip()}: there is no such date", TAKES) from None
        _require_recent(taken, today)
        return f"Backup of the database: {text.strip()}"
    return _describe_file(text, today)


def _describe_file(text: str, today: str) -> str:
    from wizard.secrets.scan import find_leaks

    path = Path(text.strip()).expanduser()
    shown = show_name(path.name, ()) or "that name"
    try:
        is_file = bool(text.strip()) and path.is_file()
        facts = path.stat() if is_file else None
    except (OSError, ValueError):
        facts = None
    if facts is None:
        raise UsageError("--backup names neither a date nor a file", f"give {TAKES}")
    if any(find_leaks(path.name, prose=True)):
        raise RefusedError(
            "--backup: the name of the file may contain a secret, and would be in the commit",
            "rename the file, or give the date of the backup",
        )
    if not facts.st_size:
        raise RefusedError(f"--backup {shown}: the file is empty", _HINT)
    written = datetime.fromtimestamp(facts.st_mtime, UTC).date()
    _require_recent(written, today)
    return (
        f"Backup of the database: {path.name}, {facts.st_size:,} bytes, written "
        f"{written.isoformat()}"
    )


def _require_recent(taken: date, today: str) -> None:
    now = date.fromisoformat(today)
    # In some places, it is tomorrow already.
    if taken > now + timedelta(days=1):
        raise RefusedError(f"--backup: {taken} is in the future (today is {today})", _HINT)
    if taken < now - MAX_AGE:
        raise RefusedError(
            f"--backup: {taken} is more than {MAX_AGE.days} days ago (today is {today})", _HINT
        )
