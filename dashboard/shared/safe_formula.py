"""Which formulas of a stranger KaTeX may draw, and how they are written for it.

KaTeX reads a language with macros, colors, sizes, links and pictures. A formula is drawn only where every
command in it stands in the list below: none can fetch, define, repeat, hide what it holds, move out of its
place, or be larger than the text around it. Everything else is shown as the source that it is.
"""

from __future__ import annotations

import re

LONGEST, DEEPEST = 2_000, 12
"""The most characters of a formula, and groups within groups, that are drawn."""
_MOST_BACKWARDS = 6
"""Each goes back a sixth of a letter; a hundred of them would lie over the page."""

_LETTERS = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi
omicron pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega digamma Gamma Delta Theta
Lambda Xi Pi Sigma Upsilon Phi Psi Omega varGamma varDelta varTheta varLambda varXi varPi varSigma
varUpsilon varPhi varPsi varOmega ell hbar hslash imath jmath Re Im wp aleph beth gimel daleth partial nabla
infty emptyset varnothing eth mho complement prime backprime degree angle measuredangle sphericalangle top
bot S P dag ddag dagger ddagger clubsuit diamondsuit heartsuit spadesuit flat natural sharp checkmark
maltese bigstar star square blacksquare Box Diamond lozenge blacklozenge triangle triangledown blacktriangle
blacktriangledown vartriangle yen pounds forall exists nexists neg lnot surd copyright R N Z reals natnums
Complex
"""
_OPERATORS = """
pm mp times div cdot cdotp ast circ bullet oplus ominus otimes oslash odot cap cup Cap Cup sqcap sqcup uplus
vee wedge lor land barwedge veebar setminus smallsetminus wr amalg ltimes rtimes bigcirc boxplus boxminus
boxtimes boxdot dotplus divideontimes intercal diamond bigtriangleup bigtriangledown triangleleft
triangleright lhd rhd unlhd unrhd sum prod coprod int iint iiint oint oiint smallint bigcap bigcup bigvee
bigwedge bigoplus bigotimes bigodot biguplus bigsqcup mod bmod pmod pod arccos arcsin arctan arg argmax
argmin cos cosh cot coth csc deg det dim exp gcd hom inf injlim ker lg lim liminf limsup ln log max min Pr
projlim sec sin sinh sup tan tanh varliminf varlimsup varinjlim varprojlim operatorname limits nolimits
"""
_RELATIONS = """
lt gt le ge leq geq leqq geqq leqslant geqslant ll gg lll ggg ne neq not equiv sim simeq approx approxeq
cong doteq doteqdot propto varpropto asymp bowtie prec succ preceq succeq preccurlyeq succcurlyeq precsim
succsim lesssim gtrsim lessapprox gtrapprox lessgtr gtrless lesseqgtr gtreqless subset supset subseteq
supseteq subseteqq supseteqq subsetneq supsetneq Subset Supset sqsubset sqsupset sqsubseteq sqsupseteq in
notin ni owns mid nmid parallel nparallel perp models vdash dashv Vdash vDash nvdash nvDash smile frown
between pitchfork nleq ngeq nless ngtr nsim ncong nprec nsucc npreceq nsucceq nsubseteq nsupseteq lneq gneq
lneqq gneqq lnsim gnsim trianglelefteq trianglerighteq triangleq vartriangleleft vartriangleright coloneqq
eqqcolon colon vcentcolon coloneq therefore because
"""
_ARROWS = """
to gets leftarrow rightarrow leftrightarrow uparrow downarrow updownarrow Leftarrow Rightarrow
Leftrightarrow Uparrow Downarrow Updownarrow longleftarrow longrightarrow longleftrightarrow Longleftarrow
Longrightarrow Longleftrightarrow iff implies impliedby mapsto longmapsto hookleftarrow hookrightarrow
leftharpoonup leftharpoondown rightharpoonup rightharpoondown rightleftharpoons leftrightharpoons nearrow
searrow swarrow nwarrow leadsto rightsquigarrow leftleftarrows rightrightarrows leftrightarrows
rightleftarrows twoheadrightarrow twoheadleftarrow circlearrowleft circlearrowright curvearrowleft
curvearrowright upharpoonleft upharpoonright multimap nleftarrow nrightarrow nLeftarrow nRightarrow
nleftrightarrow nLeftrightarrow dashrightarrow dashleftarrow xleftarrow xrightarrow xleftrightarrow
xLeftarrow xRightarrow xLeftrightarrow xmapsto xhookleftarrow xhookrightarrow xlongequal xrightleftharpoons
"""
_BUILDING = """
frac dfrac tfrac cfrac binom dbinom tbinom over choose sqrt overline underline overbrace underbrace overset
underset stackrel substack boxed fbox cancel bcancel xcancel sout hat widehat check widecheck tilde
widetilde acute grave dot ddot dddot ddddot breve bar vec mathring overrightarrow overleftarrow
overleftrightarrow underrightarrow underleftarrow bra ket braket mathop mathbin mathrel mathord mathopen
mathclose mathpunct mathinner mathbb mathbf mathcal mathfrak mathit mathnormal mathrm mathscr mathsf mathtt
boldsymbol bm pmb bf rm it cal Bbb bold middle big Big bigg Bigg bigl Bigl biggl Biggl bigm Bigm biggm Biggm
bigr Bigr biggr Biggr vert Vert lvert rvert lVert rVert langle rangle lceil rceil lfloor rfloor lbrace
rbrace lbrack rbrack lgroup rgroup lmoustache rmoustache lang rang backslash displaystyle textstyle
scriptstyle ldots cdots vdots ddots dots dotsc dotsb dotsm dotsi dotso quad qquad enspace thinspace medspace
thickspace space hline hdashline nonumber notag
"""
_COMMANDS = frozenset(
    [*f"{_LETTERS} {_OPERATORS} {_RELATIONS} {_ARROWS} {_BUILDING}".split(), *",;:> {}%#&_!"]
)
_IN_WORDS = frozenset({"ldots", "dots", "quad", "qquad", "textbackslash", *",;: {}%#&_"})
_REWRITTEN = {"|": r"\Vert ", "$": r"\text{\textdollar}"}
"""A bar would end a table's cell, and a dollar sign the formula."""
_IN_WORDS_REWRITTEN = {
    "|": r"\textbar ",
    "_": r"\_",
    "&": r"\&",
    "^": r"\textasciicircum ",
    "$": r"\textdollar ",
}
_WITH_COLUMNS = frozenset({"array", "darray", "subarray", "alignedat", "alignat", "alignat*"})
_DISPLAYED = frozenset(
    {"align", "align*", "gather", "gather*", "alignat", "alignat*", "equation", "equation*"}
)
_MATRICES = frozenset({f"{kind}matrix" for kind in ("", "p", "b", "B", "v", "V", "small")})
_CASES = frozenset({"cases", "dcases", "rcases", "drcases"})
_ANYWHERE = _MATRICES | _CASES | {"array", "darray", "subarray", "aligned", "alignedat", "split", "gathered"}

