"""What a form holds for an entry, and the table it means.

Knows: which keys a form can fill, how each is typed by a person ("5.8B", "0, 2", one stop string a line).
Refuses to know: whether the values are good, files, and how a form is drawn.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from model_registry.names import spelled
from model_registry.spec import field_of

_COUNT = re.compile(r"([0-9]+(?:[.][0-9]+)?)\s*(k|m|b|만|억)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "만": 10**4, "억": 10**8}
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\"}
_LONGEST_NUMBER = 40


def _count(value: object) -> object:
    """A whole number; what is none stays text, so that the check can say so."""
    text = re.sub(r"(?<=\d)[,_ ](?=\d)", "", str(value).strip())
    match = _COUNT.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if match is None:
        return text
    number = Decimal(match[1]) * _UNITS[(match[2] or "").lower()]
    return int(number) if number == int(number) else text


def _number(value: object) -> object:
    text = str(value).strip()
    try:
        return float(text)
    except ValueError:
        return text


def _counts(value: object) -> object:
    return [_count(part) for part in re.split(r"[,\s]+", str(value)) if part]


def _lines(value: object) -> object:
    """One string a line; \\n, \\t and \\\\ mean what they mean in TOML."""
    lines = [line for line in str(value).split("\n") if line]
    return [re.sub(r"\\[ntr\\]", lambda found: _ESCAPES[found[0]], line) for line in lines]


def _names(value: object) -> object:
    return list(value) if isinstance(value, list | tuple) else value


def _text(value: object) -> object:
    return str(value).strip()


def _name(value: object) -> object:
    return spelled(str(value).strip())


def _flag(value: object) -> object:
    return value


_KINDS: dict[Callable[[object], object], str] = {
    _name: "id adapter.base",
    _text: "title source revision family architecture license.name license.address license.commercial "
    "license.note prompt_format task thinking notes tokenizer.source loading.dtype "
    "loading.default_quantization loading.attention loading.lowest_transformers adapter.subfolder",
    _count: "parameters context_length embeddings.vocabulary embeddings.hidden_size generation.top_k "
    "generation.max_new_tokens",
    _number: "generation.temperature generation.top_p generation.repetition_penalty",
    _counts: "eos_token_ids",
    _lines: "stop_strings",
    _names: "loading.quantizations",
    _flag: "base_model improvised_format embeddings.tied tokenizer.use_fast tokenizer.return_token_type_ids "
    "loading.trust_remote_code loading.allow_pickle",
}
_READERS = {key: read for read, keys in _KINDS.items() for key in keys.split()}


def table_of(values: Mapping[str, object], old: Mapping[str, Any]) -> dict[str, Any]:
    """The entry that `values` make of `old`: keys that no form knows stay, empty ones and defaults go."""
    table: dict[str, Any] = copy.deepcopy(dict(old))
    for key, value in values.items():
        typed = None if value is None else _READERS[key](value)
        *outer, last = key.split(".")
        inner = table.get(outer[0]) if outer else table
        same = isinstance(inner, dict) and last in inner and inner[last] == typed
        if same or (typed not in (None, "") and typed != default_of(key) and (typed != [] or _is_names(key))):
            _put(table, outer, last, typed)
        else:
            _drop(table, outer, last)
    return table


def values_of(table: Mapping[str, Any]) -> dict[str, object]:
    """What a form shows for a table, faulty or not; `table_of` makes the same table of it again."""
    values: dict[str, object] = {}
    for key, read in _READERS.items():
        *outer, last = key.split(".")
        inner = table.get(outer[0]) if outer else table
        found = inner.get(last) if isinstance(inner, Mapping) else None
        default = default_of(key)
        values[key] = _shown(read, default if found is None else found, default)
    return values


def default_of(key: str) -> Any:
    """The value of a key that is not written; lists for tuples, None where there is none."""
    first, _, inner = key.partition(".")
    field = field_of(first)
    default = (_model_of(field.annotation).model_fields[inner] if inner else field).default
    if default is PydanticUndefined:
        return None
    return list(default) if isinstance(default, tuple) else default


def _model_of(annotation: Any) -> type[BaseModel]:
    options = getattr(annotation, "__args__", (annotation,))
    found: type[BaseModel] = next(one for one in options if issubclass(one, BaseModel))
    return found


def _shown(read: Callable[[object], object], value: Any, default: Any) -> object:
    if read is _flag:
        return value if isinstance(value, bool) else default
    if read is _names:
        return [str(one) for one in value] if isinstance(value, list) else default
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(map(_escaped, value)) if read is _lines else ", ".join(map(str, value))
    return f"{value:,}" if read is _count and isinstance(value, int) else str(value)


def _escaped(line: object) -> str:
    text = str(line)
    for written, meant in reversed(_ESCAPES.items()):
        text = text.replace(meant, written)
    return text


def _is_names(key: str) -> bool:
    return _READERS[key] is _names


def _put(table: dict[str, Any], outer: list[str], last: str, value: object) -> None:
    for name in outer:
        if not isinstance(table.get(name), dict):
            table[name] = {}
        table = table[name]
    table[last] = value


def _drop(table: dict[str, Any], outer: list[str], last: str) -> None:
    inner = table.get(outer[0]) if outer else table
    if not isinstance(inner, dict):
        return
    inner.pop(last, None)
    if outer and not inner:
        table.pop(outer[0])
