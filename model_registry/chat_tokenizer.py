"""The tokenizer of a model as it lies on this machine, for the chat template it carries.

Knows: where it may lie (a folder, the hub's cache), and whether it has a template.
Refuses to know: downloads, and code from a repository.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from model_registry.registry import Registry
from model_registry.spec import ModelSpec


class UnreadableTokenizer(Exception):
    """It is there, but its files are damaged or need code to be run."""


def tokenizer_folder(registry: Registry, spec: ModelSpec) -> Path | None:
    """Where it lies; None where it is not on this machine."""
    if spec.remote:
        return None
    base = registry.base_of(spec)
    source = spec.local.tokenizer.source or base.local.tokenizer.source or base.local.source
    if Path(source).is_absolute():
        return Path(source)
    # Not at the top: the hub's library is slow to import, and most models are asked for without it.
    from huggingface_hub import try_to_load_from_cache

    revision = base.local.revision if source == base.local.source else None
    file = try_to_load_from_cache(source, "tokenizer_config.json", revision=revision)
    return Path(file).parent if isinstance(file, str) else None


def has_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file():
        return True
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and bool(config.get("chat_template"))


def read_tokenizer(folder: Path) -> Any:
    """Transformers' tokenizer, without running any code of its repository."""
    return _read(folder, max((file.stat().st_mtime_ns for file in folder.iterdir()), default=0))


@lru_cache(maxsize=4)
def _read(folder: Path, newest: int) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 - the tokenizers library raises bare Exceptions
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableTokenizer(reason[:200]) from None
