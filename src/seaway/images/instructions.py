"""A Dockerfile's lines and their words: continuations, quotes, escapes, variables. Pure."""

import json
import re
from collections.abc import Iterator, Mapping

import msgspec

from seaway.base.errors import InvalidParameter

Variables = Mapping[str, str]
_CONTINUED = re.compile(r"\\[ \t]*(?:\r?\n|\Z)")
_VARIABLE = re.compile(r"\$(?:(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>\w+)(?:(?P<operator>:?[-+])(?P<word>[^}]*))?\})")


class InvalidChange(InvalidParameter):
    pass


def parse_instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction's name, lower case, and the rest of its line."""
    for line in _CONTINUED.sub("", text).splitlines():
        if (words := line.strip().split(None, 1)) and not words[0].startswith("#"):
            yield words[0].lower(), words[1] if len(words) > 1 else ""


def parse_array(text: str) -> list[str] | None:
    """`["a", "b"]`; None where it is not JSON. Raises InvalidChange for an array of something else."""
    try:
        found = msgspec.json.decode(text, type=list[object])
    except msgspec.DecodeError:
        return None
    if strings := [item for item in found if isinstance(item, str)]:
        if len(strings) == len(found):
            return strings
    elif not found:
        return []
    raise InvalidChange("when using JSON array syntax, arrays must be comprised of strings only")


def parse_pairs(name: str, text: str, variables: Variables) -> dict[str, str]:
    """`a=b c="d e"`, or the old form `a the rest`."""
    words = _quoted_words(text)
    if "=" not in words[0]:
        key, *rest = text.split(None, 1)
        if not rest:
            raise InvalidChange(f"{name} must have two arguments")
        pairs = [(key, rest[0])]
    else:
        for word in words:
            if "=" not in word:
                raise InvalidChange(
                    f"Syntax error - can't find = in {json.dumps(word)}. Must be of the form: name=value"
                )
        pairs = [(key, value) for key, _, value in (word.partition("=") for word in words)]
    found = {expanded(key, variables): expanded(value, variables) for key, value in pairs}
    if "" in found:
        raise InvalidChange(f"{name} names can not be blank")
    return found


def expanded(text: str, variables: Variables) -> str:
    """Without its quotes and escapes, with `$A`, `${A}`, `${A:-default}` and `${A:+other}` replaced."""
    return "".join(piece for piece, _ in _pieces(text, variables))


def expanded_words(text: str, variables: Variables) -> list[str]:
    """The same; where a variable has blanks outside of quotes there are several words."""
    marked = "".join(
        piece if is_quoted else re.sub(r"\s", "\0", piece) for piece, is_quoted in _pieces(text, variables)
    )
    return [word for word in marked.split("\0") if word]


def _pieces(text: str, variables: Variables) -> Iterator[tuple[str, bool]]:
    """Each with whether it is quoted."""
    at, quote = 0, ""
    while at < len(text):
        here = text[at]
        if here == quote:
            quote = ""
        elif not quote and here in "'\"":
            quote = here
        elif here == "\\" and quote != "'":
            following = text[at + 1 : at + 2]
            yield (here if quote and following not in ('"', "$", "\\") else "") + following, True
            at += 1
        elif here == "$" and quote != "'" and (match := _VARIABLE.match(text, at)):
            yield _value(match, variables), bool(quote)
            at = match.end() - 1
        else:
            yield here, bool(quote)
        at += 1
    if quote:
        wanted = "single-quote" if quote == "'" else "double-quote"
        raise InvalidChange(
            f"failed to process {json.dumps(text)}: unexpected end of statement while looking for matching {wanted}"
        )


def _value(match: re.Match[str], variables: Variables) -> str:
    value = variables.get(match["plain"] or match["braced"])
    operator, word = match["operator"] or "", match["word"] or ""
    is_set = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return expanded(word, variables) if is_set else ""
    return expanded(word, variables) if operator and not is_set else value or ""


def _quoted_words(text: str) -> list[str]:
    """As they are written, parted by blanks that are neither quoted nor escaped."""
    words, word, quote, escaped = [], "", "", False
    for here in text:
        if here.isspace() and not (quote or escaped):
            words.append(word)
            word = ""
            continue
        word += here
        if escaped:
            escaped = False
        elif here == "\\":
            escaped = True
        elif here == quote:
            quote = ""
        elif not quote and here in "'\"":
            quote = here
    return [each for each in (*words, word) if each]
