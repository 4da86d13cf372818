"""Whether a question needs a search, by rules alone: the first that holds decides and names the word it saw.

Knows: words and endings of Korean (and a little English), what of a question is a text that was handed in,
and which names and nouns an analyzer finds.
Refuses to know: modes, models, providers, and the utterances that the rules are measured on.

What is asked counts, not what is quoted: "번역해줘: 오늘 몇 시에 만날까요?" asks for a translation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from errors import Cause
from search.words import analyzer, normalized, nouns

_EITHER_END = 1000
"""Longer questions are looked at by their beginning and end: what is wanted stands there."""

_ADDRESS = re.compile(r"https?://[^\s\"'<>]+|www\.[^\s\"'<>]+")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|‘[^’]*’|「[^」]*」|(?<!\w)'[^']*'")
_COLON = re.compile(r"(?<=[^\W\d])\s?:\s")
_REQUEST_ENDS = re.compile(
    r"(?:줘|줘요|주세요|줄래|줄래요|주라|봐|해|하세요|해라|시오|까|까요|나요|어요|지|죠|좀|뭐야|이야|로"
    r"|[?:])[.!~\s]*$"
)
_LATIN = re.compile(r"(?<![A-Za-z',])[A-Za-z',]+(?: [A-Za-z',]+){3}")
"""A sentence in another language stands in the question as a text, quoted or not."""

_REWORK = re.compile(
    r"번역|요약|맞춤법|교정|첨삭|다듬|고쳐|바꿔|바꾸어|옮겨|줄여|핵심만|주제|반말|존댓말|반대말|공손"
    r"|자연스럽"
    r"|뭐라고|무슨 뜻|translate|summari[sz]e|rewrite|proofread"
)
_INTO_LANGUAGE = re.compile(
    r"(?:한국어|한글|영어|일본어|일어|중국어|프랑스어|불어|독일어|스페인어|러시아어|외국어)로"
)
_AS_LANGUAGE = re.compile(r"번역|옮|바꿔|하면|뭐라고|써|적어|로도|말해|로\s*[.?]?$")
_LAST_ANSWER = re.compile(r"방금|아까|위에서|네가 한 말|네 답|앞에서 (?:말|알려|설명)|이전 답")
_ANOTHER_WAY = re.compile(
    r"(?:더|다시|좀)\s*(?:더\s*)?(?:짧|쉽|간단|간결|공손|부드럽|써|적어|보여|말해|정리)|존댓말로|반말로"
    r"|번호 매겨"
)
_REQUESTED = re.compile(
    r"검색|찾아\s?(?:봐|보|줘|주|줄|서)|찾아$|출처|근거 (?:자료|링크|랑|와|도)|참고 ?자료|링크"
    r"|search for|look up|sources?\b"
)
_TEXT_KIND = re.compile(
    r"(?<!\w)시(?:를|나| 한 ?편| 하나| 좀| 써)|[이삼사]행시|동시 |시조 한|소설|동화|이야기|대본|가사"
    r"|일기|편지|문자|메일|초안"
    r"|문구|카피|슬로건|건배사|인사말?|축사|자기소개|소개글|홍보|안내문|초대장|별명|(?:팀|가게|강아지"
    r"|고양이) ?이름|제목"
    r"|문장|아이디어|질문 |말투|끝말잇기|예문|속담처럼|진행 순서|수수께끼|농담|poem|story|essay"
)
_MAKE = re.compile(
    r"써|쓰고|적어|지어|만들|작성|추천|뽑|내 ?줘|내 ?줄|짜|해 ?줘|하자|해 ?봐|부탁|개만|도와|write|make"
)
_AS_IT_STANDS = re.compile(r"전문|원문|실제|역사적|유래|줄거리|작가|누가")
_ROLE = re.compile(
    r"역할극|역할을|척 ?해|인 척|끝말잇기|스무고개|상상해|(?:너는|넌|당신은) (?:이제|지금부터"
    r"|.{1,20}(?:이야|야|다)$)"
)
_CODE = re.compile(
    r"```|\w\([^)]{0,80}\):|\bdef |\bimport |\bfor \w+ in\b|[A-Z]\w+Error\b|SELECT .{1,80} FROM|=>"
    r"|console\.log|printf?\("
    r"|코드|함수|알고리즘|정규식|쿼리|스크립트|컴파일|리팩터|디버그|디버깅|클래스를|메서드"
)
_CODE_WANTED = re.compile(r"짜|구현|작성|만들|예제|예시|고쳐|설명|왜|법|출력|리뷰|보여|바꿔|써|뒤집")
_SUM = re.compile(
    r"\d\s*[+*×÷^=]\s*-?\d|\d\s[-/]\s\d|\d\s*x\s*\d|곱하기|더하기|빼기|나누기|더하면|곱하면|빼면|나누면"
    r"|제곱근|제곱은|루트"
    r"|방정식|미분|적분|소인수|공약수|공배수|계산해|[xy] ?(?:를|값을)? ?구해|시속 ?\d"
    r"|\d\s*(?:원|만원|개|명)?의 \d[\d.]*\s*(?:퍼센트|프로|%)"
)
_OF_TODAY = re.compile(r"환율|달러|엔화|유로|위안|시세|세율|연봉|실수령|대출|요율")
_TO_CHAT = re.compile(
    r"안녕|반갑|반가워|ㅎㅇ|하이|좋은 (?:아침|하루|밤|저녁)|굿모닝|잘 ?(?:자|가|지내|지냈|부탁)|오랜만"
    r"|여보세요|고마|고맙|감사|ㄱㅅ|땡큐|덕분"
    r"|수고|미안|죄송|이해했|이해됐|알겠|알았|오케이|ㅇㅋ|그렇구나|ㅋㅋ|ㅎㅎ|ㅠ|ㅜ|심심|배고프|배고파"
    r"|졸려|피곤|힘들|슬프|슬퍼|우울|외로|짜증"
    r"|속상|기쁘|행복해|신난다|떨어졌|기분|뭐 ?해\?*$|뭐하니|뭐 하고|사랑해|답이 안|hello|hi\b|thanks"
    r"|thank you"
)
_PERSON_ASKED = re.compile(
    r"(?:^|\s)(?:너|넌|너는|너도|너의|네가|니가|네|너희|당신|당신은|너랑|나랑|내 말)(?=\s|$|[?,])"
    r"|너(?:한테|에게|를)"
)
_OPINION = re.compile(
    r"해야 ?할 ?까|(?:말|갈|볼|살|먹을|입을|좋을|행복할) ?까|뭐 ?먹지|뭐가 더 (?:좋|나)|더 좋아"
    r"|좋아해\??$|어떻게 하면|어떻게 해(?:\s|\?|$)|고민|생각해 ?보|습관|목표|싫을 때|모르겠|시작해야|네 생각"
    r"|의견|어떻게 생각|골라 ?줘|위로(?:해|의 말| 좀)|응원|조언"
)
_TIME = re.compile(
    r"오늘|내일|모레|어제|그저께|지금|현재|최신|최근|요즘|요새|올해|작년|내년|금년|이번|지난 ?(?:주|달"
    r"|해|번)|다음 ?(?:주|달)|방금 나온|실시간|새로 나온"
    r"|주말에|뉴스|속보|날씨|환율|주가|시세|종가|개봉|출시|일정|결과|순위|버전|(?:19|20)\d\d ?년|(?:19"
    r"|20)\d\d[-.]\d|\d월 ?\d+일|\d일 ?기준|today|latest|current|news"
)
_QUESTION = re.compile(
    r"누구|누가|누군|누굴|언제|어디|어느|몇|얼마|얼만|무엇|무슨|뭔|뭐|왜|어떤|어떻|어떡|며칠|어째서"
    r"|궁금|인가|나요|까\?|까요|냐\?|지\?|죠"
    r"|\b(?:who|when|where|which|what|why|how)\b"
)
_TOLD = re.compile(
    r"알려|설명|정리|소개|비교|말해|가르쳐|나열|정의|요약|표로|차이|방법|절차|기준|조건|규정|규칙|기간"
    r"|기한|신청|tell me|explain"
)
_GOES_ON = re.compile(
    r"^(?:그럼|그러면|그리고|또|그래서|그런데|근데|그건|그게|그거|거기|그곳|그 |이건|이거|이 |저건)"
    r"|(?:은|는|도|요)\?+$"
)


@dataclass(frozen=True)
class RuleVerdict:
    """What the rules say; `why` names the word that decided."""

    searched: bool
    why: Cause


def verdict_of_rules(question: str, earlier_question: str = "") -> RuleVerdict | None:
    """None where no rule holds: a doubt, which whoever asks has to settle."""
    text = _both_ends(normalized(question).strip())
    asked, given = _asked_and_given(text)
    names = tuple(_names(asked))
    verdict = _handed_in(text, asked, given, bool(earlier_question))
    return verdict or _not_to_be_found(text, asked, names) or _to_be_found(asked, names, earlier_question)


def _handed_in(text: str, asked: str, given: bool, goes_on: bool) -> RuleVerdict | None:
    """What is about a text or an address in the question, or about the answer before it."""
    if found := _ADDRESS.search(asked):
        return RuleVerdict(True, Cause("search-why-address", word=_shown(found)))
    if (found := _REWORK.search(asked)) and (given or _LATIN.search(asked)):
        return RuleVerdict(False, Cause("search-why-not-given-text", word=_shown(found)))
    if (found := _INTO_LANGUAGE.search(asked)) and _AS_LANGUAGE.search(asked):
        return RuleVerdict(False, Cause("search-why-not-given-text", word=_shown(found)))
    if found := _REQUESTED.search(asked):
        return RuleVerdict(True, Cause("search-why-requested", word=_shown(found)))
    if goes_on and (found := _LAST_ANSWER.search(asked) or _ANOTHER_WAY.search(asked)):
        return RuleVerdict(False, Cause("search-why-not-last-answer", word=_shown(found)))
    return None


def _not_to_be_found(text: str, asked: str, names: tuple[str, ...]) -> RuleVerdict | None:
    """What no source could help with: a text to be made, a sum, talk, an opinion."""
    if (found := _CODE.search(text)) and _CODE_WANTED.search(asked):
        return RuleVerdict(False, Cause("search-why-not-code", word=_shown(found)))
    made = _TEXT_KIND.search(asked)
    wanted = made and (_MAKE.search(asked) or made.end() == len(asked))
    if (found := _ROLE.search(asked) or (made if wanted else None)) and not _AS_IT_STANDS.search(asked):
        return RuleVerdict(False, Cause("search-why-not-writing", word=_shown(found)))
    if (found := _SUM.search(text)) and not names and not _OF_TODAY.search(asked):
        return RuleVerdict(False, Cause("search-why-not-sum", word=_shown(found)))
    if names:
        return None
    if found := _OPINION.search(asked):
        return RuleVerdict(False, Cause("search-why-not-opinion", word=_shown(found)))
    if (found := _PERSON_ASKED.search(asked) or _TO_CHAT.search(asked)) and not _asks_besides(asked):
        return RuleVerdict(False, Cause("search-why-not-chat", word=_shown(found)))
    return None


def _asks_besides(asked: str) -> bool:
    """Whether something is asked behind a greeting or thanks."""
    rest = _TO_CHAT.sub(" ", asked)
    return bool(_QUESTION.search(rest) or "?" in rest) and len(nouns(rest)) > 1


def _to_be_found(asked: str, names: tuple[str, ...], earlier_question: str) -> RuleVerdict | None:
    if found := _TIME.search(asked):
        return RuleVerdict(True, Cause("search-why-time", word=_shown(found)))
    if found := _QUESTION.search(asked) or _TOLD.search(asked):
        return RuleVerdict(True, Cause("search-why-question", word=_shown(found)))
    if names:
        return RuleVerdict(True, Cause("search-why-name", word=names[0]))
    if keywords := _keywords(asked):
        return RuleVerdict(True, Cause("search-why-keywords", word=keywords))
    if earlier_question and (found := _GOES_ON.search(asked)):
        return RuleVerdict(True, Cause("search-why-goes-on", word=_shown(found)))
    return None


def _both_ends(text: str) -> str:
    return text if len(text) <= 2 * _EITHER_END else f"{text[:_EITHER_END]}\n{text[-_EITHER_END:]}"


def _asked_and_given(text: str) -> tuple[str, bool]:
    """What is asked, without what it is asked about, and whether there was such a text."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    asking = next((line for line in (lines[0], lines[-1]) if _REQUEST_ENDS.search(line)), lines[0])
    asked = _COLON.split(_QUOTED.sub(" ", asking), maxsplit=1)[0]
    whole = " ".join(lines)
    return asked.strip() or whole, len(asked.strip()) < len(whole)


def _keywords(asked: str) -> str:
    """The words where nothing else was said, as in a search box; empty where it is a sentence."""
    tags = [token.tag for token in analyzer().tokenize(asked) if not token.tag.startswith("S")]
    is_list = len(tags) > 1 and tags[-1].startswith("NN") and sum(tag.startswith("NN") for tag in tags) > 1
    return asked if is_list and not any(tag.startswith("E") for tag in tags) else ""


def _names(asked: str) -> list[str]:
    return [token.form for token in analyzer().tokenize(asked) if token.tag == "NNP"]


def _shown(found: re.Match[str]) -> str:
    return found[0].strip()
