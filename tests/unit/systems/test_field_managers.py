"""Entries of the earlier field manager become entries of this repository's."""

from __future__ import annotations

from typing import Any

from wizard.systems.cluster.field_managers import rename_entries

OURS = "airflow-wizard-0123456789ab"


def entry(manager: str, fields: Any, operation: str = "Apply", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def test_the_entry_gets_the_new_name() -> None:
    fields: Any = {"f:data": {"f:a": {}}}
    others = [
        entry("kubectl", {"f:data": {"f:c": {}}}, "Update"),
        # What the wizard replaced is no part of what it applied.
        entry("airflow-wizard", {"f:data": {"f:d": {}}}, "Update"),
        entry("airflow-wizard", {"f:status": {}}, subresource="status"),
    ]
    found = rename_entries([*others, entry("airflow-wizard", fields)], OURS)
    assert found == [*others, entry(OURS, fields)]
    assert rename_entries(found, OURS) == found


def test_two_entries_become_one_with_the_fields_of_both() -> None:
    earlier: Any = {"f:data": {"f:a": {}, "f:b": {}}, "f:spec": {'k:{"name":"x"}': {}, "f:own": {}}}
    new = {"f:data": {".": {}, "f:a": {}}, "f:spec": {'k:{"name":"x"}': {".": {}, "f:name": {}}}}
    for entries in (
        [entry("airflow-wizard", earlier, apiVersion="v1beta1"), entry(OURS, new, apiVersion="v1")],
        [entry(OURS, new, apiVersion="v1"), entry("airflow-wizard", earlier, apiVersion="v1beta1")],
    ):
        assert rename_entries(entries, OURS) == [
            entry(
                OURS,
                {
                    "f:data": {".": {}, "f:a": {}, "f:b": {}},
                    "f:spec": {'k:{"name":"x"}': {".": {}, "f:name": {}}, "f:own": {}},
                },
                apiVersion="v1",
            )
        ]


def test_a_member_stays_one_beside_the_names_below_it() -> None:
    whole: Any = {"f:data": {}}
    part: Any = {"f:data": {"f:a": {}}}
    for one, other in ((whole, part), (part, whole)):
        (found,) = rename_entries([entry(OURS, one), entry("airflow-wizard", other)], OURS)
        assert found["fieldsV1"] == {"f:data": {".": {}, "f:a": {}}}
