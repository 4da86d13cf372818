"""What a report of a learning by rewards calls learned, and groups in which nothing can be compared.

Run: python -m pytest tests/finetune/rl/test_rl_reports.py
"""

from __future__ import annotations

import pytest

from errors import BadRequest
from finetune.rl.held_out import HeldOutAnswer, HeldOutAnswers, report_of, went_far
from finetune.rl.nothing_learned import Signs
from finetune.rl_settings import GrpoSettings, RlooSettings, RlSettings


def answers(*rewards: float | None) -> HeldOutAnswers:
    return HeldOutAnswers(tuple(HeldOutAnswer("?", "!", "!", reward, True) for reward in rewards))


@pytest.mark.parametrize(
    ("after", "learned"),
    [
        ((0.5, 0.5, 0.5, 0.5), True),
        ((1.0, 1.0, 0.0, 1.0), True),
        ((1.0, 0.0, 0.0, 0.0), False),
        ((1.0, 1.0, 0.0, 0.0), True),
        ((0.0, 0.0, 0.0, 0.0), False),
        ((None, None, None, None), False),
    ],
)
def test_a_rise_within_its_own_noise_is_not_called_learned(
    after: tuple[float | None, ...], learned: bool
) -> None:
    report = report_of(answers(0.0, 0.0, 0.0, 0.0), answers(*after), 1.0, None, {})
    assert report["learned"] is learned
    assert learned or report["why_facts"]["code"] == "rl-held-out-not-risen"


def test_a_rise_that_comes_by_chance_once_in_ten_times_is_not_called_learned() -> None:
    """1.6 standard errors: two of five questions."""
    report = report_of(answers(*[0.0] * 5), answers(1.0, 1.0, 0.0, 0.0, 0.0), 1.0, None, {})
    assert report["learned"] is False


@pytest.mark.parametrize(("kl", "warned"), [(None, False), (12.0, False), (21.3, True)])
def test_a_policy_far_from_its_reference_is_warned_of(kl: float | None, warned: bool) -> None:
    found = went_far(kl)
    assert (found is not None and "KL 21.3" in found) is warned


@pytest.mark.parametrize(
    ("endless", "ended", "code"),
    [(2, 0.0, "rl-never-ends"), (2, 0.5, "rl-held-out-not-risen"), (0, 0.0, "rl-held-out-not-risen")],
)
def test_a_run_too_short_to_be_broken_off_still_says_that_no_answer_ended(
    endless: int, ended: float, code: str
) -> None:
    report = report_of(answers(0.0), answers(0.0), 0.0, Signs(endless=endless).why_not(ended), {})
    assert report["why_facts"]["code"] == code


@pytest.mark.parametrize("kind", [GrpoSettings, RlooSettings])
def test_a_group_of_one_is_refused_where_answers_are_compared(kind: type[RlSettings]) -> None:
    with pytest.raises(BadRequest, match="group must lie between 2 and 1024"):
        kind(group=1)


def test_a_batch_of_broken_groups_is_blamed_on_the_group_that_was_named() -> None:
    with pytest.raises(BadRequest) as refused:
        GrpoSettings(batch=8, group=3, micro_batch=32)
    assert refused.value.code == "batch-not-groups"
