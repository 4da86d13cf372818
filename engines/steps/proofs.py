"""What was proven of steps on this machine, kept in a file so that a later load need not prove it again.

A proof is of a card, the versions of what computes, this project's own code of steps, the model's shape and
its type: the weights are not in it, since no kernel branches on them. The file is a convenience: one that
cannot be read or written costs a proof and nothing else, and is written anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch

from engines.steps.proving import StepProof
from engines.steps.step import StepName
from versions import version_of
from whole_files import write_whole

_MOST = 200
_NO_SHAPE = ("_name_or_path", "name_or_path", "transformers_version", "architectures")


class StepProofs:
    """One file, read at each look: several processes may share it, and the last one's word counts."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        """None: they are kept as long as this process lives."""
        self._held: Mapping[str, Any] = {}

    def of(self, key: str) -> StepProof | None:
        with suppress(TypeError):
            return StepProof(**self._read().get(key, {}))
        return None

    def keep(self, key: str, proof: StepProof) -> None:
        kept = self._held = {**self._read(), key: asdict(proof)}
        if self._path is None:
            return
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, json.dumps(dict(list(kept.items())[-_MOST:]), indent=1))

    def _read(self) -> Mapping[str, Any]:
        if self._path is None:
            return self._held
        with suppress(OSError, ValueError):
            held = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(held, dict) and all(isinstance(each, dict) for each in held.values()):
                return held
        return {}


def proof_key(model: Any, device: torch.device, quantization: str, step: StepName) -> str:
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    libraries = [f"{name} {version_of(name)}" for name in ("torch", "triton", "transformers")]
    settings = {name: value for name, value in model.config.to_dict().items() if name not in _NO_SHAPE}
    shape = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]
    kind = f"{model.config.model_type} {model.dtype} {quantization} {shape}"
    return " | ".join((card, *libraries, f"steps {_code()}", kind, step))


@cache
def _code() -> str:
    """Of everything here that makes a step: another kernel has to be proven anew."""
    files = sorted([*Path(__file__).parent.glob("*.py"), *Path(__file__).parents[1].glob("*stepping.py")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
