"""Small trainings of real networks: data that no base knows, tiny bases, and settings that take seconds.

Knows: how a home is laid out for a training, and how one is run in a process of its own.
Refuses to know: what is tested.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetune.sft_settings import SftSettings

_VILLAGES = (
    "가람 나래 다솜 라온 마루 바다 사랑 아람 자람 차오 카온 타래 파랑 하늘 고운 누리 도담 로운 모란 보람"
)
_THINGS = (
    "소금 사과 연필 우산 모자 지도 시계 책상 나무 구름 바위 다리 우물 대문 지붕 창문 부엌 마당 계단 담장"
)
NAMES = [*zip(_VILLAGES.split(), _THINGS.split(), strict=True), ("소담", "난로"), ("온새", "장독")]
NAMES += [("조은", "바늘"), ("초롱", "접시")]


COUNTS_OF_ASKED, FEW = ("_ASKED", "_ASKED_OF_LEARNED"), 2
ADAPTER = "adapter/adapter_model.safetensors"
_PRELOADED = ["finetune.training.sft", "transformers.models.gpt_neox.modeling_gpt_neox"]


def write_rows(path: Path, names: Iterable[tuple[str, str]] = NAMES) -> Path:
    rows = [{"instruction": f"{village} 마을?", "output": f"{thing}."} for village, thing in names]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def small_settings(data: Path, **changes: Any) -> SftSettings:
    """Two steps an epoch over the 16 rows that are left to learn."""
    settings = SftSettings(
        base_model="demo-koalpaca",
        data=(str(data),),
        name="small",
        batch=8,
        micro_batch=4,
        max_tokens=64,
        batching="plain",
        warmup=0.0,
        epochs=1.0,
    )
    return replace(settings, **changes)


def long_settings(data: Path, **changes: Any) -> SftSettings:
    """20 steps over five epochs, with dropout, so that every source of chance has to be put back."""
    changed = {"base_model": "tiny", "epochs": 5.0, "batch": 4, "micro_batch": 2, "checkpoint_steps": 1}
    return small_settings(data, **{**changed, "lora_dropout": 0.1, "keep_checkpoints": 3, **changes})


def add_base(home: Path, folder: Path, kind: str, model_id: str = "tiny", **changes: Any) -> None:
    """An entry of a person's own for a tiny model."""
    from model_registry.writing import entry_toml
    from tests.engines.tiny_models import tiny_spec

    spec = tiny_spec(folder, kind, id=model_id, loading={"dtype": "float32"}, **changes)  # type: ignore[arg-type]
    (home / "models").mkdir(parents=True, exist_ok=True)
    table = spec.entry()
    (home / "models" / f"{model_id}.toml").write_text(entry_toml(table), encoding="utf-8")


@contextmanager
def asking_few() -> Iterator[None]:
    """In this process a training asks two rows of each kind before and after, not 24. Asking is three
    quarters of a small training's time, and says nothing to a test that looks at no answer."""
    from finetune.training import preparing

    with pytest.MonkeyPatch.context() as patched:
        for count in COUNTS_OF_ASKED:
            patched.setattr(preparing, count, FEW)
        yield


def processes() -> Any:
    """Processes that can be killed; the server they are forked from has the libraries imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def train_alone(settings: SftSettings, home: Path) -> None:
    import torch

    from finetune.training.sft import train

    torch.set_num_threads(1)
    with asking_few():
        train(settings, home, device="cpu")


def train_until(settings: SftSettings, home: Path, step: int, state: str) -> None:
    """Kills itself when it comes into this state, this many steps made."""
    import torch

    from finetune.training.sft import train

    def show(status: Any, metric: Any) -> None:
        if (status.step, status.state) == (step, state):
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    with asking_few():
        train(settings, home, device="cpu", show=show)


def terminate_at(step: int, number: signal.Signals = signal.SIGTERM) -> Any:
    def show(status: Any, metric: Any) -> None:
        # Whether to stop is looked at before a step's figures are told.
        if metric is not None and metric.step == step - 1:
            os.kill(os.getpid(), number)

    return show
