"""What the page that asks does between its widgets and the services, and which turns stand on it.

Where a question goes that was sent is decided in sending.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import streamlit as st

from comparison.presets import GenerationChoice
from comparison.turns import TurnPicture, conversation, who_left
from dashboard.compare import sending
from dashboard.compare.asking_settings import set_asking
from dashboard.compare.measure_alone import measure_button, measured, measuring_at_work
from dashboard.compare.picked_answer import picked_of, whose
from dashboard.compare.question_box import ShownQuestion, examples, waiting_questions
from dashboard.compare.run_chart import run_chart
from dashboard.resources import Services
from dashboard.session import compare
from dashboard.session.owner import owner_id
from dashboard.session.settings import MOST_MODELS, preferences
from dashboard.shared.export import export_box
from dashboard.shared.hidden_names import names_switch, shown_actions, shown_titles, shown_turns
from dashboard.shared.model_choices import column_titles
from dashboard.shared.run_actions import attempts_read, column_actions_of, look_again, preset_of, stop_all
from dashboard.shared.turn import TICK, earlier_turn, turn_view
from dashboard.texts import Texts

_TURNS = 3
"""How many turns are drawn at once: a long conversation must not slow the newest answers down."""

_SECONDS_PER_WATCHED = 0.03
"""What each watched run adds to the time between two drawings, so that the models keep theirs."""

_DEMO_EXAMPLES = (
    "남한에서 가장 높은 산은 무엇인가요?",
    "백두산 꼭대기에 있는 호수는 무엇인가요?",
    "한반도에서 가장 긴 강은 어디인가요?",
)
_EXAMPLES = (
    "비 오는 날 집에서 할 만한 일을 세 가지 추천해 주세요.",
    "회의에 10분 늦는다는 문자를 정중하게 써 주세요.",
    "사과 5개를 셋이 똑같이 나누면 몇 개씩 갖고 몇 개가 남나요?",
)


def pick_defaults(services: Services) -> None:
    """Before anybody picked: those that the run in the address was asked of, or what the person prefers, or
    else the demo models, which need no download."""
    if compare.MODELS.picked() is not None:
        return
    models = services.registry.answerers
    demo = [spec.id for spec in models.values() if spec.demo and spec.adapter is None]
    preferred = preferences().models
    asked = [column.request for turn in turns(services)[-1:] for column in turn.columns]
    requests = [request for request in asked if request.model_id in models]
    wanted = [request.model_id for request in requests] or (demo if preferred is None else preferred)
    compare.MODELS.set_picked([model for model in dict.fromkeys(wanted) if model in models][:MOST_MODELS])
    if requests:
        how = services.asking.how_asked(requests)
        for model_id, quantization in how.quantizations.items():
            compare.MODELS.set_quantization(model_id, quantization)
        known = how.format_id in services.registry.formats.by_id
        set_asking(how if known else replace(how, format_id=None))


def default_choice() -> GenerationChoice:
    preferred = preferences()
    return GenerationChoice(preset=preferred.preset, max_new_tokens=preferred.max_new_tokens)


def still_there(picked: Sequence[str], services: Services) -> tuple[str, ...]:
    there = services.registry.answerers
    return tuple(model for model in picked if model in there)


def turns(services: Services) -> tuple[TurnPicture, ...]:
    run_id = compare.run_id()
    if run_id is None:
        return ()
    return conversation(services.runs, services.history, owner_id(), run_id, compare.shown_turns(_TURNS))


def say_how_to_begin(picked: Sequence[str], services: Services, texts: Texts) -> None:
    if compare.run_id() is not None:
        st.info(texts.compare["gone"], icon=":material/search_off:")
    # Toys are asked what they learned.
    toys = any(services.registry.models[model].demo for model in picked)
    examples(_DEMO_EXAMPLES if toys else _EXAMPLES, texts, enabled=bool(picked), toys=toys)


def draw_turns(turns: Sequence[TurnPicture], services: Services, texts: Texts) -> None:
    _top(turns, services, texts)
    asked, look = turns[-1], partial(_look, turns, services)
    shown = shown_turns(turns, asked)
    last = shown[-1]
    titles = shown_titles(last, column_titles(services.registry.models, texts))
    hidden = last.names_hidden
    left = [(), *(() if hidden else who_left(earlier, later) for earlier, later in pairwise(turns))]
    actions = column_actions_of(asked, services, _set_baseline, partial(_pick_answer, asked.run_id))
    for (turn, later), gone in zip(pairwise(shown), left, strict=False):
        earlier_turn(turn, titles, texts, gone, attempts_read(services, later), preset_of(services))
    turn_view(
        last,
        titles,
        texts,
        left=left[-1],
        actions=shown_actions(last, actions),
        baseline=compare.baseline(),
        look=None if last.ended else look,
        attempts=attempts_read(services),
        preset=preset_of(services),
        tick=max(TICK, _SECONDS_PER_WATCHED * services.runs.watched()),
    )
    if last.ended:
        _below(last, titles, services, texts)
    elif services.waiting.behind(last.run_id):
        _draw_waiting(asked, column_titles(services.registry.models, texts), services, texts)
    else:
        st.button(
            texts.compare["stop_all"],
            key=compare.STOP_ALL,
            icon=":material/stop_circle:",
            on_click=stop_all,
            args=(last.run_id, services),
        )


def _look(turns: Sequence[TurnPicture], services: Services) -> TurnPicture:
    """The last of them as it is now, as it is shown."""
    *before, last = turns
    return shown_turns([*before, look_again(last, services)], last)[-1]


def _below(turn: TurnPicture, titles: Mapping[str, str], services: Services, texts: Texts) -> None:
    """What can be made of answers that have ended."""
    if len(turn.columns) > 1 and not turn.names_hidden:
        charts = st.expander(
            texts.answer["charts"], icon=":material/bar_chart:", key="compare_charts", on_change="rerun"
        )
        if charts.open:
            with charts:
                _measured(turn, titles, services, texts)
    export_box(turn, services, texts, "compare_export")


def _measured(turn: TurnPicture, titles: Mapping[str, str], services: Services, texts: Texts) -> None:
    """Whether one is at work is seen once: it may end while the chart is drawn, whose figures came before."""
    look = partial(services.measurings.get, turn.run_id, owner_id())
    measuring = look()
    if measuring is not None and not measuring.ended:
        run_chart(turn, titles, texts)
        measuring_at_work(look, measuring.stop, titles, texts)
        return
    requests = {column.position: column.request for column in turn.columns}
    start = partial(services.measurings.start, owner_id(), turn.run_id, requests)
    run_chart(turn, titles, texts, measured(measuring))
    measure_button(measuring, start, titles, texts)


def _draw_waiting(turn: TurnPicture, titles: Mapping[str, str], services: Services, texts: Texts) -> None:
    """Stopping all is what sends the first of them."""
    run_id = turn.run_id
    waiting = [
        ShownQuestion(
            each.id,
            each.question.text,
            each.question.input,
            [titles.get(model_id, model_id) for model_id in each.question.models],
            whose(each.question.picked, [turn], titles, texts),
        )
        for each in services.waiting.behind(run_id)
    ]
    waiting_questions(
        waiting,
        cancel=partial(_cancel, run_id, services),
        send_now=partial(stop_all, run_id, services),
        texts=texts,
    )


def _cancel(run_id: str, services: Services, id: str) -> None:
    sending.cancel(run_id, id, services)


def _begin_anew(run_id: str, services: Services) -> None:
    """What still waits would go out unseen."""
    for waits in services.waiting.behind(run_id):
        sending.cancel(run_id, waits.id, services)
    compare.set_run_id(None)


def _top(turns: Sequence[TurnPicture], services: Services, texts: Texts) -> None:
    hidden = turns[0].earlier
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            texts.compare["new"],
            key=compare.NEW,
            icon=":material/add_comment:",
            type="tertiary",
            on_click=_begin_anew,
            args=(turns[-1].run_id, services),
        )
        if hidden:
            st.button(
                texts.compare["earlier"].format(count=hidden),
                key=compare.EARLIER,
                icon=":material/expand_less:",
                type="tertiary",
                on_click=compare.show_turns,
                args=(len(turns) + 10,),
            )
        names_switch(len(turns[-1].columns), texts)


def going_on_from(turns: Sequence[TurnPicture], services: Services, texts: Texts) -> str:
    """Whose answer all models go on with, where one was picked."""
    return whose(picked_of(turns), turns, column_titles(services.registry.models, texts), texts)


def _pick_answer(run_id: str, position: int, attempt: int) -> None:
    compare.set_picked_answer((run_id, position, attempt))


def _set_baseline(position: int) -> None:
    compare.set_baseline(None if compare.baseline() == position else position)
