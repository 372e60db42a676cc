"""The places of remote task logs, as one URL for each kind of store.

Airflow chooses the store by the beginning of `[logging] remote_base_log_folder`: `s3://`, `gs://`
or `wasb`. For Azure it takes the container from an option of its own, and the folder in it must
begin with `wasb`. Source: airflow_local_settings.py of Airflow 2.11.0 and 3.0.6 to 3.3.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from wizard.formats.addresses import check_host, check_https_url

LogScheme = Literal["s3", "gs", "wasb", "https"]
EXAMPLES: dict[LogScheme, str] = {
    "s3": "s3://my-airflow-logs/prod",
    "gs": "gs://my-airflow-logs/prod",
    "wasb": "wasb://logs@myaccount.blob.core.windows.net/wasb-prod",
    "https": "https://search.example.internal:9200",
}
_HTTPS_PORT = 443
_SEARCH_PORT = 9200
_FOLDER = r"(?:/[A-Za-z0-9_=-][A-Za-z0-9_.=-]{0,200}){0,20}"
_BUCKET = re.compile(rf"(s3|gs)://([a-z0-9][a-z0-9._-]{{1,61}}[a-z0-9])({_FOLDER})/?")
_CONTAINER = re.compile(
    rf"wasb://([a-z0-9](?:-?[a-z0-9]){{2,62}})@([A-Za-z0-9.-]{{1,253}})({_FOLDER})/?"
)
_HOSTS = {"s3": "s3.amazonaws.com", "gs": "storage.googleapis.com"}


@dataclass(frozen=True, slots=True)
class LogPlace:
    """A checked URL in parts.

    `container` is the bucket, or the container at Azure; `folder` is below it, without slashes
    around it. `host` and `port` are what pods connect to.
    """

    scheme: LogScheme
    url: str
    host: str
    port: int
    container: str = ""
    folder: str = ""


def parse_log_url(value: str) -> LogPlace:
    """Return the parts of the URL; ValueError says what to give."""
    if value.startswith("https://"):
        url = check_https_url(value)
        parts = urlsplit(url)
        return LogPlace("https", url, parts.hostname or "", parts.port or _SEARCH_PORT,
                        folder=parts.path.strip("/"))  # fmt: skip
    if match := _BUCKET.fullmatch(value):
        scheme: LogScheme = "s3" if match[1] == "s3" else "gs"
        folder = match[3].strip("/")
        return LogPlace(scheme, value.rstrip("/"), _HOSTS[scheme], _HTTPS_PORT, match[2], folder)
    if match := _CONTAINER.fullmatch(value):
        host = check_host(match[2])
        return LogPlace("wasb", value.rstrip("/"), host, _HTTPS_PORT, match[1], match[3].strip("/"))
    raise ValueError(f"give a URL such as {', '.join(EXAMPLES.values())}, without credentials")


def check_log_url(value: str) -> str:
    """Return the URL without a slash at its end; ValueError says what to give."""
    return parse_log_url(value).url
