"""Where a question goes that was sent: to the models at once, or behind the answers that still run.

Knows: that nothing that runs is ended by it, that what was typed is kept whatever becomes of it, and that
every tab that looks on follows to the next answers.
Refuses to know: how anything is drawn, and how answers come about.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from comparison.going_on import going_on
from comparison.run import check_requests
from comparison.turns import TurnPicture, conversation
from dashboard import asking
from dashboard.asking import How, Question
from dashboard.compare.question_box import TypedQuestion
from dashboard.resources import Services
from dashboard.session import compare
from dashboard.session.owner import owner_id
from errors import NaraniError
from prompts.conversation import Conversation


def question(typed: TypedQuestion, how: How, picked: Sequence[str]) -> Question:
    """As everything is set and ticked now; that does not change while it waits."""
    return Question(
        typed.question,
        typed.input,
        tuple(picked),
        how,
        compare.quantizations(),
        typed.goes_on,
        compare.baseline(),
    )


def follow(services: Services) -> None:
    """To the run that came of what waited on this page, whichever tab sent it. Where Streamlit cuts a run of
    the page short between sending and this, the next one does it."""
    here = compare.run_id()
    came_of_it = services.waiting.went_to(here) if here is not None and compare.waited_at() == here else None
    if came_of_it is not None:
        compare.set_run_id(came_of_it)


def send(sent: Question | None, turns: Sequence[TurnPicture], services: Services) -> NaraniError | None:
    """Ask what was sent, or what has waited, if it can go now; or why it cannot be asked."""
    going = sent

    def ask(question: Question) -> str:
        nonlocal going
        going = question
        return _ask(question, turns, services)

    try:
        if sent is not None:
            check_requests(asking.requests(services.registry, sent, _alone(sent)))
        if turns:
            _in_line(sent, turns[-1], ask, services)
        elif sent is not None:
            compare.set_run_id(ask(sent))
    except NaraniError as error:
        if going is not None:
            compare.keep_unsent(going.text, going.input)
        return error
    if sent is not None:
        compare.forget_input()
        compare.drop_unsent(sent.text, sent.input)
    return None


def cancel(run_id: str, id: str, services: Services) -> None:
    cancelled = services.waiting.cancel(run_id, id)
    if cancelled is not None:
        compare.keep_unsent(cancelled.text, cancelled.input)


def _in_line(
    sent: Question | None, last: TurnPicture, ask: Callable[[Question], str], services: Services
) -> None:
    waiting = services.waiting
    if sent is not None:
        waiting.put(last.run_id, sent)
    if waiting.behind(last.run_id):
        compare.set_waited_at(last.run_id)
    if last.ended:
        waiting.send(last.run_id, ask)
        follow(services)


def _ask(question: Question, turns: Sequence[TurnPicture], services: Services) -> str:
    goes_on = question.goes_on and bool(turns)
    shown = _shown(question, turns, services) if goes_on else _alone(question)
    asks = asking.Asking(services.engine, services.runs, services.history, owner_id())
    requests = asking.requests(services.registry, question, shown)
    return asks.ask(requests, turns[-1].run_id if goes_on else None).id


def _alone(question: Question) -> dict[str, Conversation]:
    return dict.fromkeys(
        question.models, Conversation.ask(question.text, question.input, question.how.system)
    )


def _shown(question: Question, turns: Sequence[TurnPicture], services: Services) -> dict[str, Conversation]:
    """Whoever is asked now, not who was asked before; the whole conversation is only read where somebody
    missed a part of it."""
    there = {column.request.model_id for column in turns[-1].columns}
    if not there.issuperset(question.models):
        turns = conversation(services.runs, services.history, owner_id(), turns[-1].run_id, sys.maxsize)
    return going_on(
        turns,
        question.models,
        question.text,
        question.input,
        system=question.how.system,
        lender=question.lender,
    )
