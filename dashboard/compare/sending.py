"""Where a question goes that was sent: to the models at once, or behind the answers that still run.

Knows: that nothing that runs is ended by it, that what was typed is kept whatever becomes of it, and that
every tab that looks on follows to the next answers.
Refuses to know: how anything is drawn, and how answers come about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from comparison.asking import HowToAnswer, SentQuestion
from comparison.turns import TurnPicture
from dashboard.compare.picked_answer import picked_of
from dashboard.compare.question_box import TypedQuestion
from dashboard.resources import Services
from dashboard.session import compare
from dashboard.session.owner import owner_id
from errors import NaraniError


def question(
    typed: TypedQuestion, how: HowToAnswer, picked: Sequence[str], turns: Sequence[TurnPicture]
) -> SentQuestion:
    """As everything is set and ticked now; that does not change while it waits."""
    return SentQuestion(
        typed.question,
        typed.input,
        tuple(picked),
        replace(how, quantizations=compare.MODELS.quantizations()),
        typed.goes_on,
        compare.baseline(),
        picked_of(turns),
    )


def follow(services: Services) -> None:
    """To the run that came of what waited on this page, whichever tab sent it. Where Streamlit cuts a run of
    the page short between sending and this, the next one does it."""
    here = compare.run_id()
    came_of_it = services.waiting.went_to(here) if here is not None and compare.waited_at() == here else None
    if came_of_it is not None:
        compare.set_run_id(came_of_it)


def send(sent: SentQuestion | None, turns: Sequence[TurnPicture], services: Services) -> NaraniError | None:
    """Ask what was sent, or what has waited, if it can go now; or why it cannot be asked."""
    going = sent

    def ask(question: SentQuestion) -> str:
        nonlocal going
        going = question
        return services.asking.ask(owner_id(), question, turns).id

    try:
        if sent is not None:
            services.asking.check(sent)
        if turns:
            _in_line(sent, turns[-1], ask, services)
        elif sent is not None:
            compare.set_run_id(ask(sent))
    except NaraniError as error:
        _keep(going, turns)
        return error
    if sent is not None:
        compare.forget_input()
        compare.set_picked_answer(None)
        compare.TYPED.drop_unsent(sent.text, sent.input)
    return None


def _keep(refused: SentQuestion | None, turns: Sequence[TurnPicture]) -> None:
    if refused is not None:
        compare.TYPED.keep_unsent(refused.text, refused.input)
    if not turns:  # an answer that was to be gone on with is gone, and said to be
        compare.set_picked_answer(None)


def cancel(run_id: str, id: str, services: Services) -> None:
    """Kept before it is taken out of the line: Streamlit may end a callback at any touch of the session."""
    for waits in services.waiting.behind(run_id):
        if waits.id == id:
            compare.TYPED.keep_unsent(waits.question.text, waits.question.input)
            if services.waiting.cancel(run_id, id) is None:
                compare.TYPED.drop_unsent(waits.question.text, waits.question.input)


def _in_line(
    sent: SentQuestion | None, last: TurnPicture, ask: Callable[[SentQuestion], str], services: Services
) -> None:
    waiting = services.waiting
    if sent is not None:
        waiting.put(last.run_id, sent)
    if waiting.behind(last.run_id):
        compare.set_waited_at(last.run_id)
    if last.ended:
        waiting.send(last.run_id, ask)
        follow(services)
