"""What several processes are given: the same rows a step as one, a configuration each, or a refusal by name.

Run: python -m pytest tests/finetune/distributed/test_sharing_work.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.data_loader import prepare_data_loader
from accelerate.utils.deepspeed import HfDeepSpeedConfig
from torch.utils.data import DataLoader

from errors import BadRequest, NaraniError
from finetune.cli import main
from finetune.distributed.configs import FOLDER, deepspeed_config, fsdp_config, shared
from finetune.distributed.launching import _code, processes_for
from finetune.distributed.ranks import Ranks, device_of, launched, refuse_for
from finetune.examples import TokenRow
from finetune.run_settings import Distributed
from finetune.sft_settings import SftSettings
from finetune.tokens.blocks import NOT_LEARNED
from finetune.training.batches import BLOCK, NumberingCollator, TrainingBatches, training_batches

KINDS: tuple[Distributed, ...] = ("ddp", "zero2", "zero3", "fsdp2")


def batches_of_rows(count: int, settings: SftSettings, processes: int) -> TrainingBatches:
    lengths = [2 + number % 5 for number in range(count)]
    rows = [
        TokenRow((7,) * length, (False, *[True] * (length - 1)), f"{number}")
        for number, length in enumerate(lengths)
    ]
    return training_batches(rows, settings, settings.batching, pad_id=0, processes=processes)


def steps(batches: TrainingBatches, epoch: int) -> list[set[int]]:
    """The blocks of each step of an epoch, as accelerate hands them out to all processes."""
    order, dataset = batches.order(), batches.dataset()
    order.set_epoch(epoch)
    taken: list[list[list[int]]] = []
    for rank in range(batches.processes):
        loader: Any = DataLoader(
            dataset,
            batch_size=batches.micro_batch,
            sampler=order,
            collate_fn=NumberingCollator(batches.pad_id),
        )
        if batches.processes > 1:
            loader = prepare_data_loader(
                loader, torch.device("cpu"), batches.processes, rank, put_on_device=False, rng_types=[]
            )
            loader.set_epoch(epoch)
        taken.append([batch[BLOCK].tolist() for batch in loader])
    assert len({len(each) for each in taken}) == 1, "a process would wait for another for ever"
    return list(_together(batches, taken))


def _together(batches: TrainingBatches, taken: list[list[list[int]]]) -> Iterator[set[int]]:
    for start in range(0, len(taken[0]), batches.accumulated):
        step = [batch for each in taken for batch in each[start : start + batches.accumulated]]
        numbers = [number for batch in step for number in batch if number < len(batches.blocks)]
        assert len(numbers) == len(set(numbers))
        yield set(numbers)


@pytest.mark.parametrize("count", [1, 5, 16, 23, 40])
@pytest.mark.parametrize("batching", ["plain", "by-length", "packed"])
def test_every_step_learns_the_same_blocks_by_however_many_processes(count: int, batching: Any) -> None:
    settings = SftSettings(batch=12, micro_batch=2, max_tokens=8, batching=batching)
    one = batches_of_rows(count, settings, 1)
    for processes in (2, 3):
        several = batches_of_rows(count, settings, processes)
        assert several.rows_a_step == one.rows_a_step
        assert several.steps_an_epoch == one.steps_an_epoch
        for epoch in (0, 1):
            assert steps(several, epoch) == steps(one, epoch)


def test_what_fills_up_teaches_nothing_and_is_named_nowhere() -> None:
    batches = batches_of_rows(5, SftSettings(batch=12, micro_batch=2, batching="plain"), 2)
    filler = batches.dataset()[5]
    assert set(filler["labels"]) == {NOT_LEARNED}
    assert batches.sources([4, 5]) == batches.sources([4]) and batches.tokens([5]) == 0


def test_a_step_of_one_process_is_not_rounded_up() -> None:
    batches = batches_of_rows(5, SftSettings(batch=12, micro_batch=2, batching="plain"), 1)
    assert (batches.rows_a_step, batches.accumulated, len(batches.dataset()), len(batches.order())) == (
        5,
        3,
        5,
        5,
    )


@pytest.mark.parametrize(
    ("changes", "processes", "said"),
    [
        ({"distributed": "none"}, 2, "each would train alone into the same folder"),
        ({"distributed": "ddp", "batch": 32}, 3, r"\(4 x 3 = 12\). The nearest is 24 or 36"),
        ({"distributed": "ddp", "batch": 4}, 8, "The nearest is 32"),
        ({"distributed": "fsdp2", "method": "qlora"}, 2, "qlora does not go with fsdp2"),
        ({"distributed": "fsdp2", "method": "int8-lora"}, 2, "int8-lora does not go with fsdp2"),
        ({"distributed": "fsdp2", "optimizer": "adafactor"}, 2, "adafactor does not go with fsdp2"),
    ],
)
def test_what_several_cannot_do_is_refused_in_one_sentence(
    changes: dict[str, Any], processes: int, said: str
) -> None:
    with pytest.raises(BadRequest, match=said):
        refuse_for(SftSettings(**changes), processes)


@pytest.mark.parametrize("changes", [{"method": "qlora"}, {"optimizer": "adafactor"}, {}])
def test_what_several_can_do_is_not_refused(changes: dict[str, Any]) -> None:
    refuse_for(SftSettings(distributed="ddp", **changes), 2)


@pytest.mark.parametrize("kind", ["zero2", "zero3"])
def test_deepspeed_is_named_where_it_is_missing(kind: Distributed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.distributed.ranks.find_spec", lambda name: None)
    with pytest.raises(BadRequest, match=f"{kind} needs DeepSpeed.*pip install deepspeed==") as refused:
        refuse_for(SftSettings(distributed=kind), 2)
    monkeypatch.undo()
    assert str(refused.value).endswith("fsdp2." if kind == "zero3" else "ddp.")
    if find_spec("deepspeed") is not None:
        refuse_for(SftSettings(distributed=kind), 2)


def test_one_alone_has_nobody_to_share_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(BadRequest, match="has one GPU, so there is nobody to share"):
        processes_for(SftSettings(distributed="ddp"), None)
    with pytest.raises(BadRequest, match="--processes 2 is more than this machine has GPUs"):
        processes_for(SftSettings(distributed="ddp"), 2)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert processes_for(SftSettings(distributed="ddp"), None) == 2


def test_only_the_first_says_what_all_would_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("NARANI_HOME", str(tmp_path))
    monkeypatch.setenv("WORLD_SIZE", "2")
    command = ["sft", "--recipe", "none", "--base-model", "tiny", "--data", "rows.jsonl"]
    said = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        assert main(command) == 2
        said.append(capsys.readouterr().err)
    assert "--distributed ddp, zero2, zero3 or fsdp2" in said[0] and said[1] == ""
    assert list(tmp_path.iterdir()) == []


def test_the_place_among_others_is_the_launchers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launched() == Ranks(0, 1, 0)
    for name, value in (("RANK", "5"), ("WORLD_SIZE", "8"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    assert launched() == Ranks(5, 8, 1)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    assert device_of(launched(), None) == "cpu"
    assert device_of(Ranks(), None) is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_for_accelerate_can_be_read(kind: Distributed) -> None:
    read = load_config_from_file(str(FOLDER / f"{kind}.yaml"))
    wanted = {"ddp": "MULTI_GPU", "fsdp2": "FSDP"}.get(kind, "DEEPSPEED")
    assert read.distributed_type == wanted
    if kind in ("zero2", "zero3"):
        named = Path(read.deepspeed_config["deepspeed_config_file"])
        assert FOLDER.parents[1] / named == FOLDER / f"{kind}.json"


@pytest.mark.parametrize("kind", ["zero2", "zero3"])
def test_deepspeeds_configuration_is_as_its_name_says(kind: Distributed) -> None:
    config = HfDeepSpeedConfig(deepspeed_config(kind))
    assert config.is_zero2() is (kind == "zero2") and config.is_zero3() is (kind == "zero3")
    half = shared(kind, torch.bfloat16)
    assert half["deepspeed"]["torch_autocast"] == {"enabled": True, "dtype": "bfloat16"}
    assert half["bf16"] is half["fp16"] is False
    assert json.dumps(half["deepspeed"])


def test_what_trainer_is_told_follows_from_the_name() -> None:
    assert fsdp_config()["fsdp_version"] == 2
    assert shared("fsdp2", torch.bfloat16)["fsdp"] is True
    assert shared("none", torch.float32) == {"bf16": False, "fp16": False}
    assert shared("ddp", torch.float16)["fp16"] is True


@pytest.mark.parametrize(("codes", "code"), [((0, 0), 0), ((2, 2), 2), ((130, 2), 130), ((2, -9), 2)])
def test_the_command_ends_as_its_processes_did(codes: tuple[int, ...], code: int) -> None:
    assert _code(codes) == code


def test_a_process_that_said_nothing_is_told_of() -> None:
    with pytest.raises(NaraniError, match="Process 2 of 2 ended with -9"):
        _code([0, -9])
