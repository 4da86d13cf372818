"""Which step a loaded model gets: the fastest that runs on its device and is proven there.

From the fastest to the simplest: own kernels in a CUDA graph; own kernels launched one by one, where nothing
can be captured; transformers' modules in a graph; and transformers' modules launched one by one ("eager"),
which what stands above is proven by (proving.py) and which needs no proof. A processor takes the fused
one in torch's operations where it can read the network, else the eager one.

A base is chosen for on the thread that loads, before anyone sees the model, so that kernels are compiled
while nobody waits. An adapter is chosen for on the decode loop's thread, as it is attached: the layers that
it switches are those that answers of its base run through.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch

from engines.families import stepper_for
from engines.memory import StepChoice
from engines.shortage import clear_device_cache, drop_tracebacks, is_shortage
from engines.stepping import Stepper
from engines.steps.proofs import StepProofs, proof_key
from engines.steps.proving import (
    LONG,
    NARROW,
    SHORT,
    WIDE,
    Distance,
    Figures,
    FixedTexts,
    StepProof,
    allowance,
    answered,
    compared,
    fixed_texts,
)
from engines.steps.step import StepName
from errors import Cause, StepRefused, in_few_words

_log = logging.getLogger(__name__)

BuildStepper = Callable[[Any, torch.device, StepName], Stepper]

_FASTEST_FIRST: Mapping[str, tuple[StepName, ...]] = {
    "auto": ("fused-graph", "fused", "graph"),
    "fused": ("fused-graph", "fused", "graph"),
    "graph": ("graph",),
    "eager": (),
}
_NO_GRAPH = {"step-capture-failed", "step-on-processor"}
"""Reasons against a graph, whatever is in it; any other is against what is computed."""


class StepChooser:
    """Made once an engine."""

    def __init__(
        self,
        wanted: str = "auto",
        proofs: StepProofs | None = None,
        build: BuildStepper = stepper_for,
    ) -> None:
        self._wanted, self._build = wanted, build
        self._proofs = proofs or StepProofs(None)

    def __call__(
        self, model: Any, device: torch.device, quantization: str = "none", adapter: bool = False
    ) -> StepChoice:
        """`adapter`: for the one over the model that is switched on now."""
        if self._wanted == "eager":
            return StepChoice("eager", (Cause("step-named", step=self._wanted),))
        if device.type == "cpu" and self._wanted == "auto":
            return self._on_processor(model, device, quantization, adapter)
        try:
            return self._fastest(_Trial(model, device, self._build), quantization, adapter)
        finally:
            clear_device_cache(device)  # the graphs of the trials, and their caches

    def _on_processor(self, model: Any, device: torch.device, quantization: str, adapter: bool) -> StepChoice:
        """The fused one without a trial: tests hold torch's operations against every family that is read."""
        refused = self._known_refusal("fused", device, quantization, adapter)
        try:
            if refused is None:
                self._build(model, device, "fused")
        except StepRefused as refusal:
            refused = refusal.cause
        return StepChoice("eager", (refused,)) if refused else StepChoice("fused", (Cause("step-in-torch"),))

    def _fastest(self, trial: _Trial, quantization: str, adapter: bool) -> StepChoice:
        refused: list[Cause] = []
        without: set[str] = set()
        for name in _FASTEST_FIRST[self._wanted]:
            if without & set(name.split("-")):
                continue
            known = self._known_refusal(name, trial.device, quantization, adapter)
            found = known or self._tried(trial, name, quantization)
            if isinstance(found, StepProof):
                return StepChoice(name, tuple(refused) or (self._why(found),), trial.kept_bytes)
            without.add("graph" if found.code in _NO_GRAPH else name.partition("-")[0])
            if found not in refused:
                refused.append(found)
        return StepChoice("eager", tuple(refused))

    def _known_refusal(
        self, name: StepName, device: torch.device, quantization: str, adapter: bool
    ) -> Cause | None:
        """What needs no trial."""
        if "graph" in name and device.type == "cpu":
            return Cause("step-on-processor")
        if quantization == "nf4" and "fused" in name:
            return Cause("step-quantized", quantization=quantization)
        return Cause("step-with-adapter") if adapter and "fused" in name else None

    def _tried(self, trial: _Trial, name: StepName, quantization: str) -> StepProof | Cause:
        """The proof that holds, or why there is none."""
        key = proof_key(trial.model, trial.device, quantization, name)
        known = self._proofs.of(key)
        if known is not None and not known.holds and self._wanted == "auto":
            return _unequal(name, known)
        found = trial.of(name, SHORT if known and known.holds else LONG)
        if isinstance(found, Cause):
            return found
        if not known:
            self._proofs.keep(key, found)
        if found.holds or (self._wanted != "auto" and found.is_finite):
            return found
        return _unequal(name, found)

    def _why(self, proof: StepProof) -> Cause:
        if self._wanted == "auto":
            return Cause("step-proven", **asdict(proof))
        if proof.holds:
            return Cause("step-named", step=self._wanted)
        return Cause("step-named-unequal", **asdict(proof))


