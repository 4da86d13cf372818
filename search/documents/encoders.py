"""Texts as vectors: static models are read here, all others by sentence-transformers.

A static model is a table of one vector a token; a text is their mean. Two libraries write them, model2vec and
sentence-transformers, and reading them takes neither, nor torch: so this way is open without another install.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from search.problems import SearchProblem

Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Encode = Callable[[Sequence[str]], Vectors]
"""Texts as rows of length 1."""

_TABLES = ("embeddings", "embedding.weight")
"""The names of the table in a static model's weights."""
_WEIGHTS, _TOKENIZER = "model.safetensors", "tokenizer.json"
_UNKNOWN = ("[UNK]", "<unk>")


class TextEncoder:
    """A model by a hub's name or a folder; loaded when it is first needed."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._folder = Path(model).expanduser()
        self._encode: Encode | None = None

    @property
    def mark(self) -> str:
        """Tells its vectors from those of another model."""
        seen = [self._model]
        if self._folder.is_dir():
            files = sorted(file for file in self._folder.rglob("*") if file.is_file())
            seen += [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
        return hashlib.sha256("\n".join(seen).encode("utf-8", "surrogateescape")).hexdigest()

    def __call__(self, texts: Sequence[str]) -> Vectors:
        if self._encode is None:
            self._encode = self._loaded()
        return self._encode(texts)

    def _loaded(self) -> Encode:
        try:
            return _static(self._folder) or _by_library(self._model)
        except ImportError as error:
            raise SearchProblem("search-dense-library-missing", model=self._model) from error
        except SearchProblem:
            raise
        except Exception as error:
            raise SearchProblem("search-dense-unreadable", model=self._model, why=str(error)) from error


def _static(folder: Path) -> Encode | None:
    """None: the folder holds no static model."""
    places = (folder, folder / "0_StaticEmbedding")
    place = next(
        (each for each in places if (each / _TOKENIZER).is_file() and (each / _WEIGHTS).is_file()), None
    )
    if place is None:
        return None
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    tensors: dict[str, Any] = load_file(place / _WEIGHTS)
    table = next((tensors[name] for name in _TABLES if name in tensors), None)
    if table is None:
        return None
    rows = tensors.get("mapping", np.arange(len(table)))
    weights = tensors.get("weights", np.ones(len(rows))).astype(np.float32)
    vectors = table.astype(np.float32)[rows] * weights[:, None]
    tokenizer = Tokenizer.from_file(str(place / _TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    left_out = _left_out(place, tokenizer)

    def encode(texts: Sequence[str]) -> Vectors:
        found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ids = ([token for token in each.ids if token not in left_out] for each in found)
        means = (vectors[each].mean(axis=0) if each else np.zeros(vectors.shape[1]) for each in ids)
        return _of_length_one(np.stack(list(means)))

    return encode


def _left_out(place: Path, tokenizer: Any) -> set[int]:
    """model2vec leaves unknown tokens out of the mean, sentence-transformers does not."""
    config = place / "config.json"
    if not config.is_file() or json.loads(config.read_bytes()).get("model_type") != "model2vec":
        return set()
    return {found for name in _UNKNOWN if (found := tokenizer.token_to_id(name)) is not None}


def _by_library(model: str) -> Encode:
    from sentence_transformers import SentenceTransformer  # heavy, and only for who named such a model

    loaded = SentenceTransformer(model, trust_remote_code=False)

    def encode(texts: Sequence[str]) -> Vectors:
        return _of_length_one(np.asarray(loaded.encode(list(texts), show_progress_bar=False)))

    return encode


def _of_length_one(rows: Any) -> Vectors:
    vectors: Vectors = np.asarray(rows, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
