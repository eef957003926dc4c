"""The Engine API's schema as a judge of answers: types, required keys, formats, and keys that it does not know. Pure.

`tests/golden/engine-api.json` has its definitions, and the schema of each route's answer, made by
`scripts/engine-api-schema` from the published Swagger file.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

FILE = Path(__file__).parent.parent / "golden" / "engine-api.json"
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"
RANGES = {
    "int64": (-(2**63), 2**63 - 1),
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}


@cache
def document() -> Schema:
    return dict(json.loads(FILE.read_text()))


def answer_schema(route: str) -> Schema:
    """`GET /containers/{id}/json` -> the schema of what it answers when all goes well."""
    return dict(document()["answers"][route])


def complaints(schema: Schema, value: Any, path: str = "") -> Iterator[str]:
    """What is wrong with a value, a sentence each; a place is written as `[].HostConfig.Binds[]`.

    Go's nil maps, lists and pointers to structs are null on the wire, whatever the schema says of them.
    """
    schema = resolved(schema)
    if value is None:
        if not schema.get("x-nullable") and schema.get("type") not in ("array", "object", None):
            yield f"{path} is null"
        return
    kind = schema.get("type", "")
    if kind and (not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{path} is no {kind}: {value!r}"
        return
    if isinstance(value, dict):
        yield from _of_object(schema, value, path)
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{path} has {len(value)} elements"
        for each in value:
            yield from complaints(schema.get("items", {}), each, f"{path}[]")
    else:
        yield from _of_scalar(schema, value, path)


def resolved(schema: Schema) -> Schema:
    """References followed, and the parts of an `allOf` as one."""
    while "$ref" in schema:
        followed = document()["definitions"][schema["$ref"].rpartition("/")[2]]
        schema = {**followed, **{key: value for key, value in schema.items() if key != "$ref"}}
    if "allOf" not in schema:
        return schema
    parts = [resolved(part) for part in schema["allOf"]]
    merged: Schema = {"type": "object"}
    for part in (*parts, {key: value for key, value in schema.items() if key != "allOf"}):
        joined = {
            "properties": {**merged.get("properties", {}), **part.get("properties", {})},
            "required": [*merged.get("required", ()), *part.get("required", ())],
        }
        merged = {**merged, **part, **joined}
    return merged


def _of_object(schema: Schema, value: dict[str, Any], path: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name} is missing"
    for name, each in value.items():
        if name in known:
            yield from complaints(known[name], each, f"{path}.{name}")
        elif others := schema.get("additionalProperties"):
            yield from complaints(others if isinstance(others, dict) else {}, each, f"{path}.*")
        elif known:
            yield f"{path}.{name} is unknown"


def _of_scalar(schema: Schema, value: Any, path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is none of {schema['enum']}: {value!r}"
    if schema.get("format") in ("dateTime", "date-time") and isinstance(value, str) and not re.fullmatch(TIME, value):
        yield f"{path} is no time: {value!r}"
    low, high = RANGES.get(schema.get("format", ""), (value, value))
    if not schema.get("minimum", low) <= value <= schema.get("maximum", high):
        yield f"{path} is out of range: {value!r}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path} does not match {schema['pattern']}: {value!r}"
