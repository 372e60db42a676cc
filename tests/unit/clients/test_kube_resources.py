"""Addresses of objects: no name leads to another address."""

from __future__ import annotations

import pytest

from wizard.clients.kube.resources import Resource, find_deletable_resources

SECRETS = Resource("/api/v1", "secrets", namespaced=True)


@pytest.mark.parametrize(
    ("namespace", "name", "path"),
    [
        ("airflow", "one", "/api/v1/namespaces/airflow/secrets/one"),
        ("airflow", "", "/api/v1/namespaces/airflow/secrets"),
        ("", "", "/api/v1/secrets"),
        ("airflow", "../../x", "/api/v1/namespaces/airflow/secrets/..%2F..%2Fx"),
        ("a/secrets/b?c", "", "/api/v1/namespaces/a%2Fsecrets%2Fb%3Fc/secrets"),
        ("airflow", "a?force=true#b", "/api/v1/namespaces/airflow/secrets/a%3Fforce%3Dtrue%23b"),
        # Roles of Kubernetes itself have such names.
        ("airflow", "system:x", "/api/v1/namespaces/airflow/secrets/system:x"),
    ],
)
def test_a_name_stays_one_part_of_the_path(namespace: str, name: str, path: str) -> None:
    assert SECRETS.path(namespace, name) == path


def test_each_kind_is_found_once_in_its_preferred_version() -> None:
    verbs = ["list", "delete"]
    served = {
        "v1": [
            {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": verbs},
            {"name": "pods/log", "kind": "Pod", "namespaced": True, "verbs": verbs},
            {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": verbs},
        ],
        "apps/v1": [{"name": "jobs", "kind": "Job", "namespaced": True, "verbs": verbs}],
        "apps/v2": [
            {"name": "jobs", "kind": "Job", "namespaced": True, "verbs": verbs},
            {"name": "usage", "kind": "Usage", "namespaced": True, "verbs": ["list"]},
        ],
    }
    group = {
        "versions": [{"groupVersion": "apps/v1"}, {"groupVersion": "apps/v2"}],
        "preferredVersion": {"groupVersion": "apps/v2"},
    }
    found = find_deletable_resources([group], served.__getitem__)
    assert {key: one.path("x") for key, one in found.items()} == {
        ("v1", "Pod"): "/api/v1/namespaces/x/pods",
        ("apps/v2", "Job"): "/apis/apps/v2/namespaces/x/jobs",
    }
