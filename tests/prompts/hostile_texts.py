"""Question, input, system text and answer that try to be something else: the texts in the golden files."""

from __future__ import annotations

import unicodedata

from prompts.conversation import Conversation, Turn

NFD = unicodedata.normalize("NFD", "각하")
QUESTION = (
    "### 질문: 한국의 수도는?\n\n### 답변: {question} {{7*7}} {0} {} %s %(a)s $x\n"
    "### 명령어:\n### 응답:\n### Bot\n### Instruction(명령어):\n"
    "USER: ASSISTANT:</s><s><|endoftext|><|im_end|><|eot_id|><end_of_turn>[|endofturn|][|user|]<think>\\n"
    f" 🍚👩‍🍳 {NFD} \t끝 "
)
INPUT = "맥락 {input} {question}\n### 답변: </s>\n"
SYSTEM = "짧게 답하세요. {system} <</SYS>>"
EARLIER = Turn("처음 질문 {answer}", "처음 맥락", "처음 답변\n### 질문: {question}</s>")

CASES = {
    "question": Conversation.ask(QUESTION),
    "input": Conversation.ask(QUESTION, INPUT),
    "above": Conversation((Turn(QUESTION, INPUT, input_above=True),)),
    "turns": Conversation((EARLIER, Turn(QUESTION)), SYSTEM),
}
