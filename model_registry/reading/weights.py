"""How large the weights of a model are, from the headers of its safetensors alone.

Weights in any other form are not opened: a pickle may run code, and other formats cannot be loaded anyway.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from errors import Cause, NaraniError
from model_registry.own_sources import foreign_file
from model_registry.reading.description import Findings
from model_registry.reading.files import SourceFiles, json_object, why_not
from model_registry.reading.headers import FLOATS, StoredTensor, header_of

MODEL, INDEX, ADAPTER = "model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")
_MOST_HEADERS = 64
_EMBEDDING = re.compile(r"(^|\.)(embed_tokens|embed_in|wte|word_embeddings|embeddings)\.weight$")
_HEAD = re.compile(r"(^|\.)(lm_head|embed_out|head)\.weight$")


def read_weights(
    files: SourceFiles, title: str, config: Mapping[str, Any], is_adapter: bool, findings: Findings
) -> None:
    names = _shards(files, title, is_adapter, findings)
    if not names:
        return
    findings.facts["bytes"] = sum(files.sizes[name] for name in names)
    packed = config.get("quantization_config")
    counted = dict(files.parameters)
    if not counted and len(names) <= _MOST_HEADERS:
        tensors = _tensors(files, names, findings)
        counted = dict(_by_dtype(tensors))
        if not is_adapter and not packed:
            _embeddings(tensors, names[0], findings)
    floats = {dtype: count for dtype, count in counted.items() if dtype in FLOATS}
    if not floats:
        return
    findings.facts["dtype"] = max(floats, key=lambda dtype: floats[dtype])
    if isinstance(packed, dict):  # integers hold several weights each
        findings.miss(Cause("reading-packed-weights", method=str(packed.get("quant_method", "?"))[:40]))
    else:
        findings.add(names[0], parameters=sum(floats.values()))


def _shards(files: SourceFiles, title: str, is_adapter: bool, findings: Findings) -> list[str]:
    """The files that hold the weights; why there are none is written down."""
    single = ADAPTER if is_adapter else MODEL
    for name in (single, INDEX):
        if name in files.refused:
            findings.miss(files.refused[name], name)
            return []
    if single in files.sizes:
        return [single]
    if not is_adapter and INDEX in files.sizes:
        return _named_by_index(files, findings)
    foreign = foreign_file(title, sorted(files.sizes))
    pickle = next((name for name in sorted(files.sizes) if name.endswith(_PICKLES)), None)
    if pickle:
        findings.miss(Cause("reading-only-pickle", file=pickle))
    else:
        findings.miss(foreign or Cause("reading-no-weights", file=single))
    return []


def _named_by_index(files: SourceFiles, findings: Findings) -> list[str]:
    try:
        named = json_object(files, INDEX).get("weight_map")
    except NaraniError as error:
        findings.miss(why_not(error), INDEX)
        return []
    shards = sorted({str(name) for name in named.values()}) if isinstance(named, dict) else []
    if shards and all(name in files.sizes for name in shards):
        return shards
    gone = next((name for name in shards if name not in files.sizes), INDEX)
    findings.miss(files.refused.get(gone, Cause("reading-no-file", file=gone[:120])), INDEX)
    return []


def _tensors(files: SourceFiles, names: list[str], findings: Findings) -> list[StoredTensor]:
    """None at all where one header cannot be read: half a sum says nothing."""
    tensors: list[StoredTensor] = []
    for name in names:
        try:
            tensors += header_of(Path(name), files.sizes[name], partial(files.part, name))
        except NaraniError as error:
            findings.miss(why_not(error), name)
            return []
    return tensors


def _by_dtype(tensors: list[StoredTensor]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for tensor in tensors:
        counted[tensor.dtype] += tensor.values
    return counted


def _embeddings(tensors: list[StoredTensor], where: str, findings: Findings) -> None:
    found = next((one for one in tensors if _EMBEDDING.search(one.name) and len(one.shape) == 2), None)
    if found is not None:
        tied = not any(_HEAD.search(one.name) for one in tensors)
        rows, width = found.shape
        findings.add(where, embeddings__vocabulary=rows, embeddings__hidden_size=width)
        findings.add(where, embeddings__tied=tied or None)
