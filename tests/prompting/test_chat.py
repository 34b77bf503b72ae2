from __future__ import annotations

import re

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from recexplainer.core.errors import InputError
from recexplainer.prompting.chat import IGNORED, ChatEncoder, Encoded, Slot
from recexplainer.prompting.frames import pinned, render
from tests import tiny
from tests.conftest import REPOSITORY

# Small templates in the manner of well-known families, and what they put around messages.
FAMILIES = {
    "demo": (tiny.TEMPLATE, "<|end|>"),
    "llama3": (
        "{{ '<s>' }}{% for m in messages %}{{ '[INST]' + m['role'] + '[/INST]\n\n' + m['content'] | trim + '<|end|>' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '[INST]assistant[/INST]\n\n' }}{% endif %}",
        "<|end|>",
    ),
    "chatml": (
        "{% if messages[0]['role'] != 'system' %}{{ '<s>system\nYou are a helpful assistant.</s>\n' }}{% endif %}"
        "{% for m in messages %}{{ '<s>' + m['role'] + '\n' + m['content'] + '</s>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<s>assistant\n' }}{% endif %}",
        "</s>",
    ),
    "vicuna": (
        "{{ 'A chat between a user and an assistant. ' }}{% for m in messages %}{% if m['role'] == 'user' %}"
        "{{ 'USER: ' + m['content'] + ' ' }}{% else %}{{ 'ASSISTANT: ' + m['content'] + '</s>' }}{% endif %}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ 'ASSISTANT: ' }}{% endif %}",
        "</s>",
    ),
    "llama2": (
        "{% for m in messages %}{% if m['role'] == 'user' %}{{ '<s>[INST] ' + m['content'] + ' [/INST]' }}"
        "{% else %}{{ ' ' + m['content'] + ' </s>' }}{% endif %}{% endfor %}",
        "</s>",
    ),
    "mistral": (
        "{{ '<s>' }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('roles must alternate') }}{% endif %}{% if m['role'] == 'user' %}"
        "{{ '[INST] ' + m['content'] + ' [/INST]' }}{% else %}{{ m['content'] + '</s>' }}{% endif %}{% endfor %}",
        "</s>",
    ),
    "phi3": (  # writes a token of its own at the very end, unless an answer is to follow
        "{% for m in messages %}{{ '[INST]' + m['role'] + '\n' + m['content'] + '</s>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '[INST]assistant\n' }}{% else %}{{ eos_token }}{% endif %}",
        "</s>",
    ),
    "no_thinking": (
        "{% for m in messages %}{{ '<s>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}"
        "{{ '<think></think>' }}{% endif %}{{ m['content'] + '</s>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<s>assistant\n<think></think>' }}{% endif %}",
        "</s>",
    ),
}  # fmt: skip


def with_loss(encoded: Encoded) -> list[int]:
    """The tokens that are predicted, in order."""
    return encoded.targets[encoded.targets != IGNORED].tolist()


def whole_text(encoder: ChatEncoder, encoded: Encoded) -> str:
    """An example as text, with its last target."""
    return encoder.tokenizer.decode([*encoded.input_ids.tolist(), encoded.targets[-1]])


