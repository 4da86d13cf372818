"""A reward model's score of the answers of others: asked for with a question, stored with each answer.

Who scores stands in the extras of the request, so that a column that is asked again and a batch that goes on
are scored alike. An answer is on disk before its score is asked for; a score that fails costs a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from comparison.run import submit
from engines.base import SCORES, Answer, AnswerRequest, Engine, FinishReason, GenerationSettings, LiveAnswer
from errors import Cause, EngineDown
from prompts.thinking import thinking_and_answer

REWARD = "reward"
"""In a request's extras: the model that is to score. In an answer's: its score, by the id of that model."""
PROBLEM = "reward_problem"
"""In an answer's extras: why it has no score."""
_UNSCORED = (FinishReason.FAILED, FinishReason.STOPPED)


def score_wish(model_id: str | None) -> dict[str, object]:
    """The extras of a request whose answer is to be scored by that model."""
    return {REWARD: {"model": model_id}} if model_id else {}


def scorer_of(request: AnswerRequest) -> str | None:
    wish = request.extras.get(REWARD)
    return str(wish["model"]) if isinstance(wish, Mapping) and wish.get("model") else None


def score_of(extras: Mapping[str, object]) -> tuple[str, float] | None:
    """The model that scored an answer, and its score."""
    found = extras.get(REWARD)
    return next(iter(found.items()), None) if isinstance(found, Mapping) else None


def score_problem(extras: Mapping[str, object]) -> Cause | None:
    """Why an answer that was to be scored was not."""
    found = extras.get(PROBLEM)
    return Cause.from_json(dict(found)) if isinstance(found, Mapping) else None


def lacks_score(request: AnswerRequest, answer: Answer) -> bool:
    if scorer_of(request) is None or answer.finish_reason in _UNSCORED or not _said(answer):
        return False
    return REWARD not in answer.extras and PROBLEM not in answer.extras


def _said(answer: Answer) -> str:
    """Its thinking is not scored."""
    return thinking_and_answer(answer.text, answer.prompt).answer


def score_request(request: AnswerRequest, answer: Answer) -> AnswerRequest:
    """The question to the reward model; an answer that reached its length is read as one that broke off."""
    return AnswerRequest(
        model_id=scorer_of(request) or "",
        conversation=request.conversation,
        settings=GenerationSettings(max_new_tokens=1),
        choices=(_said(answer),),
        cut=answer.finish_reason is FinishReason.LENGTH,
    )


def with_score(answer: Answer, judged: Answer) -> Answer:
    """`judged`: what the reward model came to. Where it was stopped the answer stays without a score."""
    scores = judged.extras.get(SCORES)
    if isinstance(scores, Mapping):
        return replace(answer, extras={**answer.extras, REWARD: {judged.model_id: scores[_said(answer)]}})
    if judged.cause is None or judged.error_code == EngineDown.category:
        return answer
    return replace(answer, extras={**answer.extras, PROBLEM: judged.cause.as_json()})


def scored(engine: Engine, request: AnswerRequest, answer: Answer, asked: LiveAnswer) -> Answer:
    """The answer with its score, once that is there. Who stops what was `asked` stops the scoring too."""
    question = score_request(request, answer)
    live = LiveAnswer(question.model_id)
    asked.when_stopped(live.ask_to_stop)
    submit(engine, question, live)
    live.wait()
    judged = live.view().answer
    return answer if judged is None else with_score(answer, judged)
