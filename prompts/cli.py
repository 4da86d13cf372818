"""python -m prompts list | render: the formats, and the exact bytes of a prompt.

Knows: the arguments, and what goes to which stream.
Refuses to know: how a prompt is made; only this file of the room may look into the model registry.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, NoReturn

from command_line import ended
from errors import BadRequest
from prompts.catalog import PromptFormats, load_formats
from prompts.chat import ChatTokenizer
from prompts.conversation import Conversation
from prompts.format import PromptFormat
from prompts.rendered import RenderedPrompt
from prompts.rendering import render
from settings import read_settings


def main() -> int:
    return ended(_run)


def _run() -> int:
    arguments = _parser().parse_args()
    if arguments.command == "list":
        _list(load_formats())
    else:
        _render(arguments)
    return 0


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadRequest("arguments-unreadable", prog=self.prog, message=message)


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(prog="python -m prompts", description="Prompt formats and the prompts they make.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="every format: id, several turns, title")
    asking = commands.add_parser("render", help="the exact bytes of a prompt, and nothing else")
    whose = asking.add_mutually_exclusive_group(required=True)
    whose.add_argument("--model", metavar="ID", help="in the format of this model")
    whose.add_argument("--format", metavar="ID", help="in this format")
    asking.add_argument("--question", required=True)
    asking.add_argument("--input", default="", help="a text that the question is about")
    asking.add_argument("--system", default="", help="how to answer")
    asking.add_argument("--json", action="store_true", help="pieces, stop strings and format id")
    return parser


def _list(formats: PromptFormats) -> None:
    width = max(len(format.id) for format in formats)
    for format in formats:
        print(f"{format.id:<{width}}  {format.multi_turn:<10}  {format.title}")


def _render(arguments: argparse.Namespace) -> None:
    tokenizer = None
    if arguments.model:
        format, tokenizer = _format_of_model(arguments.model)
    else:
        format = load_formats().get(arguments.format)
    conversation = Conversation.ask(arguments.question, arguments.input, arguments.system)
    rendered = render(format, conversation, tokenizer)
    text = json.dumps(_as_table(rendered), ensure_ascii=False) + "\n" if arguments.json else rendered.text
    # Arguments that are not UTF-8 arrive as surrogates; this gives the very same bytes back.
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def _as_table(rendered: RenderedPrompt) -> dict[str, Any]:
    return {
        "format": rendered.format_id,
        "pieces": [{"text": piece.text, "is_user": piece.is_user} for piece in rendered.pieces],
        "stop_strings": rendered.stop_strings,
        "answer_lead": rendered.answer_lead,
        "add_bos": rendered.add_bos,
    }


def _format_of_model(model_id: str) -> tuple[PromptFormat, ChatTokenizer | None]:
    from model_registry.registry import load_registry

    registry = load_registry(read_settings().own_models)
    spec = registry.get(model_id)
    format = registry.format_of(spec)
    if format.kind == "template":
        return format, None
    owner = registry.base_of(spec)
    return format, _tokenizer_on_disk(
        owner.local.tokenizer.source or owner.local.source, owner.local.revision, model_id
    )


def _tokenizer_on_disk(source: str, revision: str | None, model_id: str) -> ChatTokenizer:
    from transformers import AutoTokenizer

    try:
        tokenizer: ChatTokenizer = AutoTokenizer.from_pretrained(
            source, revision=revision, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError):
        raise BadRequest("tokenizer-not-on-disk", model_id=model_id) from None
    return tokenizer
