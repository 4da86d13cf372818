"""The engine that answers with models on this machine, and lets a person see and steer what is in its memory.

A question goes from the registry's entry over a lease to the decode loop, and back as an answer; a load by
hand asks for the same lease. Who asked, where answers are drawn or stored, and how a step or a load works
inside, it does not know.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from functools import partial

from engines.base import Answer, AnswerRequest, FinishReason, LiveAnswer, State
from engines.choices import choosing, likely_choices, tokens_of
from engines.decoding import DecodeLoop
from engines.devices import default_budget, pick_device
from engines.lease_request import LeaseRequest, ModelLease
from engines.loading import LoadedModel, LoadWatch, estimate, files_of, load_model
from engines.memory import LiveLoad, LoadPlan, PoolView
from engines.on_disk import DiskLook
from engines.parking import parking_on
from engines.pool import ModelPool
from engines.resident import Resident
from engines.resident_figures import ResidentKey
from engines.sampling import SeededNumbers, TokenSampler
from engines.scoring import scored_choices, whole_answers
from engines.sequence import AnswerOrigin, Sequence
from engines.steps.choice import StepChooser
from engines.steps.proofs import StepProofs
from engines.text_stream import TextStream
from errors import BadRequest, LoadError, NaraniError, Stopped
from model_registry.registry import Registry
from model_registry.spec import ModelSpec
from prompts.encoding import encode
from prompts.format import PromptFormat
from prompts.rendering import render
from prompts.thinking import thinking_style
from settings import Settings

_log = logging.getLogger(__name__)


class LocalEngine:
    """One pool and one decode loop for one device; made once a process."""

    def __init__(self, registry: Registry, pool: ModelPool, loop: DecodeLoop, rows_per_model: int) -> None:
        self._registry, self._pool, self._loop = registry, pool, loop
        self._rows_per_model = rows_per_model
        self._disk = DiskLook(registry)

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        """Whatever is wrong with the question or the model ends this live answer and nothing else."""
        try:
            lease_request = self._request_of_question(request, live)
        except NaraniError as error:
            live.fail(error, request.settings)
            return
        self._ask(lease_request, live)

    def bring(self, live: LiveLoad) -> None:
        """Load by hand what `live` names: lease it as a question does, and release it at once."""
        try:
            lease_request = self._request_of_load(live)
        except NaraniError as error:
            live.finish(error)
            return
        self._ask(lease_request, live)

    def view(self) -> PoolView:
        return self._pool.view()

    def plan(self, model_id: str, quantization: str) -> LoadPlan:
        return self._pool.plan(self._request_of_load(LiveLoad(model_id, quantization)))

    def release(self, model_id: str, quantization: str) -> bool:
        return self._pool.release(self._key(model_id, quantization))

    def keep_loaded(self, model_id: str, quantization: str, keep: bool) -> bool:
        return self._pool.books.keep(self._key(model_id, quantization), keep)

    def on_disk(self, model_id: str) -> bool:
        return self._disk.has(model_id)

    def close(self) -> None:
        self._pool.close()
        self._loop.close()

    def _ask(self, lease_request: LeaseRequest, live: LiveAnswer | LiveLoad) -> None:
        live.when_stopped(lambda: self._pool.cancel(lease_request))
        self._pool.request(lease_request)
        if live.stop_asked:  # before there was anything to cancel
            self._pool.cancel(lease_request)

    def _key(self, model_id: str, quantization: str) -> ResidentKey:
        spec = self._registry.models.get(model_id)
        return ResidentKey(self._registry.base_of(spec).id if spec else model_id, quantization)

    def _request_of_load(self, live: LiveLoad) -> LeaseRequest:
        spec = self._registry.get(live.model_id)
        base = self._registry.base_of(spec)
        _check_offered(spec, base, live.quantization)

        def granted(lease: ModelLease) -> None:
            lease.release()
            live.finish()

        return LeaseRequest(
            base=base,
            adapter=None if spec is base else spec,
            quantization=live.quantization,
            cache_tokens=0,
            live=live,
            granted=granted,
            refused=live.finish,
        )

    def _request_of_question(self, request: AnswerRequest, live: LiveAnswer) -> LeaseRequest:
        if not request.conversation.turns[-1].question.strip():
            raise BadRequest("empty-question")
        spec = self._registry.get(request.model_id)
        if spec.task == "reward" and not request.choices:
            raise BadRequest("reward-model-answers-nothing", model=spec.id)
        format = self._format(request, spec)
        base = self._registry.base_of(spec)
        quantization = request.quantization or spec.local.loading.default_quantization
        _check_offered(spec, base, quantization)
        return LeaseRequest(
            base=base,
            adapter=None if spec is base else spec,
            quantization=quantization,
            cache_tokens=_tokens_at_most(request),
            live=live,
            granted=lambda lease: self._begin(request, live, spec, format, lease),
            refused=lambda problem: _refuse(request, live, problem),
        )

    def _format(self, request: AnswerRequest, spec: ModelSpec) -> PromptFormat:
        if request.format_id is not None:
            return self._registry.formats.get(request.format_id)
        return self._registry.formats.for_question(self._registry.format_of(spec), request.conversation)

    def _begin(
        self,
        request: AnswerRequest,
        live: LiveAnswer,
        spec: ModelSpec,
        format: PromptFormat,
        lease: ModelLease,
    ) -> None:
        """The model is there: render, encode, and let the question join its model's batch."""
        live.enter(State.WAITING, "turn")
        try:
            adapter_id = spec.id if spec.adapter else None
            batch = lease.resident.batch(adapter_id, self._rows_per_model, self._pool.books.grow_cache)
            begin = partial(self._loop.add, batch)
            begin(self._sequence(request, live, spec, format, lease, begin))
        except NaraniError as error:
            lease.release()
            live.fail(error, request.settings)
        except Exception as error:  # noqa: BLE001 - a template of strangers ran; its fault is one column's
            _log.exception("a question could not be prepared")
            lease.release()
            kind = type(error).__name__
            live.fail(LoadError("question-not-read", model=spec.title, kind=kind), request.settings)

    def _sequence(
        self,
        request: AnswerRequest,
        live: LiveAnswer,
        spec: ModelSpec,
        format: PromptFormat,
        lease: ModelLease,
        begin: Callable[[Sequence], None],
    ) -> Sequence:
        loaded, settings = lease.resident.loaded, request.settings
        rendered = render(format, request.conversation, loaded.tokenizer, request.thinking)
        ids = encode(rendered, loaded.tokenizer)
        given = {} if spec.task == "reward" else tokens_of(request.choices, rendered, loaded.tokenizer)
        room = spec.local.context_length - len(ids)
        if room < max(map(len, given.values()), default=1):
            raise BadRequest(
                "prompt-too-long", tokens=len(ids), model=spec.title, most=spec.local.context_length
            )
        prompt = rendered.text
        live.thinking_style = thinking_style(prompt)
        stops = (*rendered.stop_strings, *spec.stop_strings, *settings.stop_strings)
        sequence = Sequence(
            origin=_origin(request, spec, format, lease.resident, prompt),
            live=live,
            prompt_ids=ids,
            eos_token_ids=_ends(spec, loaded, stops),
            max_new_tokens=min(settings.max_new_tokens, room),
            sampler=TokenSampler(settings, SeededNumbers(settings.seed, spec.id, prompt), ids),
            stream=TextStream(
                loaded.tokenizer.backend_tokenizer, stops, rendered.answer_lead, prompt.endswith("\n")
            ),
            on_end=lease.release,
        )
        if (head := lease.resident.head(spec)) is not None:
            whole = whole_answers(request, spec, format, loaded)
            return choosing(sequence, scored_choices(sequence, whole, head), begin)
        return choosing(sequence, likely_choices(sequence, given), begin) if given else sequence


