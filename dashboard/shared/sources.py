"""What was searched for a question: why, with which words, and the numbered sources, opened in place.

Every word of a page is escaped here. A source leads to its page in a new tab, where its address is one of the
web; of an own document the path is read and leads nowhere.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from dashboard.errors import explain
from dashboard.shared.cited_html import Passage
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.texts import Texts
from search.records import Searched, SearchSource

_STYLE = Path(__file__).with_name("cited.css")
_LONGEST_TITLE = 200


def cited_style() -> None:
    """Once a page, before anything that is cited is drawn on it."""
    st.html(_STYLE)


def searched_part(searched: Searched, texts: Texts) -> None:
    """What stands below the question and before its answers."""
    words = texts.search
    cited_style()
    icon = ":material/search:" if searched.searched else ":material/search_off:"
    lines = [f"{icon} {explain(searched.why, texts)}"]
    if searched.queries:
        lines.append(queries_line(searched, texts))
    if searched.searched and not searched.sources:
        lines.append(words["no_sources"])
    st.caption("  \n".join(lines))
    if searched.sources:
        st.html(
            f'<div class="nr-sources">{"".join(source_card(each, texts) for each in searched.sources)}</div>'
        )
    if searched.problems:
        problems(searched, texts)


def queries_line(searched: Searched, texts: Texts) -> str:
    """Markdown: with which words it was searched."""
    queries = " · ".join(f"“{safe_text(query)}”" for query in searched.queries)
    return f"{texts.search['queries']} {queries}"


def problems(searched: Searched, texts: Texts) -> None:
    with st.expander(
        texts.search["problems"].format(count=len(searched.problems)),
        icon=":material/report:",
        type="compact",
    ):
        for problem in searched.problems:
            st.caption(explain(problem, texts))


def source_card(source: SearchSource, texts: Texts) -> str:
    start = f'<span class="nr-start"> · {_escaped(_one_line(source.passage))}</span>'
    return (
        f'<details class="nr-source"><summary><i>{source.n}</i>'
        f'<span class="nr-title">{title_of(source)}</span>'
        f'<span class="nr-facts">{facts_of(source, texts)}{start}</span></summary>'
        f"<blockquote>{_escaped(source.passage)}</blockquote>{_place(source, texts)}</details>"
    )


def passages_of(searched: Searched, texts: Texts) -> dict[int, Passage]:
    """What the citations of an answer open."""
    return {source.n: _passage(source, texts) for source in searched.sources}


def _passage(source: SearchSource, texts: Texts) -> Passage:
    head = f"<b>[{source.n}] {title_of(source)}</b><small>{facts_of(source, texts)}</small>"
    label = texts.search["citation"].format(n=source.n, title=_one_line(source.title))
    return Passage(head + _escaped(source.passage), whole_characters(label))


def title_of(source: SearchSource) -> str:
    return _escaped(_one_line(source.title) or source.url)


def facts_of(source: SearchSource, texts: Texts) -> str:
    page = "" if source.page is None else texts.search["page_of"].format(page=source.page)
    return _escaped(" · ".join(filter(None, (source.site, source.date, page))) or source.url)


def _place(source: SearchSource, texts: Texts) -> str:
    if not is_web_address(source.url):
        return f'<span class="nr-path">{_escaped(source.url)}</span>' if source.url else ""
    return (
        f'<a href="{_escaped(source.url)}" target="_blank" rel="noopener noreferrer nofollow">'
        f"{_escaped(source.url)}</a>"
    )


def is_web_address(url: str) -> bool:
    """Whether a browser may be sent there: http or https, a host, nothing that hides where it leads."""
    if any(sign <= " " or sign in '\\"<>^`{|}' for sign in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TITLE else f"{line[:_LONGEST_TITLE]}…"


def _escaped(text: str) -> str:
    return escape(whole_characters(text))
