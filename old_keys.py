"""Keys that Narani wrote in British spelling, read under the names they have now.

Entries, answer files and histories written before still lie on people's disks. Whoever reads one of them
passes what was read through here once; nothing behind that knows the old names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_NEW = {
    "licence": "license",
    "quantisation": "quantization",
    "quantisations": "quantizations",
    "default_quantisation": "default_quantization",
}


def new_key(name: str) -> str:
    """What a key is called now; one that was never called otherwise is returned as it is."""
    return _NEW.get(name, name)


def new_keys(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(new_key, names))


def with_new_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values under new keys, in inner tables too.

    Where both names stand side by side the old one is left, so that whoever checks the keys finds it."""
    return {
        key if new_key(key) in values else new_key(key): (
            with_new_keys(value) if isinstance(value, Mapping) else value
        )
        for key, value in values.items()
    }
