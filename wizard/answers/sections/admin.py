"""The section Admin user: the first user, which a Job creates from a Secret."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from wizard.formats.types import Email, Text
from wizard.manifests.contribution import Contribution, EnvVar
from wizard.manifests.release import Release
from wizard.questions.cases import ADMIN, PASSWORD_LOGIN
from wizard.questions.conditions import Condition
from wizard.questions.section import QuestionInfo, Section
from wizard.secrets.facts import Fact, FactUse, Form, SecretSpec
from wizard.secrets.references import SecretRef

_PREFIX = "AIRFLOW_DEFAULT_"

# `users create` does nothing if the user exists; `reset-password` sets the store's password in
# both cases. No line begins with a space, so that YAML can show the script as a plain block.
_SCRIPT = """\
airflow db check-migrations --migration-wait-timeout=300
login=(--username "${AIRFLOW_DEFAULT_USERNAME}" --password "${AIRFLOW_DEFAULT_PASSWORD}")
name=(--firstname "${AIRFLOW_DEFAULT_FIRST_NAME}" --lastname "${AIRFLOW_DEFAULT_LAST_NAME}")
airflow users create "${login[@]}" "${name[@]}" --email "${AIRFLOW_DEFAULT_EMAIL}" --role Admin
airflow users reset-password "${login[@]}"
"""


class Admin(Section):
    """The first user."""

    title: ClassVar[str] = "Admin user"
    intro: ClassVar[str] = "The first user. Its password is generated once and kept in the store."

    when: ClassVar[Condition] = PASSWORD_LOGIN

    create: bool = Field(
        default=True,
        title="Create",
        description="Turn off if the users exist already. Needs FabAuthManager.",
    )
    username: Annotated[Text, QuestionInfo(when=ADMIN, required=True)] = Field(
        default="admin", title="User name", description="Login name of the first admin."
    )
    email: Annotated[Email, QuestionInfo(when=ADMIN, required=True)] = Field(
        default="admin@example.com", title="Email", description="Email address of the first admin."
    )
    first_name: Annotated[Text, QuestionInfo(when=ADMIN, required=True)] = Field(
        default="Platform", title="First name", description="Shown in the UI."
    )
    last_name: Annotated[Text, QuestionInfo(when=ADMIN, required=True)] = Field(
        default="Admin", title="Last name", description="Shown in the UI."
    )
    password: Annotated[SecretRef, QuestionInfo(when=ADMIN)] = Field(
        default=SecretRef(generate=True),
        title="Password",
        description="Generated in the store by default. The runbook shows how to read it.",
    )

    def contribute(self, release: Release) -> Contribution:
        """Enable the Job that creates the user from a Secret, without the chart's admin/admin."""
        if not self.create:
            return Contribution(settings={"createUserJob.enabled": False})
        place = "createUserJob.defaultUser.password"
        fact = Fact("adminPassword", Form.PASSWORD, "admin password", place, self.password)
        name = release.secret("default-user")
        keys: dict[str, tuple[str | FactUse, ...]] = {
            "username": (self.username,),
            "password": (FactUse(fact),),
            "email": (self.email,),
            "firstName": (self.first_name,),
            "lastName": (self.last_name,),
        }
        variables = {
            "USERNAME": "username",
            "PASSWORD": "password",
            "EMAIL": "email",
            "FIRST_NAME": "firstName",
            "LAST_NAME": "lastName",
        }
        env = [EnvVar(_PREFIX + var, secret=name, key=key) for var, key in variables.items()]
        settings: dict[str, object] = {
            "createUserJob.enabled": True,
            "createUserJob.env": [item.to_values() for item in env],
            "createUserJob.args": ["bash", "-ec", _SCRIPT],
        }
        secret = SecretSpec(name, keys, (), "the first admin")
        return Contribution(settings=settings, secrets=(secret,))
