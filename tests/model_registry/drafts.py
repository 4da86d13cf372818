"""An own entry as a form fills it in, and files in a person's folder, for the tests of this folder.

Run: python -m pytest tests/model_registry
"""

from __future__ import annotations

from pathlib import Path

from model_registry.drafting import Draft, draft
from model_registry.entry_values import values_of
from model_registry.own_files import OwnFile, own_files
from model_registry.registry import load_registry

GOOD: dict[str, object] = {
    "id": "mine",
    "title": "내 모델",
    "source": "somebody/some-model",
    "family": "own",
    "architecture": "llama",
    "parameters": "5.8B",
    "context_length": "2,048",
    "license.name": "mit",
    "license.commercial": "yes",
    "prompt_format": "koalpaca",
    "eos_token_ids": "0, 2",
    "stop_strings": "\\n### 질문\n끝",
}


def drafted(folder: Path, **changed: object) -> Draft:
    values = {**GOOD, **{key.replace("__", "."): value for key, value in changed.items()}}
    return draft(values, folder, load_registry(folder))


def put(folder: Path, name: str, text: str) -> OwnFile:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return next(file for file in own_files(folder, load_registry(folder)) if file.path.name == name)


def changed(folder: Path, file: OwnFile, **values: object) -> Draft:
    one = file.entries[0]
    filled = {**values_of(one.table), **{key.replace("__", "."): value for key, value in values.items()}}
    return draft(filled, folder, load_registry(folder), one, file.text)
