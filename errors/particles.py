"""Korean particles by the sound before them ("모델은(는)" is "모델은"), apart from the wording of errors.

A name in Latin letters or a number keeps both forms: how it is read aloud is not written.
"""

from __future__ import annotations

import re

_FORMS = {
    "은(는)": ("은", "는"),
    "이(가)": ("이", "가"),
    "을(를)": ("을", "를"),
    "와(과)": ("과", "와"),
    "(이)라는": ("이라는", "라는"),
    "(이)나": ("이나", "나"),
    "(으)로": ("으로", "로"),
}
"""After a final consonant, and after a vowel."""
_PLACE = re.compile(r"(?<=[가-힣])(['\"”’]?)(" + "|".join(map(re.escape, _FORMS)) + ")")
_FINALS = 28
_RIEUL = 8


def with_particles(sentence: str) -> str:
    return _PLACE.sub(lambda found: found[1] + _chosen(sentence[found.start() - 1], found[2]), sentence)


def _chosen(syllable: str, forms: str) -> str:
    final = (ord(syllable) - ord("가")) % _FINALS
    after_consonant = final != 0 and not (forms == "(으)로" and final == _RIEUL)
    return _FORMS[forms][0 if after_consonant else 1]
