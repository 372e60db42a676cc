"""References to secrets: answers hold a reference in place of the value.

A reference is one of `{env: NAME}`, `{file: PATH}`, `{prompt: true}`, `{generate: true}` and
`{store: true}` (others put the value into the store). Anything else is refused, and the message
does not repeat it, because it is usually the secret itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    TypeAdapter,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from wizard.formats.types import Text

ReferenceKind = Literal["env", "file", "prompt", "generate", "store"]

KINDS: tuple[ReferenceKind, ...] = ("env", "file", "prompt", "generate", "store")
_ENV = r"[A-Z_][A-Z0-9_]*"
_MAX_PATH = 1000
_SHAPES = (
    "answers never hold a secret's value: give its source, one of {env: NAME}, "
    "{file: PATH}, {prompt: true}, {generate: true}, {store: true}"
)
_FORM = (
    "answers never hold a secret's value: give its source, one of env:NAME, file:PATH, "
    "prompt, generate, store"
)
_ENV_HINT = "env takes the name of a variable (capital letters, digits, underscores), not its value"
_FILE_HINT = "file takes the path of a file on one line, not its content"


class SecretRef(BaseModel):
    """One reference to a secret; frozen, without the value.

    Create it from a mapping with exactly one of the five keys, or with `parse_reference`. Raises
    pydantic's ValidationError, whose text does not repeat the input; a caller of its `errors()`
    must pass ``include_input=False``. A subclass may add public fields, such as a deploy key's
    public key.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, title="Secret reference"
    )

    # Public fields of a subclass that are not written to the answers file while empty.
    omit_if_empty: ClassVar[frozenset[str]] = frozenset()

    env: str | None = None
    file: str | None = None
    prompt: Literal[True] | None = None
    generate: Literal[True] | None = None
    store: Literal[True] | None = None

    @model_validator(mode="before")
    @classmethod
    def _require_reference(cls, value: Any) -> Any:
        # Checked before the fields: errors of fields quote keys and values, perhaps the secret.
        if isinstance(value, SecretRef):
            return value
        reason = _refusal_reason(value, cls._beside())
        if reason:
            raise PydanticCustomError("secret_reference", "{reason}", {"reason": reason})
        return dict(value)

    @model_serializer
    def _serialize(self) -> dict[str, Any]:
        beside = {name: getattr(self, name) for name in self._beside()}
        shown = {
            name: text for name, text in beside.items() if text or name not in self.omit_if_empty
        }
        return {self.kind: self.argument or True, **shown}

    @classmethod
    def _beside(cls) -> tuple[str, ...]:
        """Return the names of the public fields that a subclass adds."""
        return tuple(name for name in cls.model_fields if name not in KINDS)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        shapes: dict[str, dict[str, Any]] = {
            "env": {"type": "string", "pattern": f"^{_ENV}$"},
            "file": {"type": "string", "minLength": 1, "maxLength": _MAX_PATH},
        }
        beside = {
            name: TypeAdapter(cls.model_fields[name].rebuild_annotation()).json_schema()
            for name in cls._beside()
        }
        return {
            "title": "Secret reference",
            "description": "The source of the secret; never its value.",
            "oneOf": [
                {
                    "type": "object",
                    "properties": {kind: shapes.get(kind, {"const": True}), **beside},
                    "required": [kind],
                    "additionalProperties": False,
                }
                for kind in KINDS
            ],
        }

    @property
    def kind(self) -> ReferenceKind:
        """Return which of the five kinds this is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def argument(self) -> str:
        """Return the variable's name or the file's path; empty for other kinds."""
        return self.env or self.file or ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a reference as written in forms and prompts: `env:NAME`, `file:PATH`, `prompt`,
        `generate` or `store`. Raises ValueError, which does not repeat the text.
        """
        word, colon, argument = text.strip(" \t").partition(":")
        value: dict[str, str | bool] = {word: argument.strip(" \t") if colon else True}
        reason = _refusal_reason(value)
        if reason:
            raise ValueError(_FORM if reason == _SHAPES else reason)
        return cls.model_validate(value)

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind


class DeployKey(SecretRef):
    """The source of a private deploy key; `airflow-wizard secrets` writes `public`.

    `writable` says why the key may push; if it is empty, a key that can push is refused.
    """

    omit_if_empty: ClassVar[frozenset[str]] = frozenset({"writable"})

    public: Text = ""
    writable: Text = ""


class BundleLogin(DeployKey):
    """The source of a bundle's login: its deploy key, or a token, which has no public half."""

    omit_if_empty: ClassVar[frozenset[str]] = frozenset({"public", "writable"})


def _refusal_reason(value: object, beside: Sequence[str] = ()) -> str:
    """Return why the value is not a reference, without quoting it; empty for a reference."""
    if not isinstance(value, Mapping):
        return _SHAPES
    items = [
        item for item in cast("Mapping[object, object]", value).items() if item[0] not in beside
    ]
    if len(items) != 1:
        return _SHAPES
    ((kind, argument),) = items
    if kind == "env":
        if not (isinstance(argument, str) and re.fullmatch(_ENV, argument)):
            return _ENV_HINT
    elif kind == "file":
        if not (isinstance(argument, str) and _is_path(argument)):
            return _FILE_HINT
    elif kind not in KINDS or argument is not True:
        return _SHAPES
    return ""


def _is_path(text: str) -> bool:
    return (
        0 < len(text) <= _MAX_PATH
        and text == text.strip()
        and not any(unicodedata.category(char)[0] == "C" or char in "\u2028\u2029" for char in text)
    )
