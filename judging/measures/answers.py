"""What is told of an answer in any language, apart from the measures of Korean: length, sameness, JSON."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import NoReturn

_FENCED = re.compile(r"```(?:json|JSON)?[ \t]*\n([^`]*)```")


def length(text: str) -> int:
    """In characters, because one tokenizer's tokens say nothing of another's."""
    return len(unicodedata.normalize("NFC", text).strip())


def is_exact(text: str, expected: str) -> bool:
    """Whether it is the expected text, however its spaces and lines are set."""
    return _spaced(text) == _spaced(expected)


def is_near(text: str, expected: str) -> bool:
    """Whether its letters and digits are those of the expected text, in any case, spacing and punctuation."""
    return bool(_letters(expected)) and _letters(text) == _letters(expected)


def contains(text: str, expected: str) -> bool:
    """Whether the expected text stands in it; a number does not stand in a longer one."""
    wanted, read = _spaced(expected).casefold(), _spaced(text).casefold()
    if not wanted:
        return False
    before = r"(?<!\d)(?<!\d[.,])" if wanted[0].isdigit() else ""
    after = r"(?![.,]?\d)" if wanted[-1].isdigit() else ""
    return re.search(before + re.escape(wanted) + after, read) is not None


def is_json(text: str) -> bool:
    """Whether it is one JSON object or list and nothing else, in a code fence or not."""
    fenced = _FENCED.fullmatch(text.strip())
    try:
        held = json.loads(fenced.group(1) if fenced else text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return isinstance(held, dict | list)


def _no_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", text).casefold()))
