"""The explorer's data is small, can stand in a script, and is whole when it is put together again."""

import json
import re

from recexplainer.report.cases import build_cases
from recexplainer.report.packing import pack, share_texts, unpack


def test_packed_data_is_letters_only_the_same_each_time_and_reads_back():
    value = {"a": "</script><!-- <script> \u2028 & 'é' \\u003c", "b": [1, None, 0.5]}
    text = pack(value)
    assert re.fullmatch("[A-Za-z0-9+/=]+", text)
    assert text == pack(value) and unpack(text) == value


def test_what_repeats_stands_once_and_nothing_is_lost(inputs):
    cases = build_cases(inputs, 12)
    data = share_texts(cases)
    texts = data["texts"]
    assert len(texts) == len(set(texts))
    for case, shared in zip(cases, data["cases"], strict=True):
        assert texts[shared["item"]] == case["item"]
        assert [texts[number] for number in shared["history"]] == case["history"]
        for answer, own in zip(case["answers"], shared["answers"], strict=True):
            assert "\n".join(texts[number] for number in own["prompt"]) == answer["prompt"]
            assert [[texts[part] for part in reason] for reason in own["reasons"]] == answer["reasons"]
            assert own["pieces"] == answer["pieces"]
    assert len(json.dumps(data)) < 0.75 * len(json.dumps(cases))


def test_sharing_leaves_the_cases_as_they_are(inputs):
    cases = build_cases(inputs, 2)
    share_texts(cases)
    assert cases == build_cases(inputs, 2)
