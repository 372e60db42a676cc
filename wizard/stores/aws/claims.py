"""The secrets in AWS that an installation owns, read from raw answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wizard.stores.aws.names import split_role
from wizard.stores.aws.questions import NAME, PREFIX_KEY, REGION_KEY, ROLE_KEY
from wizard.stores.aws.settings import secret_prefix


def aws_claims(read: Callable[[str], str]) -> Mapping[str, object]:
    """Return the fields of `Claims` about AWS; `read` returns the raw answer of a key."""
    place = f"{split_role(read(ROLE_KEY))[1]}/{read(REGION_KEY)}"
    return {
        "vault": (place, ""),
        "mount": place,
        "path": secret_prefix(read(PREFIX_KEY), read("installation.name")),
        "path_key": PREFIX_KEY,
        "path_form": "airflow-install/{name}/config",
    }


def aws_reader_claims(read: Callable[[str], str], reader: str) -> Mapping[str, object]:
    """Return the fields of `Claims` about another reader."""
    prefix = secret_prefix(read(PREFIX_KEY), read("installation.name"))
    return {"reader_path": read(f"delivery.{reader}.{NAME}.prefix") or f"{prefix}-{reader}"}
