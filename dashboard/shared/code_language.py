"""The languages of code as models name them, and as the highlighter does; apart, because it is a list."""

from __future__ import annotations

import re

_DRAWN = {"mermaid", "math"}
"""Languages of a fence that are drawn as pictures, where a picture can fetch."""
_NAMES = {
    "bash": "console terminal zsh ksh fish cmdline 셸 쉘 배시 터미널 명령어",
    "c": "c언어 c99 c11 c17 h",
    "cpp": "c++ cc cxx hpp c++11 c++14 c++17 c++20 c++23 cuda cu 씨플플",
    "csharp": "c# csharp",
    "css": "postcss",
    "diff": "patch",
    "docker": "containerfile",
    "fsharp": "f#",
    "html": "vue svelte jinja2 html5",
    "java": "자바",
    "javascript": "javascriptreact node nodejs node.js mjs cjs es6 자바스크립트",
    "json": "jsonc jsonl ndjson json5",
    "kotlin": "코틀린",
    "latex": "katex",
    "makefile": "make mk",
    "objectivec": "objective-c obj-c",
    "powershell": "ps1 pwsh ps",
    "properties": "env dotenv conf",
    "python": "python2 python3 py3 pyi ipython jupyter 파이썬",
    "r": "rscript",
    "rust": "rs 러스트",
    "sql": "mysql postgres postgresql sqlite mariadb tsql mssql oracle",
    "typescript": "typescriptreact mts cts 타입스크립트",
    "visual-basic": "vba vb6",
    "go": "golang",
    "vim": "vimscript viml",
    "": "text txt plain plaintext output result none 텍스트 출력 결과",
}
_KNOWN = {name: language or None for language, names in _NAMES.items() for name in names.split()}
_FIRST = re.compile(r"[^\s{},:;]{1,30}(?![^\s{},:;])")
"""`python title="a.py"`, `js{1,3}`, `python:main.py`: the language is the first of it."""


def known_language(info: str) -> str | None:
    """Of what stands behind a fence; None where it names none, or one that is drawn and not shown."""
    found = _FIRST.match(info.strip().lstrip("{."))
    name = found[0].lower() if found else ""
    if name in _KNOWN:
        return _KNOWN[name]
    return name if re.fullmatch("[a-z0-9_]+", name) and name not in _DRAWN else None