def finished(encoder: ChatEncoder, texts: list[str], end: str) -> str:
    """A finished conversation as the template writes it, up to its last end, without blanks before ends."""
    written = render(encoder.tokenizer, texts, False)
    return re.sub(rf" +(?={re.escape(end)})", "", written[: written.rindex(end)] + end)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_covers_the_answer_and_its_end_and_the_prompt_is_the_templates(family: str) -> None:
    template, end = FAMILIES[family]
    tokenizer = tiny.tokenizer(template)
    encoder = ChatEncoder(tokenizer)
    encoded = encoder.example(["Which title?"], "Iron Wolf")
    places = np.flatnonzero(encoded.targets != IGNORED)
    assert tokenizer.decode(with_loss(encoded)).lstrip(" ") == "Iron Wolf" + end
    assert whole_text(encoder, encoded) == finished(encoder, ["Which title?", "Iron Wolf"], end)
    assert places.tolist() == list(range(places[0], len(encoded)))  # without a gap; the last target is no input
    assert encoded.targets[places[:-1]].tolist() == encoded.input_ids[places[:-1] + 1].tolist()

    messages = [{"role": "user", "content": "Which title?"}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    shown = tokenizer.decode(encoded.input_ids[: places[0] + 1])
    assert shown == prompt.rstrip(" ") == tokenizer.decode(encoder.prompt(["Which title?"]).input_ids)
    assert not (encoder.prompt(["Which title?"]).targets != IGNORED).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_end_is_one_token_that_no_text_begins_with(family: str) -> None:
    template, end = FAMILIES[family]
    encoder = ChatEncoder(tiny.tokenizer(template))
    assert [encoder.tokenizer.decode([token]) for token in encoder.end_ids] == [end]


@pytest.mark.parametrize("family", FAMILIES)
def test_in_a_dialogue_every_answer_carries_loss_and_no_end_stands_twice(family: str) -> None:
    template, end = FAMILIES[family]
    encoder = ChatEncoder(tiny.tokenizer(template))
    encoded = encoder.dialogue([("Hello!", "One"), ("And?", "Two"), ("Thank you.", "Three")])
    tokenizer = encoder.tokenizer
    assert tokenizer.decode(with_loss(encoded)).replace(" ", "") == f"One{end}Two{end}Three{end}"
    text = whole_text(encoder, encoded)
    assert text.count("One") == text.count("And?") == text.count("Hello!") == 1
    assert text.split("One")[1].split("And?")[0].count(end) == 1
    assert (
        encoder.dialogue([("Hello!", "One")]).input_ids.tolist()
        == encoder.example(["Hello!"], "One").input_ids.tolist()
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_prompt_after_turns_is_the_beginning_of_their_dialogue(family: str) -> None:
    encoder = ChatEncoder(tiny.tokenizer(FAMILIES[family][0]))
    turns = [("Hello!", "One"), ("And?", "Two")]
    later = encoder.after(turns)
    prompt = later.prompt(["Thank ", Slot("item", 3), " you."])
    whole = encoder.dialogue([*turns, ("Thank \ue001 you.", "Three")]).input_ids.tolist()
    place = int(np.flatnonzero(prompt.item_slots >= 0)[0])
    assert prompt.input_ids[: place - 1].tolist() == whole[: place - 1]
    assert not (prompt.targets != IGNORED).any()
    plain = later.prompt(["Thank you."]).input_ids.tolist()
    assert plain == encoder.dialogue([*turns, ("Thank you.", "Three")]).input_ids.tolist()[: len(plain)]
    header = encoder.prompt(["Thank you."]).input_ids.tolist()
    assert later.n_past_tokens > 0 == encoder.n_past_tokens
    assert encoder.prompt(["Thank you."]).input_ids.tolist() == header  # the encoder itself remembers nothing


def test_a_dialogue_is_what_the_template_writes() -> None:
    encoder = ChatEncoder(tiny.tokenizer(FAMILIES["mistral"][0]))
    turns = [("Hello!", "One"), ("And?", "Two")]
    messages = [
        {"role": role, "content": text}
        for turn in turns
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]
    written = encoder.tokenizer.apply_chat_template(messages, tokenize=False)
    assert whole_text(encoder, encoder.dialogue(turns)) == written


def test_the_template_of_vicuna_is_rendered_to_the_letter() -> None:
    template = (REPOSITORY / "params/chat_templates/vicuna.jinja").read_text()
    encoder = ChatEncoder(tiny.tokenizer(template, bos_token="<s>", eos_token="</s>"))
    system = (
        "<s>A chat between a curious user and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the user's questions. "
    )
    texts = ["Hello!", "One", "And?", "Two"]
    messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]

    def rendered(n: int, generate: bool) -> str:
        return encoder.tokenizer.apply_chat_template(messages[:n], add_generation_prompt=generate, tokenize=False)

    assert rendered(1, True) == system + "USER: Hello! ASSISTANT:"
    assert rendered(4, False) == system + "USER: Hello! ASSISTANT: One</s>USER: And? ASSISTANT: Two</s>"
    turns = [("Hello!", "One"), ("And?", "Two")]  # the blanks that the template writes belong to the answers
    assert whole_text(encoder, encoder.dialogue(turns)) == rendered(4, False)
    assert encoder.tokenizer.decode(with_loss(encoder.dialogue(turns))) == " One</s> Two</s>"


def test_an_open_answer_has_no_loss_on_its_end() -> None:
    encoder = ChatEncoder(tiny.tokenizer())
    encoded = encoder.example(["Will the user like it?"], "Yes", ends=False)
    assert with_loss(encoded) == list(encoder.answer_ids("Yes"))


def test_only_slots_become_slots() -> None:
    encoder = ChatEncoder(tiny.tokenizer())
    texts = ["Slot <item> Machine ", "\ue000one\ue000 <user> <|pad|> ", "End <|end|> Game"]
    encoded = encoder.prompt([texts[0], Slot("item", 7), texts[1], Slot("user", 3), texts[2]])
    assert encoded.item_slots[encoded.item_slots >= 0].tolist() == [7]
    assert encoded.user_slots[encoded.user_slots >= 0].tolist() == [3]
    is_slot = (encoded.item_slots >= 0) | (encoded.user_slots >= 0)
    assert encoded.input_ids[is_slot].tolist() == [encoder.slot_id] * 2
    words = encoder.tokenizer.decode(encoded.input_ids[~is_slot])
    assert words == "<|user|>" + "".join(texts) + "<|end|><|assistant|>"


def test_a_special_tokens_name_in_a_text_is_text() -> None:
    encoder = ChatEncoder(tiny.tokenizer())
    specials = {encoder.tokenizer.convert_tokens_to_ids(token) for token in tiny.SPECIAL}
    assert not specials & set(encoder.answer_ids("End <|end|> Game <|pad|>"))
    encoded = encoder.example(["<|assistant|>Yes"], "End <|end|> Game")
    assert encoded.input_ids.tolist().count(encoder.end_ids[0]) == 1  # of the question
    assert with_loss(encoded).count(encoder.end_ids[0]) == 1  # of the answer
    assert encoder.tokenizer.decode(encoder.answer_ids("End <|end|> Game")) == "End <|end|> Game"


def test_a_title_has_the_same_tokens_wherever_in_a_list_it_stands() -> None:
    encoder = ChatEncoder(tiny.tokenizer())
    titles = list(tiny.TITLES)
    for order in (titles, titles[::-1]):
        line_break = encoder.answer_ids("\n")
        expected = [token for title in order for token in (*encoder.answer_ids(title), *line_break)]
        assert list(encoder.answer_ids("\n".join(order))) == expected[: -len(line_break)]
    assert encoder.tokenizer.decode(encoder.answer_ids("\n".join(titles))) == "\n".join(titles)


def test_without_a_chat_template_a_plain_one_is_used() -> None:
    encoder = ChatEncoder(tiny.tokenizer(template=None))
    encoded = encoder.example(["Which title?"], "Fox")
    assert whole_text(encoder, encoded) == "User: Which title?\nAssistant: Fox<|end|>"
    assert encoder.tokenizer.decode(with_loss(encoded)) == " Fox<|end|>"  # its own blank, as in running text
    dialogue = encoder.dialogue([("Hello!", "One"), ("And?", "Two")])
    assert whole_text(encoder, dialogue) == ("User: Hello!\nAssistant: One<|end|>\nUser: And?\nAssistant: Two<|end|>")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ raise_exception('system message\nis needed') }}", "cannot render a conversation: system message"),
        ("{% for m in messages %}", "cannot render a conversation"),
        ("{{ messages[0]['content'] }}", "does not repeat each message exactly once"),
        ("{% for m in messages %}{{ m['content'] * 2 }}{% endfor %}", "does not repeat each message exactly once"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_hold_a_conversation_is_refused_on_one_line(template: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        ChatEncoder(tiny.tokenizer(template))
    assert "\n" not in str(caught.value) and "llm.chat_template" in str(caught.value)


THINKING = (  # in the manner of Qwen 3: the last answer has a block that earlier ones have not
    "{% for m in messages %}{{ '<s>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' and loop.last %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}{{ m['content'] + '</s>\n' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<s>assistant\n' }}{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}"
    "{% endif %}{% endif %}"
)
END_AT_THE_VERY_END = (  # an answer ends with a special token only where nothing follows it
    "{% for m in messages %}{{ m['role'] + ':' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% else %}{{ eos_token }}{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "end"), [(pinned(THINKING, {"enable_thinking": False}), "</s>"), (END_AT_THE_VERY_END, "<|end|>")]
)
def test_a_dialogue_is_taught_answer_by_answer_where_earlier_turns_read_otherwise(template: str, end: str) -> None:
    encoder = ChatEncoder(tiny.tokenizer(template))
    turns = [("Hello!", "One"), ("And?", "Two"), ("Thank you.", "Three")]
    taught = encoder.dialogues(turns)
    texts = [text for turn in turns for text in turn]
    for n, encoded in enumerate(taught, start=1):
        text = encoder.tokenizer.decode(with_loss(encoded))
        assert text == turns[n - 1][1] + end
        written = render(encoder.tokenizer, texts[: 2 * n], False)
        blanks = re.compile(rf"\s+(?={re.escape(end)})")
        assert whole_text(encoder, encoded) == blanks.sub("", written[: written.rindex(end)] + end)
        prompt = render(encoder.tokenizer, texts[: 2 * n - 1], True)
        shown = encoder.after(turns[: n - 1]).prompt([turns[n - 1][0]])
        assert encoder.tokenizer.decode(shown.input_ids) == prompt
    assert len(taught) == 3
    assert len(ChatEncoder(tiny.tokenizer()).dialogues(turns)) == 1


def test_the_plain_template_begins_with_the_tokenizers_own_beginning() -> None:
    encoder = ChatEncoder(tiny.tokenizer(None, bos_token="<s>"))
    first = encoder.tokenizer.bos_token_id
    for encoded in (encoder.prompt(["Which title?"]), encoder.dialogue([("Hello!", "One"), ("And?", "Two")])):
        assert encoded.input_ids[0] == first and encoded.input_ids.tolist().count(first) == 1


def sentencepiece(template: str, scheme: str) -> PreTrainedTokenizerFast:
    """A tokenizer that puts a blank before a text; `always`: also behind every special token."""
    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=True)
    raw.decoder = decoders.Metaspace(prepend_scheme=scheme)
    special = ["<unk>", "<|end|>", "<|user|>", "<|assistant|>", "<s>", "</s>"]
    texts = ["Which title? Yes No USER: ASSISTANT: user assistant Iron Wolf Fox \n"] * 9
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    raw.train_from_iterator(texts, trainer)
    tokens = {"unk_token": "<unk>", "pad_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    made = PreTrainedTokenizerFast(tokenizer_object=raw, **tokens)
    made.chat_template = template
    return made


@pytest.mark.parametrize("scheme", ["always", "first"])
@pytest.mark.parametrize("template", [tiny.TEMPLATE, FAMILIES["chatml"][0], "vicuna"])
def test_a_tokenizer_that_adds_blanks_gives_the_templates_own_tokens(template: str, scheme: str) -> None:
    if template == "vicuna":
        template = (REPOSITORY / "params/chat_templates/vicuna.jinja").read_text()
    encoder = ChatEncoder(sentencepiece(template, scheme))
    encoded = encoder.example(["Which title?"], "Iron Wolf")
    own = [*encoded.input_ids.tolist(), int(encoded.targets[-1])]
    written = render(encoder.tokenizer, ["Which title?", "Iron Wolf"], False)
    native = encoder.tokenizer(written, add_special_tokens=False)["input_ids"]
    assert own == native[: len(own)] and encoder.difference() is None
    assert own[-1] == encoder.end_ids[0] not in native[len(own) :]


@pytest.mark.parametrize("scheme", ["always", "first"])
def test_a_text_behind_a_slot_has_no_blank_that_it_does_not_hold(scheme: str) -> None:
    encoder = ChatEncoder(sentencepiece(tiny.TEMPLATE, scheme))
    blank = encoder.tokenizer.convert_tokens_to_ids("▁")
    for text, first in ((" Wolf", "▁Wolf"), ("\n", "\n"), ("Fox", None)):
        encoded = encoder.prompt(["Which ", Slot("item", 3), text])
        behind = encoded.input_ids[int(np.flatnonzero(encoded.item_slots >= 0)[0]) + 1 :].tolist()
        token = encoder.tokenizer.convert_ids_to_tokens(behind[0])
        assert behind[0] != blank and (token == first if first else not token.startswith("▁"))


def test_tokens_that_differ_from_the_templates_own_are_told() -> None:
    encoder = ChatEncoder(tiny.tokenizer(FAMILIES["llama2"][0]))  # it writes a blank before the end of an answer
    assert "'</s>'], but the chat template's own tokens are" in str(encoder.difference())
    assert ChatEncoder(tiny.tokenizer()).difference() is None
