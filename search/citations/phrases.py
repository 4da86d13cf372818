"""Sentences that need no source: greetings, announcements, questions, and that the sources lack it."""

from __future__ import annotations

import re

_WORD = re.compile(r"[가-힣A-Za-z0-9]")
_LIST_OF_SOURCES = re.compile(
    r"^[\s:*_-]*(?:(?:참고\s?)?(?:출처|자료|문헌)|sources?|references?)[\s:*_-]*$", re.IGNORECASE
)
_GREETING = re.compile(
    r"(?:안녕하|반갑|감사합니다|고맙습니다|[네예][,.!]|[네예]$|물론(?:입니다|이죠)|좋은 질문|알겠습니다"
    r"|죄송|도움이 되|더 궁금|궁금한 점|추가로 궁금|답변드리|(?:요약|정리)하(?:면|자면)[,. ]*$"
    r"|hello|hi[,.! ]|sure|thank|of course|i hope|let me)",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(r"(?:다음|아래)[과와] 같(?:습니다|다|아요|이)[^가-힣]*$")
_LONGEST_GREETING = 60
_LACKS = "|".join(
    (
        "찾지 못|찾을 수 없|확인할 수 없|확인되지 않|알 수 없|나와 있지 않|나오지 않",
        "들어 있지 않|담겨 있지 않",
        "포함되어 있지 않|포함되지 않|포함하지 않|언급되어 있지 않|언급되지 않|언급하지 않",
        "제공되지 않|제공하지 않|실려 있지 않|적혀 있지 않|나타나지 않|다루지 않|다루고 있지 않",
    )
)
_ABSTAINS = re.compile(
    rf"(?:출처|자료|문서|문맥|정보|본문|내용|지문|답|기록|언급)[^.\n]{{0,60}}?(?:{_LACKS})"
    r"|(?:정보|내용|답|언급|설명|기록|자료|출처)[이가은는도]? ?(?:전혀 |따로 )?없(?:습니다|다|어요|음|네요)"
    r"|(?:sources?|passages?|documents?)\b[^.\n]{0,40}?\b(?:do(?:es)? not|don't|doesn't|did not)\b"
    r"[^.\n]{0,20}?(?:contain|mention|say|hold|provide|answer)"
    r"|(?:could not|cannot|can't) (?:find|be found|be answered)[^.\n]{0,40}?(?:source|passage|document)",
    re.IGNORECASE,
)


def abstains(sentence: str) -> bool:
    """Whether it says that the sources do not hold the answer."""
    return bool(_ABSTAINS.search(sentence[:600]))


def states_nothing(sentence: str) -> bool:
    """Whether there is nothing in it that a source could hold or lack."""
    if len(_WORD.findall(sentence[:200])) < 2:
        return True
    if sentence.endswith(("?", "？", ":", "：")) or _LIST_OF_SOURCES.match(sentence[:80]):
        return True
    if len(sentence) > _LONGEST_GREETING or any(letter.isdigit() for letter in sentence):
        return False
    return bool(_GREETING.match(sentence) or _ANNOUNCES.search(sentence))
