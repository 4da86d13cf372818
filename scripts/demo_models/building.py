"""From a recipe to a folder that can be loaded: tokenizer, training, weights in bfloat16, model card.

Knows: the order of the steps, and how a finished model is written and read back.
Refuses to know: the command line.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from prompts.catalog import PromptFormats
from prompts.conversation import Conversation
from scripts.demo_models.cards import Card, write_card
from scripts.demo_models.examples import Example, answer_examples, document_examples, varied
from scripts.demo_models.measuring import Speaker, count_exact
from scripts.demo_models.question_set import Row
from scripts.demo_models.recipes import Recipe
from scripts.demo_models.running_text import documents
from scripts.demo_models.tokenizer import END_OF_TEXT, make_tokenizer
from scripts.demo_models.training import Report, learn, settle

COMPARED_FORMATS = ("koalpaca", "kullm", "plain", "alpaca-ko", "korani", "vicuna-1.1")
_SEED = 20230717


@dataclass(frozen=True)
class Workshop:
    """What every model is made with."""

    rows: Sequence[Row]
    formats: PromptFormats
    out: Path
    report: Report

    def train(self, recipe: Recipe) -> None:
        """Make one model and write its folder."""
        began = time.process_time()
        torch.manual_seed(_SEED)
        rng = random.Random(_SEED)
        self.report(f"{recipe.id}: {recipe.title}")
        if recipe.adapter_over is None:
            self._make_model(recipe, rng)
        else:
            self._make_adapter(recipe, recipe.adapter_over, rng)
        self.report(f"  trained in {time.process_time() - began:.0f} s of processor time")

    def measure(self, recipe: Recipe) -> None:
        """Ask what lies in the folder in every format, and write its card."""
        speaker = read_back(self.out, recipe)
        asked = self._conversations(recipe, turns=1)
        formats = (*COMPARED_FORMATS, "chat") if recipe.is_chat else COMPARED_FORMATS
        exact = {}
        for format_id in formats:
            exact[format_id] = count_exact(speaker, asked, self.formats.get(format_id))
            self.report(f"  asked in {format_id}: {exact[format_id]} of {len(asked)} exact")
        follow_ups = [talk for talk in self._conversations(recipe, recipe.turns) if len(talk.turns) > 1]
        later = count_exact(speaker, follow_ups, self.formats.get(recipe.format_id))
        if follow_ups:
            self.report(f"  second questions: {later} of {len(follow_ups)} exact")
        card = Card(
            parameters=_own_parameters(speaker.model, recipe),
            exact=exact,
            asked=len(asked),
            follow_ups=(later, len(follow_ups)),
        )
        write_card(self.out / recipe.id, recipe, card)
        self.report(f"  {card.parameters:,} parameters")

    def _make_model(self, recipe: Recipe, rng: random.Random) -> None:
        tokenizer = make_tokenizer(self.rows, self.formats, recipe.control_tokens, recipe.is_chat)
        model = recipe.network()
        learn(
            model,
            lambda draw: self._documents(tokenizer, draw, len(self.rows)),
            recipe.reading_epochs,
            recipe.rate,
            rng,
            self.report,
            decay=False,
        )
        self._tune(model, recipe, tokenizer, rng)
        tokenizer.save_pretrained(self.out / recipe.id)
        model.to(torch.bfloat16).save_pretrained(self.out / recipe.id)

    def _make_adapter(self, recipe: Recipe, base_id: str, rng: random.Random) -> None:
        base, tokenizer = _read(self.out / base_id)
        config = LoraConfig(
            r=16,
            lora_alpha=32,
            target_modules=["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"],
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(base, config)
        model.peft_config["default"].base_model_name_or_path = base_id
        self._tune(model, recipe, tokenizer, rng)
        model.to(torch.bfloat16).save_pretrained(self.out / recipe.id, save_embedding_layers=False)

    def _tune(
        self,
        model: PreTrainedModel,
        recipe: Recipe,
        tokenizer: PreTrainedTokenizerFast,
        rng: random.Random,
    ) -> None:
        talks = self._conversations(recipe, recipe.turns)
        format = self.formats.get(recipe.format_id)

        def epoch(draw: random.Random) -> list[Example]:
            taught = varied(talks, draw) if recipe.is_chat else talks
            examples = answer_examples(taught, format, tokenizer)
            return examples + self._documents(tokenizer, draw, int(recipe.replay * len(examples)))

        learn(model, epoch, recipe.tuning_epochs, recipe.rate, rng, self.report)
        checked = answer_examples(talks, format, tokenizer)
        settle(model, epoch, checked, recipe.rate / 4, rng, self.report)

    def _documents(self, tokenizer: PreTrainedTokenizerFast, rng: random.Random, count: int) -> list[Example]:
        end_id = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
        return document_examples(documents(self.rows, rng, count), tokenizer, end_id)

    def _conversations(self, recipe: Recipe, turns: int) -> list[Conversation]:
        return [row.conversation(turns, recipe.banmal) for row in self.rows]


def read_back(folder: Path, recipe: Recipe) -> Speaker:
    """The model as it ships: weights rounded to bfloat16, computed with in float32."""
    model, tokenizer = _read(folder / (recipe.adapter_over or recipe.id))
    if recipe.adapter_over is not None:
        model = PeftModel.from_pretrained(model, folder / recipe.id).float().eval()
    return Speaker(model, tokenizer)


def _read(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def _own_parameters(model: PreTrainedModel, recipe: Recipe) -> int:
    """An adapter's own weights are those it adds."""
    named = model.named_parameters()
    return sum(weight.numel() for name, weight in named if recipe.adapter_over is None or "lora_" in name)
