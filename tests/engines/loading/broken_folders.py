"""A sound model folder to break, and what is said when it is loaded.

Knows: how to change one thing in a folder.
Refuses to know: which changes are refused.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engines.loading import load_model
from errors import LoadError, NaraniError
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import tiny_spec

CPU = torch.device("cpu")
WEIGHTS = "model.safetensors"


def refused(folder: Path, **entry: Any) -> NaraniError:
    """The error of loading this folder, which must name no path."""
    with pytest.raises(LoadError) as caught:
        load_model(tiny_spec(folder, **entry), "none", CPU, RecordingWatch())
    assert str(folder.parent) not in str(caught.value) and "Traceback" not in str(caught.value)
    return caught.value


def change_json(folder: Path, name: str, **changes: Any) -> None:
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_header(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Rewrite the JSON table of the safetensors file, leaving its bytes."""
    data = (folder / WEIGHTS).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    table = json.loads(data[8 : 8 + length])
    change(table)
    text = json.dumps(table).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def change_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = {name: value.clone() for name, value in load_file(folder / WEIGHTS).items()}
    change(tensors)
    save_file(tensors, folder / WEIGHTS)
