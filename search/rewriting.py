"""What a provider is asked for a question: its own words, with the nouns of what it goes on from.

Knows: when a question cannot be understood without the one before it, and how long a query may be.
Refuses to know: providers, models, and whether there is a search at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from search.words import analyzer, normalized

_LONGEST_QUERY = 100
"""In characters; every provider takes so many, and more words find less."""
_LONGEST_READ = 2000
_MOST_TURNS = 3
"""So far back a conversation is followed."""
_POINTS_BACK = re.compile(
    r"(?<!\w)(?:그|이|저|그런|이런) ?"
    r"(?:사람|분|곳|것|때|산|섬|절|책|왕|나라|도시|회사|기관|사건|전쟁|작품|제도|법|규정|그림|시기|모델"
    r"|건물|노래|영화)"
    r"(?:은|는|이|가|을|를|의|에|에서|도|과|와|랑|들)?(?!\w)"
    r"|(?<!\w)(?:거기|여기|저기|그건|이건|저건|그게|이게|그걸|이걸|그거|이거|그녀|그들|걔)(?:서|는|은"
    r"|의|도|에|에서)?(?!\w)"
    r"|(?<!\w)그(?:는|가|의|를)(?!\w)|(?<!\w)(?:위|앞)의 "
)
_GOES_ON = re.compile(
    r"^(?:(?:네|응|아|오|고마워|감사합니다|고맙습니다)[,.! ]+)*"
    r"(?:그럼|그러면|그리고|그래서|그런데|근데|또|아니면)(?!\w)"
)
_ASKED_FOR = re.compile(
    r"(?<!\s)(?:\s*(?:좀|한번|다시|자세히|쉽게|간단히|간단하게|빨리))*\s*"
    r"(?:(?:검색|설명|정리|소개|요약)(?:을|를)?(?: ?좀)?|찾아|알아|알려|말해|가르쳐|보여)\s?"
    r"(?:해|봐|보아)?\s?(?:줘요|줘|주세요|주십시오|줄래요|줄래|주라|주시겠어요|주실래요|봐|봐요"
    r"|하세요)?[.!?~\s]*$"
)
_NAME = "NNP"
_NOUNS = ("NNG", _NAME, "SL", "SH", "SN", "NR")
_EMPTY_NOUNS = {
    *(
        "것",
        "수",
        "등",
        "때",
        "중",
        "곳",
        "뭐",
        "무엇",
        "누구",
        "언제",
        "어디",
        "얼마",
        "여기",
        "거기",
        "저기",
        "그것",
        "이것",
    ),
    *("그거", "이거", "그곳", "이곳", "그때", "사람", "설명", "정리", "소개", "요약", "검색", "예", "답"),
}
"""They stand in every question and find nothing."""


@dataclass(frozen=True)
class _Noun:
    form: str
    is_name: bool


def queries_for(question: str, earlier_questions: Sequence[str] = ()) -> tuple[str, ...]:
    """What to search for; nothing where the question holds no word. A question that stands by itself stays as
    it is, but for the words that only ask for an answer."""
    own = _without_request(_read(question))
    if not own:
        return ()
    nouns = _nouns(own)
    added = [
        noun for noun in _carried(own, nouns, earlier_questions) if noun.casefold() not in own.casefold()
    ]
    if not added:
        return (_shortened(own, nouns),)
    rest = " ".join(_POINTS_BACK.sub(" ", _GOES_ON.sub("", own)).split()).strip(" ,")
    return (_cut(" ".join((*dict.fromkeys(added), rest)).strip()),)


def _carried(own: str, nouns: list[_Noun], earlier_questions: Sequence[str]) -> list[str]:
    """The nouns that the question takes from those before it. One that puts another name in the place of the
    first ("그럼 부산은?") leaves that first name behind; one that points back at it keeps it."""
    earlier = list(earlier_questions[-_MOST_TURNS:])
    points_back = bool(_POINTS_BACK.search(own))
    names = any(noun.is_name for noun in nouns)
    goes_on = bool(_GOES_ON.search(own))
    is_short = not names and len(nouns) <= 2 and len(own) <= 20
    if not earlier or not (points_back or goes_on or is_short):
        return []
    before = _without_request(_read(earlier[-1]))
    of_before = _nouns(before)
    carried = [*_carried(before, of_before, earlier[:-1]), *_forms(of_before, leave_names=False)]
    if names and not points_back:
        left = set(_forms(of_before, leave_names=False)) - set(_forms(of_before, leave_names=True))
        carried = [noun for noun in carried if noun not in left]
    return list(dict.fromkeys(carried))


def _forms(nouns: list[_Noun], leave_names: bool) -> list[str]:
    return [noun.form for noun in nouns if not (leave_names and noun.is_name)]


def _nouns(text: str) -> list[_Noun]:
    return [
        _Noun(token.form, token.tag == _NAME)
        for token in analyzer().tokenize(text)
        if token.tag in _NOUNS and token.form not in _EMPTY_NOUNS
    ]


def _read(question: str) -> str:
    """The beginning of what was asked, and its end where it is long: there stands what is wanted."""
    text = " ".join(normalized(question).split())
    half = _LONGEST_READ // 2
    return text if len(text) <= _LONGEST_READ else f"{text[:half]} {text[-half:]}"


def _without_request(text: str) -> str:
    """Without "찾아 줘" and its like at the end, unless nothing else was said."""
    found = _ASKED_FOR.search(text[-60:])
    rest = text[: max(0, len(text) - 60) + found.start()].strip() if found else text
    return rest or text


def _shortened(text: str, nouns: list[_Noun]) -> str:
    """A question that is too long to be searched for is searched for by the nouns it says most often."""
    if len(text) <= _LONGEST_QUERY or not nouns:
        return _cut(text)
    return _cut(" ".join(form for form, _ in Counter(_forms(nouns, leave_names=False)).most_common()))


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_QUERY:
        return text
    return text[: _LONGEST_QUERY + 1].rsplit(" ", 1)[0][:_LONGEST_QUERY]
