"""What is divided among processes, made whole for a checkpoint, and divided again.

Knows: FSDP2's tensors, DeepSpeed's parts of weights and of the optimizer's state.
Refuses to know: files, and when anything is saved.

Every function here is the work of all processes at once, in the same order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor

_ADAM = ("exp_avg", "exp_avg_sq")


def whole(value: Tensor) -> Tensor:
    """All of a tensor, wherever its parts lie."""
    if isinstance(value, DTensor):
        return value.full_tensor()
    if hasattr(value, "ds_id"):
        return _whole_of_zero(value)
    return value


def part_of(value: Tensor, like: Tensor) -> Tensor:
    """This process's part of a whole tensor that all of them hold."""
    if not isinstance(like, DTensor) or value.shape != like.shape:
        return value
    # Nobody is asked for it: everyone read the same file.
    mesh = like.device_mesh
    return distribute_tensor(value.to(like.device), mesh, like.placements, src_data_rank=None)


def put(value: Tensor, into: Tensor) -> None:
    """A whole tensor that all of them hold, into a weight that may be divided."""
    if not hasattr(into, "ds_id"):
        into.copy_(part_of(value, into))
        return
    import deepspeed

    with deepspeed.zero.GatheredParameters([into], modifier_rank=0):
        into.copy_(value)


def _whole_of_zero(value: Any) -> Tensor:
    import deepspeed

    with deepspeed.zero.GatheredParameters([value]):
        return value.detach().clone()


class WholeOfZero:
    """DeepSpeed's optimizer as one process would have it: the same groups, and the state of whole weights."""

    def __init__(self, made: Any) -> None:
        """`made`: the optimizer before DeepSpeed takes its weights away."""
        self.param_groups = [dict(group) for group in made.param_groups]
        self._weights = [weight for group in self.param_groups for weight in group["params"]]
        self._divided: Any = made

    def within(self, divided: Any) -> WholeOfZero:
        self._divided = divided
        return self

    def state_dict(self) -> dict[str, Any]:
        from deepspeed.utils import safe_get_full_optimizer_state as get

        step = next(iter(self._base.state.values()))["step"]
        state = {
            number: {"step": step, **{name: get(weight, name) for name in _ADAM}}
            for number, weight in enumerate(self._weights)
        }
        numbers = iter(range(len(self._weights)))
        # One rate holds for all groups, of which DeepSpeed forgets those without weights.
        rate = self._divided.param_groups[0]["lr"]
        groups = [
            {**group, "lr": rate, "params": [next(numbers) for _ in group["params"]]}
            for group in self.param_groups
        ]
        return {"state": state, "param_groups": groups}

    @torch.no_grad()
    def load_state_dict(self, held: dict[str, Any]) -> None:
        from deepspeed.utils import safe_set_full_optimizer_state as put

        kept = held["param_groups"][0]
        for group in self._divided.param_groups:
            group["lr"], group["initial_lr"] = kept["lr"], kept["initial_lr"]
        self._make_room(held["state"][0]["step"])
        for number, weight in enumerate(self._weights):
            for name in _ADAM:
                put(weight, held["state"][number][name].to(weight.device), name)

    def _make_room(self, step: Tensor) -> None:
        """Before its first step an optimizer has no state that could be put back."""
        zero = self._divided.optimizer
        of_third = hasattr(zero, "fp32_partitioned_groups_flat")
        parts = zero.fp32_partitioned_groups_flat if of_third else zero.single_partition_of_fp32_groups
        for part in parts:
            self._base.state[part] = {
                "step": step.clone(),
                **{name: torch.zeros_like(part) for name in _ADAM},
            }
        if not of_third:
            zero._lazy_init_hp_params_optimizer_state()

    @property
    def _base(self) -> Any:
        """torch's own, within accelerate's and DeepSpeed's."""
        return self._divided.optimizer.optimizer