_TOKEN = re.compile(
    r"""\\begin\s*\{(?P<begin>[A-Za-z]+\*?)\}(?P<columns>\s*\{(?:[lcr|\s]{1,40}|\d\d?)\})?
      | \\end\s*\{(?P<end>[A-Za-z]+\*?)\}
      | (?P<row>\\\\(?:\s*\[\s*-?[\d.]+\s*[a-z]{2}\s*\])?)
      | (?P<space>\\hspace\*?\s*\{\s*[0-2]?\.?\d?\s*(?:em|ex|cm|mm|pt)\s*\})
      | \\(?P<words>text(?:bf|it|rm|sf|tt|normal|up|md)?|[mh]box|tag)\s*\{
      | \\(?P<edge>left|right)(?![A-Za-z])
      | \\(?P<command>[A-Za-z]+|.?)\*?
      | (?P<mark>[{}&^_|])
      | [^\\{}&^_|]+""",
    re.VERBOSE,
)
_NEVER = re.compile("[`$#%]|:material/")
"""What ends the formula or begins a comment for one of its readers; `:material/` is rewritten everywhere."""
_WITHOUT_SCRIPT = re.compile(r"(?<!\\)[_^]\s*(?:[}&^_]|\\end|\\right|\Z)")


def safe_formula(tex: str, displayed: bool) -> str | None:
    """As it may be written between dollar signs, on one line; None where its source is to be shown."""
    tex = " ".join(tex.split())
    if not tex or len(tex) > LONGEST or not tex.isprintable() or tex.count(r"\!") > _MOST_BACKWARDS:
        return None
    writer = _FormulaWriter(displayed)
    pieces = [writer.piece(token) for token in _TOKEN.finditer(tex)]
    if writer.open or None in pieces:
        return None
    written = "".join(piece for piece in pieces if piece is not None).strip()
    return None if not written or _WITHOUT_SCRIPT.search(written) else written


