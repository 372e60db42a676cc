"""Types of where and when a database is backed up."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from wizard.formats.types import Text, matching

_FOLDERS = r"(/[A-Za-z0-9][A-Za-z0-9._-]*)*/?"
_BUCKET = rf"(s3|gs)://[a-z0-9][a-z0-9._-]{{1,61}}[a-z0-9]{_FOLDERS}"
_CONTAINER = rf"https://[a-z0-9]{{3,24}}\.blob\.core\.windows\.net/[a-z0-9-]{{3,63}}{_FOLDERS}"
# The fields of a schedule and their limits: seconds first, as CloudNativePG's cron has it.
_LIMITS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_ITEM = re.compile(r"(\*|([0-9]{1,2})(-([0-9]{1,2}))?)(/([1-9][0-9]?))?")


def _schedule(value: str) -> str:
    fields = value.split(" ")
    if len(fields) != len(_LIMITS):
        raise ValueError(
            "give six fields with one space between them, seconds first: 0 0 2 * * * is at 2 every "
            "day"
        )
    for text, (least, most) in zip(fields, _LIMITS, strict=True):
        for item in text.split(","):
            found = _ITEM.fullmatch(item)
            numbers = [int(one) for one in (found[2], found[4]) if one] if found else []
            if not found or any(not least <= one <= most for one in numbers):
                raise ValueError(
                    f"give numbers from {least} to {most} or * in each field, such as 0 0 2 * * *"
                )
    return value


BackupUrl = Annotated[
    Text,
    AfterValidator(
        matching(
            f"{_BUCKET}|{_CONTAINER}",
            "give s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or "
            "https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER",
        )
    ),
]
Retention = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[1-9][0-9]{0,3}[dwm]",
            "give days, weeks or months, such as 30d, 4w or 6m",
            empty=False,
        )
    ),
]
Schedule = Annotated[Text, AfterValidator(_schedule)]