def _origin(
    request: AnswerRequest, spec: ModelSpec, format: PromptFormat, resident: Resident, prompt: str
) -> AnswerOrigin:
    revision = resident.loaded.revision or spec.local.revision
    return AnswerOrigin(
        request=request,
        prompt=prompt,
        format_id=format.id,
        revision=revision,
        quantization=resident.key.quantization,
        load_seconds=resident.load_seconds,
        step=resident.steps[spec.id if spec.adapter else None],
    )


def _check_offered(spec: ModelSpec, base: ModelSpec, quantization: str) -> None:
    if quantization not in base.local.loading.quantizations:
        offered = ", ".join(base.local.loading.quantizations)
        raise BadRequest(
            "quantization-not-offered", model=spec.title, quantization=quantization, offered=offered
        )


def _ends(spec: ModelSpec, loaded: LoadedModel, stops: tuple[str, ...]) -> frozenset[int]:
    """The ids that end an answer. A stop string that is a token of its own ends it by id: special tokens
    are not decoded, so as text it would never be seen."""
    added = loaded.tokenizer.get_added_vocab()
    of_stops = {added[stop] for stop in stops if stop in added}
    return (frozenset(spec.local.eos_token_ids) or loaded.eos_token_ids) | of_stops


def build_local_engine(registry: Registry, settings: Settings) -> LocalEngine:
    """The engine of this process, on the device and within the budget that the settings name."""
    device = pick_device(settings.device)
    loop = DecodeLoop(device)
    budget = default_budget(device) if settings.memory_budget is None else settings.memory_budget
    steps = StepChooser(settings.step, StepProofs(settings.home / "steps.json"))
    pool = ModelPool(
        loop,
        budget,
        load_model,
        estimate,
        _fetch_adapter,
        settings.failed_load_seconds,
        steps,
        parking_on(device, settings.park_budget),
    )
    return LocalEngine(registry, pool, loop, settings.rows_per_model)


def _fetch_adapter(spec: ModelSpec, watch: LoadWatch) -> None:
    """What takes long about an adapter (its files, PEFT's import), before the decode loop has to wait."""
    files_of(spec, watch)
    importlib.import_module("peft")


def _tokens_at_most(request: AnswerRequest) -> int:
    """Not fewer tokens than the question will need, before there is a tokenizer to count with."""
    texts = [request.conversation.system, *request.choices]
    for turn in request.conversation.turns:
        texts += [turn.question, turn.input, turn.answer or ""]
    return sum(map(len, texts)) + 256 + request.settings.max_new_tokens


def _refuse(request: AnswerRequest, live: LiveAnswer, problem: NaraniError) -> None:
    if isinstance(problem, Stopped):
        live.finish(Answer(request.model_id, "", FinishReason.STOPPED, request.settings))
    else:
        live.fail(problem, request.settings)
