"""Every hostile answer, drawn with the dashboard's own components in each place where such a text can come.

Knows: the places; `?place=` chooses one, `?port=` is the attacker's.
Refuses to know: who looks. Run by test_hostile_answers.py with `streamlit run`.
"""

from __future__ import annotations

import streamlit as st

from dashboard.shared.answer_text import answer_text, word_difference
from dashboard.shared.safe_text import safe_text
from dashboard.texts import read_chosen
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

texts = read_chosen()
place = st.query_params["place"]
hostiles = [hostile(payload, int(st.query_params["port"])) for payload in HOSTILE]

for number, text in enumerate(hostiles):
    with st.container(key=f"hostile_{number}"):
        if place == "answer":
            answer_text(text, texts)
        elif place == "difference":
            word_difference(hostiles[number - 1], text, texts)
        elif place == "elsewhere":
            st.text(text)
            st.title(safe_text(text), anchor=False)
            st.expander(safe_text(text))
        elif place == "unguarded":
            st.markdown(text)
if place == "friendly":
    answer_text(FRIENDLY, texts)
st.caption("drawn")
