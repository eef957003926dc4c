"""Go's sentences about JSON that is none. Pure."""

import json
import re

STOPS_SHORT = "unexpected end of JSON input"

_EXPECTATIONS = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Expecting ':' delimiter": "after object key",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\uXXXX escape": "in \\u hexadecimal character escape",
}
_SHOWN = {"'": r"'\''", '"': "'\"'", "\n": r"'\n'", "\t": r"'\t'", "\r": r"'\r'", "\\": r"'\\'"}


def syntax_error(text: str, error: json.JSONDecodeError, *, end: str = "unexpected EOF") -> str:
    """Python's complaint -> Go's sentence about the same character; `end` is its word for a text that stops short."""
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return end
    if broken := _broken_literal(text[error.pos :].rstrip()):
        return broken if broken != STOPS_SHORT else end
    expectation = next((go for python, go in _EXPECTATIONS.items() if error.msg.startswith(python)), None)
    if expectation is None:
        expectation = "after object key:value pair" if _inside_object(text[: error.pos]) else "after array element"
    at = error.pos + (expectation == "in string escape code")
    character = text[at : at + 1]
    if expectation == "looking for beginning of object key string" and character == ",":
        character = text[at + 1 :].lstrip()[:1]  # newer Pythons point at the comma, Go at what follows it
    plain = f"'{character}'" if character.isprintable() else f"'\\x{ord(character):02x}'"
    return f"invalid character {_SHOWN.get(character, plain)} {expectation}"


def _broken_literal(text: str) -> str:
    """`nosuch` is where Go began to read null."""
    literal = {"t": "true", "f": "false", "n": "null"}.get(text[0], "")
    for wanted, found in zip(literal, text, strict=False):
        if found != wanted:
            return f"invalid character '{found}' in literal {literal} (expecting '{wanted}')"
    return STOPS_SHORT if literal else ""


def _inside_object(before: str) -> bool:
    depth: list[str] = []
    for token in re.findall(r'"(?:\\.|[^"\\])*"|[\[\]{}]', before):
        if token in "[{":
            depth.append(token)
        elif token in "]}" and depth:
            depth.pop()
    return bool(depth) and depth[-1] == "{"
