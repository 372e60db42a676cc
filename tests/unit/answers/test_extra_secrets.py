"""`secrets.extra`: what it takes, what it becomes, and who reads its references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.support.rendered import answers, findings, objections, rendering, values
from wizard.answers.files import answers_text, parse_answers, validate_answers
from wizard.answers.questions import list_references, list_secret_variables
from wizard.answers.sections.extra_secrets import name_fact
from wizard.errors import AnswersError, UsageError
from wizard.plan.guarded_keys import refuse_guarded_values
from wizard.workspace.consent import new_references, reference_key, require_reference_keys

AWS = {
    "name": "airflow-aws",
    "from": "store",
    "keys": ["AWS_KEY", "AWS_SECRET"],
    "values": {"AWS_KEY": {"env": "MY_AWS_KEY"}},
    "env": ["worker", "scheduler"],
}
CONNECTIONS = {"name": "airflow-connections", "from": "existing", "env": "all"}
PULLS = [{"name": f"pull-{n}", "from": "existing", "pull": True} for n in (1, 2)]
FILES = {"name": "files.v1", "from": "store", "keys": ["ca.crt"], "mount": "/opt/airflow/files"}
ALL: list[Mapping[str, Any]] = [AWS, CONNECTIONS, *PULLS, FILES]


def with_extra(*extra: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"secrets.extra": list(extra), **{key.replace("__", "."): v for key, v in more.items()}}


def test_the_saved_form_says_everything_and_reads_back() -> None:
    made = answers(changes=with_extra(*ALL))
    saved = parse_answers(answers_text(made), "answers.yaml")
    first, second = saved["secrets"]["extra"][:2]
    assert first == {
        **AWS,
        "values": {"AWS_KEY": {"env": "MY_AWS_KEY"}, "AWS_SECRET": {"prompt": True}},
        "mount": "",
        "pull": False,
    }
    assert second["env"] == ["all"]
    assert saved["secrets"]["extra"][2]["keys"] == [".dockerconfigjson"]
    again = validate_answers(saved)
    assert again.problems == ()
    assert again.answers is not None
    assert answers_text(again.answers) == answers_text(made)


RED: dict[str, tuple[list[Mapping[str, Any]], str]] = {
    "no source": ([{"name": "a"}], "secrets.extra.0.from"),
    "unknown source": ([{"name": "a", "from": "vault"}], "give 'store' or 'existing'"),
    "no name": ([{"from": "existing"}], "secrets.extra.0.name"),
    "bad name": ([{"name": "A_b", "from": "existing"}], "lower-case letters"),
    "no keys": ([{"name": "a", "from": "store"}], "name the keys that the store has for it"),
    "bad key": ([{"name": "a", "from": "store", "keys": ["a b"]}], "letters, digits, dots"),
    "key twice": ([{"name": "a", "from": "store", "keys": ["x", "x"]}], "name each key once"),
    "value without a key": (
        [{"name": "a", "from": "store", "keys": ["x"], "values": {"y": {"prompt": True}}}],
        "values has a key that keys does not list",
    ),
    "value of others": (
        [{"name": "a", "from": "existing", "keys": ["x"], "values": {"x": {"env": "X"}}}],
        "somebody else makes this Secret",
    ),
    "value itself": (
        [{"name": "a", "from": "store", "keys": ["x"], "values": {"x": "hunter2hunter2"}}],
        "answers never hold a secret's value",
    ),
    "variables without names": (
        [{"name": "a", "from": "existing", "env": ["worker"]}],
        "name the keys",
    ),
    "no variable": (
        [{"name": "a", "from": "existing", "keys": ["a-b"], "env": ["worker"]}],
        "each key is the name of a variable",
    ),
    "unknown component": (
        [{"name": "a", "from": "existing", "env": ["flower"]}],
        "secrets.extra.0.env",
    ),
    "relative mount": ([{"name": "a", "from": "existing", "mount": "x"}], "absolute path"),
    "mount that climbs": ([{"name": "a", "from": "existing", "mount": "/x/../etc"}], "absolute"),
    **{
        f"mount at {path}": (
            [{"name": "a", "from": "existing", "mount": path}],
            "which the containers need themselves",
        )
        for path in ("/etc", "/etc/ssh", "/home", "/opt/airflow", "/usr/bin")
    },
    "no pull secret": (
        [{"name": "a", "from": "existing", "keys": ["x"], "pull": True}],
        "has the key .dockerconfigjson",
    ),
    "one name": ([AWS, {**CONNECTIONS, "name": "airflow-aws"}], "two Secrets have the same name"),
    "one place": (
        [{"name": "a", "from": "store", "keys": ["x.y", "x_y"]}],
        "same name in the store",
    ),
    "variable of the chart": (
        [{**CONNECTIONS, "keys": ["AIRFLOW__CORE__FERNET_KEY"]}],
        "secrets.extra.0.keys: rename AIRFLOW__CORE__FERNET_KEY, or leave `env` out",
    ),
}


@pytest.mark.parametrize(("extra", "message"), RED.values(), ids=RED)
def test_what_it_does_not_take(extra: list[Mapping[str, Any]], message: str) -> None:
    found = "\n".join(objections("production", with_extra(*extra)))
    assert message in found
    assert "hunter2" not in found


def test_a_store_that_nobody_copies_from_has_none() -> None:
    others = {"secrets.store": "existing"}
    assert "use from: existing with store existing" in "\n".join(
        objections("production", {**others, **with_extra(AWS)})
    )
    assert objections("local", with_extra(AWS)) == []
    assert objections("local", with_extra(CONNECTIONS)) == []


def test_a_name_of_the_installation_is_refused() -> None:
    for source in ({"from": "existing"}, {"from": "store", "keys": ["x"]}):
        with pytest.raises(AnswersError) as caught:
            rendering(changes=with_extra({"name": "airflow-metadata", **source}))
        assert [one.key for one in caught.value.problems] == ["secrets.extra.0.name"]
    # The name of a file is no name of a Secret.
    made = rendering(changes=with_extra({"name": "store", "from": "store", "keys": ["x"]}))
    assert "apps/airflow/secrets/extra/store.yaml" in made.tree


@pytest.mark.parametrize("payload", ["keys", "document"])
def test_the_store_s_secrets_become_external_secrets(payload: str) -> None:
    made = rendering(changes=with_extra(*ALL, secrets__payload=payload))
    spec = yaml.safe_load(made.tree["apps/airflow/secrets/extra/airflow-aws.yaml"].text)["spec"]
    places = [name_fact("airflow-aws", key) for key in AWS["keys"]]
    assert places == ["extraAirflowAws_AWS_KEY", "extraAirflowAws_AWS_SECRET"]
    prefix = "(fromYaml .config)" if payload == "document" else ""
    assert spec["target"]["template"]["data"] == {
        key: f"{{{{ {prefix}.{place} }}}}" for key, place in zip(AWS["keys"], places, strict=True)
    }
    properties = [item["remoteRef"]["property"] for item in spec["data"]]
    assert properties == (["config"] if payload == "document" else places)
    listed = yaml.safe_load(made.tree.by_logical("kustomization").text)["resources"]
    assert {"secrets/extra/airflow-aws.yaml", "secrets/extra/files.v1.yaml"} <= set(listed)
    assert not [path for path in listed if "connections" in path or "pull" in path]
    assert [str(one) for one in findings(made)] == []


def test_references_have_keys_of_their_own() -> None:
    made = answers(changes=with_extra(AWS, FILES))
    keys = {key: str(one) for key, one in list_references(made) if key.startswith("secrets.")}
    assert keys == {
        "secrets.extra.airflow-aws.AWS_KEY": "env:MY_AWS_KEY",
        "secrets.extra.airflow-aws.AWS_SECRET": "prompt",
        "secrets.extra.files.v1.ca.crt": "prompt",
    }
    assert "MY_AWS_KEY" in list_secret_variables(made)
    for key, one in list_references(made):
        assert reference_key(made, one) == key

    first = made.secrets.extra[0]
    facts = [first.fact(key) for key in first.keys]
    name = "secrets.extra.airflow-aws.AWS_KEY"
    agreed = {"secrets": {"extra": [{"name": "other"}, AWS]}}
    assert list(new_references(made, facts, {})) == [name]
    assert new_references(made, facts, agreed) == {}
    another = {"secrets": {"extra": [{**AWS, "name": "other"}, "text"]}}
    assert list(new_references(made, facts, another)) == [name]
    require_reference_keys([name], made)
    for wrong in ("secrets.extras", "secrets.extra.airflow-aws.OTHER", "secrets.extra.TYPO"):
        with pytest.raises(UsageError, match="no secret reference has this key"):
            require_reference_keys([wrong], made)


def test_values_extend_the_variables_and_do_not_replace_them() -> None:
    ours = "- secretRef:\n    name: airflow-connections\n"
    more = "- configMapRef:\n    name: settings\n"
    for text in (ours + more, more, more + ours):
        changes = with_extra(CONNECTIONS, values__extraEnvFrom=text)
        made, found = answers(changes=changes), rendering(changes=changes)
        assert refuse_guarded_values(made, found, {}) == []
        assert values(found)["extraEnvFrom"] == ours + more
    changes = with_extra(CONNECTIONS, values__extraEnvFrom="{{ not YAML")
    with pytest.raises(AnswersError) as caught:
        refuse_guarded_values(answers(changes=changes), rendering(changes=changes), {})
    assert [one.key for one in caught.value.problems] == ["values.extraEnvFrom"]
