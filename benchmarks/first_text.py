"""first-text: how many tokens pass between a character being whole and a reader seeing it.

Knows: the path of a token through a sequence into a live answer, and the longest wait on it.
Refuses to know: time; this counts, and comes out the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Tokens
from itertools import accumulate

from benchmarks.korean import RARE, ordinary, without_spaces
from benchmarks.networks import korean_tokenizer
from benchmarks.peers import PEERS
from benchmarks.rounds import Effort, Measured
from engines.base import AnswerRequest, LiveAnswer
from engines.sampling import SeededNumbers, TokenSampler
from engines.sequence import AnswerOrigin, Sequence
from engines.text_stream import TextStream
from prompts.catalog import load_formats
from prompts.conversation import Conversation

_TEXTS: dict[str, Callable[[], str]] = {
    "ordinary": ordinary,
    "without spaces": without_spaces,
    "rare": lambda: RARE * 4,
}


def measure(effort: Effort) -> Measured:
    """The longest wait of any character, in tokens."""
    longest, notes = [], []
    for name, text in _TEXTS.items():
        ids = korean_tokenizer().backend_tokenizer.encode(text(), add_special_tokens=False).ids
        ids = ids[: 2 * effort.tokens]
        whole = [_whole_characters(ids[: end + 1]) for end in range(len(ids))]
        longest.append(_longest_wait(whole, _seen_by_a_reader(ids)))
        waits = [
            f"{peer} {_longest_wait(whole, list(accumulate(map(len, stream(ids)))))}"
            for peer, stream in PEERS.items()
            if peer != "each token alone"
        ]
        notes.append(f"{name}: {longest[-1]} ({', '.join(waits)})")
    return Measured((float(max(longest)),), notes=tuple(notes))


def _seen_by_a_reader(ids: Tokens[int]) -> list[int]:
    """How many characters the live answer shows after each token."""
    request = AnswerRequest("one", Conversation.ask("?"))
    live = LiveAnswer("one")
    sequence = Sequence(
        origin=AnswerOrigin(request, "", "koalpaca", None, "none", None),
        live=live,
        prompt_ids=[],
        eos_token_ids=frozenset(),
        max_new_tokens=len(ids) + 1,
        sampler=TokenSampler(request.settings, SeededNumbers(0, "one", ""), []),
        stream=TextStream(korean_tokenizer().backend_tokenizer, load_formats().get("koalpaca").stop_strings),
        on_end=lambda: None,
    )
    seen = []
    for id in ids:
        sequence.take(id)
        seen.append(len(live.view().text))
    return seen


def _whole_characters(ids: Tokens[int]) -> int:
    text: str = korean_tokenizer().backend_tokenizer.decode(ids)
    return len(text.rstrip("\ufffd"))


def _longest_wait(whole: Tokens[int], seen: Tokens[int]) -> int:
    """Over all characters: tokens from the one that completed it to the one after which it was seen."""
    longest = shown_at = 0
    for complete_at, count in enumerate(whole):
        while shown_at < len(seen) and seen[shown_at] < count:
            shown_at += 1
        longest = max(longest, shown_at - complete_at)
    return longest
