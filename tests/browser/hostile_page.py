"""Every hostile answer, drawn with the dashboard's own components in each place where such a text can come.

Knows: the places; `?place=` chooses one, `?port=` is the attacker's.
Refuses to know: who looks. Run by test_hostile_answers.py with `streamlit run`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from comparison.turns import ColumnPicture, TurnPicture
from dashboard.shared.answer_text import answer_text, marked_difference
from dashboard.shared.checked_answer import drawing_of, support_line, support_table
from dashboard.shared.safe_text import safe_text
from dashboard.shared.sources import searched_part
from dashboard.texts import read_chosen
from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings
from errors import Cause
from prompts.conversation import Conversation
from search.answer_extras import INVENTED_ADDRESS, AnswerFlag, CheckedAnswer
from search.citations.verdicts import CheckedSentence, Reason, Verdict
from search.records import ROOM, Searched, SearchSource
from tests.dashboard.hostile_answers import HOSTILE, hostile

FRIENDLY = """# 요약
**"서울"**은 *큰* 도시, **(주)나란히**의 ~~마을~~ `:material/home:` `a:smile:` :material_home: :streamlit:
둘째 줄 -> 12:30:45 -- a@b.kr https://naver.com입니다 :100:

- 가
  - **나**다
1. 다

> 라

| 마 | 바 |
|--|--:|
| `a\\|b` | **"사"**와 |

```python
icon = ":material/home:"
```
"""
"""What Streamlit would read more into, and what it must go on reading."""
FORMULAS = """피보나치 수 $F(n)$은 $5에서 $10, US$5, $HOME/$USER와 다르고
**$x^2$**, \\(y_1\\)5, $$E=mc^2$$입니다.

$$
\\begin{aligned} F(n) &= F(n-1) + F(n-2) + F(n-1) + F(n-2) + F(n-1) + F(n-2) + F(n-1) \\\\
F(0) &= 0 \\end{aligned}
$$

1. 넓이는
   \\[ S = \\pi r^2 \\]

| 식 | 값 |
|---|---|
| $\\frac{거리}{시간}$ | $\\text{속도}$ |

$\\href{https://a.kr}{z}$

```python
x = "파이썬"
```
```파이썬
def f(): return 1
```
```c++
int main() { return 0; }
```
```js
const a = "b";
```
```sh
echo "안녕"
```
```C#
var a = "b";
```
"""
"""Formulas that are drawn, one that is not, prices, and languages as models name them."""


def draw_cited(text: str) -> None:
    """Everything of a search is the stranger's: page, answer, and what could not be read."""
    problem = Cause("search-page-failed", address=text, why=text)
    source = SearchSource(1, text, text, text, text, text)
    searched = Searched(text, True, Cause("search-why-always"), text, (text,), (source,), (problem,))
    sentence = CheckedSentence(text, (1,), Verdict.UNSUPPORTED, Reason.NEGATED)
    room = CheckedAnswer(searched, (sentence,), (AnswerFlag(INVENTED_ADDRESS, text),)).as_json()
    said = f"{text}\n\n사실입니다 [1]."
    answer = Answer(text, said, FinishReason.EOS, GenerationSettings(), extras={ROOM: room})
    searched_part(searched, texts)
    drawing_of(answer, text, texts)(said, texts)
    support_line(answer, texts)
    request = AnswerRequest(text, Conversation.ask("질문"))
    columns = tuple(ColumnPicture(at, 1, request, "done", said, answer=answer) for at in (0, 1))
    support_table(TurnPicture("run", datetime.now(UTC), text, "", "", columns, 0), {}, texts)


texts = read_chosen()
place = st.query_params["place"]
hostiles = [hostile(payload, int(st.query_params["port"])) for payload in HOSTILE]

for number, text in enumerate(hostiles):
    with st.container(key=f"hostile_{number}"):
        if place == "answer":
            answer_text(text, texts)
        elif place == "difference":
            marked_difference(hostiles[number - 1], text, texts)
        elif place == "elsewhere":
            st.text(text)
            st.title(safe_text(text), anchor=False)
            st.expander(safe_text(text))
        elif place == "cited":
            draw_cited(text)
        elif place == "unguarded":
            st.markdown(text)
if place == "friendly":
    answer_text(FRIENDLY, texts)
if place == "formulas":
    answer_text(FORMULAS, texts)
st.caption("drawn")
