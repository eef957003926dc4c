"""Identifiers: 64 lowercase hexadecimal digits, of which clients show the first 12."""

import secrets

SHORT_LENGTH = 12


def new_id() -> str:
    """A fresh ID whose short form is never all digits, or it could be read as a number (a hostname, a user)."""
    while True:
        candidate = secrets.token_hex(32)
        if not candidate[:SHORT_LENGTH].isdigit():
            return candidate


def short_id(full: str) -> str:
    """The 12 digits that people see; an algorithm prefix as in `sha256:…` is dropped."""
    return full.rpartition(":")[2][:SHORT_LENGTH]


def is_full_id(text: str) -> bool:
    return len(text) == 64 and all(c in "0123456789abcdef" for c in text)
