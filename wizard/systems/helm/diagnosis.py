"""Causes and fixes of Helm's errors. Source: Helm's own messages (3.22 and 4.3)."""

from __future__ import annotations

from wizard.errors import Fix
from wizard.systems.cluster.diagnosis import Rule

HELM_RULES = (
    Rule(
        r"another operation \(install/upgrade/rollback\) is in progress",
        "another helm is working on this release",
        Fix("wait until it ends, then run apply again; apply says what to do if that helm died"),
    ),
    Rule(
        r"invalid ownership metadata|cannot be imported into the current release",
        "an object of the chart already exists and belongs to no release",
        Fix("find its owner with `kubectl describe`; delete it, or give the release another name"),
    ),
    Rule(
        r"don't meet the specifications of the schema",
        "the values do not match the chart's schema",
        Fix(
            "run `airflow-wizard check --chart PATH` to list the keys; correct `values` or the edit"
        ),
    ),
    Rule(
        r"field is immutable|updates to statefulset spec|cannot patch .{1,200} is invalid",
        "a changed field cannot be updated in place",
        Fix(
            "wait if it is a running Job; else delete the object without its data "
            "(`kubectl delete --cascade=orphan`), then run apply again"
        ),
    ),
    Rule(
        r"conflicts? (occurred )?with |Apply failed with \d+ conflict",
        "another field manager owns fields of an object in the chart",
        Fix("find it with `kubectl get -o yaml --show-managed-fields`, and stop one of the two"),
    ),
    Rule(
        r"no matches for kind|could not find the requested resource",
        "the cluster does not serve a kind that the chart creates",
        Fix("have its operator installed (KEDA for autoscaled workers), or change the answer"),
    ),
    Rule(
        r"is forbidden: User",
        "this login is not allowed to create the chart's objects",
        Fix("run `airflow-wizard check --live` to list the required rights"),
    ),
    Rule(
        r"execution error at|error calling |template: ",
        "the chart refuses these values",
        Fix("see its message; correct `values` or the hand edit in the values file, and commit"),
    ),
    Rule(
        r"Kubernetes cluster unreachable|connection refused|i/o timeout|no such host",
        "helm cannot reach the cluster",
        Fix("try `kubectl --context NAME version`; helm uses the same proxy variables"),
    ),
)