class _FormulaWriter:
    """Goes through the tokens of one formula; `open` are the groups it is within, the innermost last."""

    def __init__(self, displayed: bool) -> None:
        self.displayed = displayed
        self.open: list[str] = []

    def piece(self, token: re.Match[str]) -> str | None:
        """What is written for a token; None where it may not be drawn."""
        kind = token.lastgroup
        if kind is None:
            return None if _NEVER.search(token[0]) else token[0]
        if self._in_words and kind not in ("words", "command", "mark"):
            return None
        written: str | None = getattr(self, f"_{kind}")(token)
        return written if len(self.open) <= DEEPEST else None

    @property
    def _in_words(self) -> bool:
        return bool(self.open) and self.open[-1] == "words"

    def _begin(self, token: re.Match[str]) -> str | None:
        name = token["begin"]
        known = name in _ANYWHERE or (self.displayed and name in _DISPLAYED)
        if not known or (name in _WITH_COLUMNS) != (token["columns"] is not None):
            return None
        self.open.append(name)
        return token[0]

    _columns = _begin

    def _end(self, token: re.Match[str]) -> str | None:
        return self._closed(token["end"], token[0])

    def _row(self, token: re.Match[str]) -> str:
        """Without the gap below it, which could be a screen high or go up over what was written before."""
        return r"\\{}" if token.string[token.end() :].lstrip().startswith("[") else r"\\ "

    def _space(self, token: re.Match[str]) -> str:
        return r"\quad "

    def _words(self, token: re.Match[str]) -> str | None:
        name = token["words"]
        if name == "tag" and (not self.displayed or self.open):
            return None
        self.open.append("words")
        return f"\\{'text' if name.endswith('box') else name}{{"

    def _edge(self, token: re.Match[str]) -> str | None:
        if token["edge"] == "right":
            return self._closed("left", token[0])
        self.open.append("left")
        return token[0]

    def _command(self, token: re.Match[str]) -> str | None:
        name = token["command"]
        rewritten = _IN_WORDS_REWRITTEN if self._in_words else _REWRITTEN
        if name in ("|", "$"):
            return rewritten[name] + token[0][2:]
        known = name in (_IN_WORDS if self._in_words else _COMMANDS)
        return token[0] if known else None

    def _mark(self, token: re.Match[str]) -> str | None:
        mark = token[0]
        if mark == "}":
            return self._closed("words" if self._in_words else "{", mark)
        if mark == "{":
            self.open.append("words" if self._in_words else "{")
            return mark
        if self._in_words:
            return _IN_WORDS_REWRITTEN[mark]
        if mark == "&" and not (self.open and self.open[-1] in _ANYWHERE | _DISPLAYED):
            return None
        return r"\vert " if mark == "|" else mark

    def _closed(self, group: str, written: str) -> str | None:
        """None where something else is to be closed first."""
        return written if self.open and self.open.pop() == group else None
