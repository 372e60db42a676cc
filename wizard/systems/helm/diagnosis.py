"""What Helm's errors mean, and what helps. Source: Helm's own texts (3.22 and 4.3)."""

from __future__ import annotations

from wizard.errors import Fix
from wizard.systems.cluster.diagnosis import Rule

HELM_RULES = (
    Rule(
        r"another operation \(install/upgrade/rollback\) is in progress",
        "another helm is at this release",
        Fix("wait until it has ended, then run apply again: it says what to do with one that died"),
    ),
    Rule(
        r"invalid ownership metadata|cannot be imported into the current release",
        "an object of the chart stands there already and belongs to nobody's release",
        Fix("see whose it is (`kubectl describe` it); remove it, or name the release otherwise"),
    ),
    Rule(
        r"don't meet the specifications of the schema",
        "the chart does not take these values",
        Fix(
            "`airflow-wizard check --chart PATH` names each key; correct `values` or the hand edit"
        ),
    ),
    Rule(
        r"field is immutable|updates to statefulset spec|cannot patch .{1,200} is invalid",
        "a field that was changed cannot be changed in place",
        Fix(
            "a Job that still runs: wait for it; another object: delete it without its data "
            "(`kubectl delete --cascade=orphan`), then run apply again"
        ),
    ),
    Rule(
        r"conflicts? (occurred )?with |Apply failed with \d+ conflict",
        "another manager owns fields of an object of the chart",
        Fix(
            "see who writes them (`kubectl get -o yaml --show-managed-fields`) and stop one of both"
        ),
    ),
    Rule(
        r"no matches for kind|could not find the requested resource",
        "the cluster lacks a kind that the chart makes",
        Fix("have its operator installed (KEDA for autoscaled workers), or change the answer"),
    ),
    Rule(
        r"is forbidden: User",
        "this login may not make what the chart holds",
        Fix("`airflow-wizard check --live` lists the rights that installing takes"),
    ),
    Rule(
        r"execution error at|error calling |template: ",
        "the chart refuses these values",
        Fix("it says why; correct `values` or the hand edit in the values file, and commit"),
    ),
    Rule(
        r"Kubernetes cluster unreachable|connection refused|i/o timeout|no such host",
        "helm does not reach the cluster",
        Fix("does `kubectl --context NAME version` answer? proxies count for helm too"),
    ),
)