class _Trial:
    """Candidates for one model, each beside the same eager step, which answers once for all of them."""

    def __init__(self, model: Any, device: torch.device, build: BuildStepper) -> None:
        self.model, self.device, self._build = model, device, build
        self._eager: dict[int, tuple[FixedTexts, Figures, Distance]] = {}
        self._rows = WIDE
        self.kept_bytes = 0
        """What the candidate tried last would keep between questions."""

    def of(self, name: StepName, steps: int) -> StepProof | Cause:
        """Raises nothing: an error is the reason, and what it held is freed. Where the caches of all rows
        find no memory, a few rows are tried."""
        problem: Exception
        try:
            with torch.inference_mode():
                return self._compared(name, steps)
        except Exception as error:  # noqa: BLE001 - whatever a kernel or a compiler raises, a simpler step is there
            _log.info("the step %s cannot be used\n%s", name, traceback.format_exc())
            problem = error
        cause = _said(name, problem)
        is_short = is_shortage(problem)
        drop_tracebacks(problem)
        clear_device_cache(self.device)
        if is_short and self._rows > NARROW:
            self._rows = NARROW
            self._eager.clear()
            return self.of(name, steps)
        return cause

    def _compared(self, name: StepName, steps: int) -> StepProof:
        stepper = self._build(self.model, self.device, name)
        if steps not in self._eager:
            self._eager[steps] = self._of_eager(steps)
        texts, expected, allowed = self._eager[steps]
        found = answered(stepper, texts, steps)
        if stepper.name != name:
            raise StepRefused("step-capture-failed", why=getattr(stepper, "failed", None))
        self.kept_bytes = stepper.kept_bytes()
        return compared(found, expected, allowed)

    def _of_eager(self, steps: int) -> tuple[FixedTexts, Figures, Distance]:
        eager = self._build(self.model, self.device, "eager")
        texts = fixed_texts(self.model.get_input_embeddings().weight.shape[0], steps, self._rows)
        said = answered(eager, texts, steps)
        return texts, said, allowance(eager, texts, said, self.model.dtype)


def _unequal(name: StepName, proof: StepProof) -> Cause:
    if not proof.is_finite:
        return Cause("step-no-numbers", step=name)
    return Cause("step-unequal", step=name, **asdict(proof))


def _said(name: StepName, problem: Exception) -> Cause:
    words = in_few_words(next(iter(str(problem).splitlines()), ""))
    if isinstance(problem, StepRefused):
        return problem.cause
    if isinstance(problem, ImportError):
        return Cause("step-library-missing", name=problem.name or "unknown")
    if is_shortage(problem):
        return Cause("step-no-memory", step=name)
    if "c compiler" in words.lower():
        return Cause("step-no-compiler")
    return Cause("step-broke", step=name, kind=type(problem).__name__, why=words)
