"""What Trainer must know of how processes share the work; apart, for the files that it reads lie beside it.

Knows: the files beside this one, and which types each way of sharing computes in.
Refuses to know: how processes are started and what they learn.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from accelerate.commands.config.config_args import load_config_from_file

from finetune.run_settings import Distributed

FOLDER = Path(__file__).parent


def shared(kind: Distributed, compute: torch.dtype) -> dict[str, Any]:
    """Arguments for SFTConfig. What is learned is float32 all the same."""
    if kind in ("zero2", "zero3"):
        # Its own 16 bits would round what is learned too, so it computes under torch's autocast.
        autocast = {"enabled": compute == torch.bfloat16, "dtype": "bfloat16"}
        config = {**deepspeed_config(kind), "torch_autocast": autocast}
        return {"deepspeed": config, "bf16": False, "fp16": False, **_AS_JOINED}
    types = {"bf16": compute == torch.bfloat16, "fp16": compute == torch.float16}
    if kind == "fsdp2":
        return {"fsdp": True, "fsdp_config": fsdp_config(), **types, **_AS_JOINED}
    return types if kind == "none" else {**types, **_AS_JOINED}


_AS_JOINED = {"accelerator_config": {"use_configured_state": True}, "ddp_find_unused_parameters": False}
"""The processes have met already; looking for weights that a step left out costs a walk over all of it."""


def deepspeed_config(kind: Distributed) -> dict[str, Any]:
    return json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))


def fsdp_config() -> dict[str, Any]:
    return dict(load_config_from_file(str(FOLDER / "fsdp2.yaml")).fsdp_config)
