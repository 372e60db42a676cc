"""Where a secret comes from: what answers hold in the place of its value.

A reference is one of `{env: NAME}`, `{file: PATH}`, `{prompt: true}`, `{generate: true}` and
`{store: true}` (somebody else puts the value into the store). Everything else is refused without
being repeated, because what stands there instead is usually the secret itself.
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
    "a secret's value never stands here: give where it comes from, one of {env: NAME}, "
    "{file: PATH}, {prompt: true}, {generate: true}, {store: true}"
)
_FORM = (
    "a secret's value never stands here: give where it comes from, one of env:NAME, file:PATH, "
    "prompt, generate, store"
)
_ENV_HINT = "env takes the name of a variable (capital letters, digits, underscores), not its value"
_FILE_HINT = "file takes the path of a file on one line, not its content"


class SecretRef(BaseModel):
    """One reference to a secret; frozen, and without the secret.

    Made from a mapping with exactly one of the five keys, or by `parse_reference`. Raises
    pydantic's ValidationError whose text repeats nothing of what was given; a caller that reads
    its `errors()` passes ``include_input=False``. A subclass may add fields that are public (a
    deploy key's public part); they stand beside the one key.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, title="Secret reference"
    )

    # Public fields of a subclass that are left out of the answers file while they are empty.
    omit_if_empty: ClassVar[frozenset[str]] = frozenset()

    env: str | None = None
    file: str | None = None
    prompt: Literal[True] | None = None
    generate: Literal[True] | None = None
    store: Literal[True] | None = None

    @model_validator(mode="before")
    @classmethod
    def _require_reference(cls, value: Any) -> Any:
        # Before the fields: their own errors would name keys and values, and either may be it.
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
        """Names of the public fields that a subclass adds."""
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
            "description": "Where the secret comes from; its value never stands here.",
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
        """Which of the five references this is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def argument(self) -> str:
        """The variable's name or the file's path; empty for the kinds that have none."""
        return self.env or self.file or ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """A reference as forms and prompts write it: `env:NAME`, `file:PATH`, `prompt`,
        `generate` or `store`. Raises ValueError, which repeats nothing of the text.
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
    """Where a private deploy key comes from; `public` is written by `secrets`.

    `writable` says why the key may push, where it must; empty refuses one that can.
    """

    omit_if_empty: ClassVar[frozenset[str]] = frozenset({"writable"})

    public: Text = ""
    writable: Text = ""


def parse_reference(text: str) -> SecretRef:
    """`SecretRef.parse`, for callers that need the plain reference."""
    return SecretRef.parse(text)


def _refusal_reason(value: object, beside: Sequence[str] = ()) -> str:
    """Why this is no reference; empty when it is one. Never repeats any part of it."""
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
