"""What a model and a training may be called, in letters that every file system, address and terminal takes,
and what a family of models is called on a page.

Knows: that Hangul is stored in two ways which look the same, and which names some systems keep for devices.
Refuses to know: which names are taken, files and folders.

Capitals are not among the letters: where a file system does not tell them from small ones, two models would
share a folder.
"""

from __future__ import annotations

import re
import unicodedata

_LETTERS = "0-9a-zㄱ-ㅎㅏ-ㅣ가-힣"
NAME = rf"^[{_LETTERS}][{_LETTERS}._-]{{0,79}}$"
HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
LETTERS_SAID = "a-z, Hangul, 0-9, dot, dash and underscore"
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


def spelled(text: str) -> str:
    """As names are written: composed, however a keyboard or a file system has put the letters together."""
    return unicodedata.normalize("NFC", text)


def is_device(name: str) -> bool:
    """Whether some systems take it for a device, whatever stands behind the first dot."""
    return name.split(".")[0] in _RESERVED


def plain_name(text: str, otherwise: str, most_bytes: int = 240) -> str:
    """A name out of any text; `otherwise` where no letter is left."""
    kept = re.sub(rf"[^{_LETTERS}._-]+", "-", spelled(text).lower())[:80]
    while len(kept.encode()) > most_bytes:
        kept = kept[:-1]
    return kept.strip("-._") or otherwise


_FAMILY_TITLES = {
    "ax": "A.X",
    "demo": "Demo",
    "exaone": "EXAONE",
    "gemma": "Gemma",
    "gpt-oss": "gpt-oss",
    "hyperclovax": "HyperCLOVA X",
    "kanana": "Kanana",
    "koalpaca": "KoAlpaca",
    "korani": "KoRani",
    "korean-community": "Korean community",
    "kullm": "KULLM",
    "llama2-ko": "Llama-2-Ko",
    "llama3": "Llama 3",
    "midm": "Mi:dm",
    "polyglot": "Polyglot-Ko",
    "qwen3": "Qwen3",
    "solar": "SOLAR",
    "trillion": "Trillion",
    "vicuna": "Vicuna",
}


def family_title(family: str) -> str:
    """As its makers write it; a family that a person named in their own entry stays as they wrote it."""
    return _FAMILY_TITLES.get(family, family)
