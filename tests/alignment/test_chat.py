from __future__ import annotations

import numpy as np
import pytest

from recexplainer.alignment.chat import IGNORED, ChatEncoder, Encoded, Slot
from recexplainer.errors import InputError
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
}  # fmt: skip


def with_loss(encoded: Encoded) -> list[int]:
    """The tokens that are predicted, in order."""
    return encoded.targets[encoded.targets != IGNORED].tolist()


def whole_text(encoder: ChatEncoder, encoded: Encoded) -> str:
    """An example as text, with its last target."""
    return encoder.tokenizer.decode([*encoded.input_ids.tolist(), encoded.targets[-1]])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_covers_the_answer_and_its_end_and_the_prompt_is_the_templates(family: str) -> None:
    template, end = FAMILIES[family]
    tokenizer = tiny.tokenizer(template)
    encoder = ChatEncoder(tokenizer)
    encoded = encoder.example(["Which title?"], "Iron Wolf")
    places = np.flatnonzero(encoded.targets != IGNORED)
    assert tokenizer.decode(with_loss(encoded)) == "Iron Wolf" + end
    assert places.tolist() == list(range(places[0], len(encoded)))  # without a gap; the last target is no input
    assert encoded.targets[places[:-1]].tolist() == encoded.input_ids[places[:-1] + 1].tolist()

    messages = [{"role": "user", "content": "Which title?"}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    shown = tokenizer.decode(encoded.input_ids[: places[0] + 1])
    assert shown == prompt == tokenizer.decode(encoder.prompt(["Which title?"]).input_ids)
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
    assert tokenizer.decode(with_loss(encoded)) == f"One{end}Two{end}Three{end}"
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
    # A tokenizer of that family puts a blank before every text that it is given; this one puts none.
    turns = [("Hello!", " One"), ("And?", " Two")]
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
    assert encoder.tokenizer.decode(with_loss(encoded)) == "Fox<|end|>"
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
