import pytest

from recexplainer.report.sections.alignment import alignment_section
from recexplainer.report.sections.common import chance, figure, figure_rows, interval, percent
from recexplainer.report.sections.discriminators import discriminators_section
from recexplainer.report.sections.evidence import evidence_section
from recexplainer.report.sections.faithfulness import faithfulness_section
from recexplainer.report.sections.judge import judge_section
from recexplainer.report.sections.recommender import recommender_section
from recexplainer.report.sections.verdict import verdict_section


def cells(table, group, name):
    rows = {row.name: [cell.text for cell in row.cells] for row in table.groups[group].rows}
    return dict(zip(table.columns, rows[name], strict=True))


def test_best_figure_of_each_column_is_marked_unless_all_are_equal():
    rows = figure_rows(
        [("a", "", "", [1.0, 2.0, 5.0, None]), ("b", "", "", [3.0, 1.0, 5.0, 1.0])], lowest=frozenset({1})
    )
    assert [[cell.best for cell in row.cells] for row in rows] == [
        [False, False, False, False],
        [True, True, False, False],
    ]


def test_figures_that_are_not_there_are_none():
    assert figure({"a": {"b": True}}, "a", "b") is None
    assert figure({"a": 1}, "a", "b") is None
    assert interval({"a": None}, "a") is None
    assert interval(None, "a", "b") is None
    assert interval({"a": {"b": [1, 2]}}, "a", "b") == (1.0, 2.0)


def test_words_for_figures():
    assert chance(0.0001) == "p < .001"
    assert chance(0.0312) == "p = .031"
    assert percent(0.0996) == "10\xa0%"


def test_recommender_stands_first_and_is_compared_with_the_better_baseline(inputs):
    section = recommender_section(inputs.recommender)
    assert [bar.label for bar in section.charts[0].bars] == ["SASRec", "Popularity", "Item neighbours"]
    assert "SASRec beats the better baseline, item neighbours: NDCG@10 0.180 against 0.120." in section.readings[0]


def test_a_recommender_below_its_baseline_is_said_to_be(inputs):
    metrics = {**inputs.recommender, "item_knn": {"test": {"ndcg@10": 0.5}}}
    assert "does not beat" in recommender_section(metrics).readings[0]


def test_a_recommender_that_chance_may_have_put_above_its_baseline_is_not_said_to_beat_it(inputs):
    versus = {"item_knn": {"ndcg@10": {"difference": 0.06, "difference_interval": [-0.01, 0.13]}}}
    metrics = inputs.recommender | {"versus": versus}
    assert "SASRec does not measurably beat" in recommender_section(metrics).readings[0]


def test_how_well_folded_users_agree_is_said(inputs):
    agreement = {"whole_history": {"overlap@10": 0.554}}
    metrics = {**inputs.recommender, "external_model": {"folded_users": agreement}}
    assert "55\xa0% of their first ten items are those of the model's own" in recommender_section(metrics).readings[-1]


def test_alignment_stands_beside_baselines_and_the_paper(inputs):
    section = alignment_section(inputs)
    (table,) = section.tables
    assert [group.title.split(" (")[0] for group in table.groups] == [
        "On this data",
        "Baselines on this data",
        "Printed in the paper",
    ]
    assert cells(table, 0, "both")["Next item, HR@5"] == "0.680"
    assert cells(table, 1, "random")["Titles"] == "–"
    assert cells(table, 2, "both")["Next item, HR@5"] == "0.806"
    assert cells(table, 2, "LLM, zero-shot")["Ranking, paper's gain"] == "0.239"
    marks = {bar.label: bar.mark for bar in section.charts[0].bars}
    assert marks["both"] == 0.8057 and marks["random"] == 0.0023
    assert "“both” names the recommender's first choice in 68\xa0%" in section.readings[0]
    assert "the base LLM 1.0\xa0%" in section.readings[0]


def test_free_text_stands_beside_the_papers_free_text(inputs):
    (further,) = alignment_section(inputs).details
    assert cells(further, 0, "both")["Next item in free text, HR@5"] == "0.340"
    assert cells(further, 2, "both")["Next item in free text, HR@5"] == "0.806"
    assert cells(further, 2, "both")["Interest, AUC"] == "–"
    assert "random" not in [row.name for row in further.groups[2].rows]


def test_a_source_without_an_llm_has_no_alignment_to_miss(inputs_with):
    inputs = inputs_with(sources=("both", "template"))
    assert alignment_section(inputs).missing == []


def test_one_missing_mode_is_named_and_the_others_are_shown(inputs_with):
    inputs = inputs_with()
    del inputs.alignment["both"]
    section = alignment_section(inputs)
    assert [row.name for row in section.tables[0].groups[0].rows] == ["behaviour", "intention", "none"]
    assert [(m.path, m.command) for m in section.missing] == [
        ("metrics/alignment_both.json", "dvc repro evaluate_alignment@both")
    ]


def test_levels_fill_the_whole_bar_and_keep_their_order(inputs):
    section = judge_section(inputs)
    stack = section.extra["stacks"][0]
    assert [part["level"] for part in stack["parts"]] == ["A", "B", "C", "D"]
    assert sum(part["width"] for part in stack["parts"]) == pytest.approx(100, abs=0.1)
    assert stack["parts"][1]["start"] == pytest.approx(100 * 20 / 128, abs=0.01)
    assert list(section.extra["levels"]) == ["A", "B", "C", "D"]
    table = section.tables[0]
    assert cells(table, 0, "intention")["Paper's mean (GPT-4 as judge)"] == "1.67"
    assert cells(table, 0, "none")["A"] == "64"


def test_failed_judgements_have_a_place_where_there_are_any(inputs_with):
    inputs = inputs_with()
    inputs.judge["both"] = inputs.judge["both"] | {"failed": 3}
    assert list(judge_section(inputs).extra["levels"]) == ["A", "B", "C", "D", "failed"]


def test_judgements_of_nothing_are_drawn_empty(inputs_with):
    empty = {"mean": None, "A": 0, "B": 0, "C": 0, "D": 0, "n": 0, "judge": "rubric"}
    section = judge_section(inputs_with(judge={"both": empty}))
    assert section.extra["stacks"][0]["parts"] == []
    assert section.extra["stacks"][0]["mean"] == "–"


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ((2.5, 2.5, 2.5), "All 3 sources are rated alike, 2.50 of 3."),
        ((2.5, 2.5, 1.0), "“behaviour” and “both” are rated highest, 2.50 of 3; “none” lowest, 1.00."),
        ((2.5, 1.0, 1.0), "“behaviour” is rated highest, 2.50 of 3; “both” and “none” lowest, 1.00."),
    ],
)
def test_sources_of_one_level_are_not_told_apart(inputs_with, means, said):
    judged = {source: {"mean": mean, "n": 4} for source, mean in zip(("behaviour", "both", "none"), means, strict=True)}
    assert judge_section(inputs_with(judge=judged)).readings == [said]


@pytest.mark.parametrize(("p_value", "word"), [(0.01, "and more"), (0.3, "but not measurably more")])
def test_more_than_the_newest_items_is_said_where_it_is_tested(inputs_with, p_value, word):
    table = {"mask": {"cited": 0.51, "random": 0.1, "newest": 0.50, "p_value_over_random": 0.0001}}
    figures = inputs_with().faithfulness["both"] | {"log_comprehensiveness": table}
    figures |= {"evidence": {"mask": {"evidence_over_newest": 0.01, "p_value": p_value}}}
    (said, *_) = faithfulness_section(inputs_with(faithfulness={"both": figures})).readings
    assert f"(p < .001) {word} than the newest ones (0.51 against 0.50 nats)" in said


def test_cited_items_are_only_said_to_matter_where_chance_is_small(inputs):
    readings = {text.split("”")[0].strip("“"): text for text in faithfulness_section(inputs).readings[:4]}
    more = (
        "matter more to the recommender than random ones (p < .001) but no more than the newest ones (0.26 against 0.30"
    )
    assert more in readings["both"]
    assert "do not measurably matter more than random ones (p = .310)" in readings["intention"]
    assert "34\xa0% of the titles it names are not in the history" in readings["intention"]


def test_every_deletion_stands_beside_its_controls(inputs):
    section = faithfulness_section(inputs)
    assert len(section.charts) == 2
    assert [bar.label for bar in section.charts[0].bars[:5]] == [
        "behaviour: cited",
        "random",
        "newest",
        "most influential",
        "most influential in turn",
    ]
    assert len(section.details) == 5  # the first tells features
    assert cells(section.details[1], 2, "cited")["Comprehensiveness ↑"] == "0.2600"
    assert cells(section.details[3], 2, "cited")["Comprehensiveness ↓"] == "−0.0780"
    assert {"PN@1 ↑", "POS@3 ↓", "Items until displaced@5 ↓", "DEL ↓"} <= set(section.details[1].columns)


def test_of_a_decision_no_every_measure_is_better_the_other_way_round(inputs):
    yes, no = (faithfulness_section(inputs).details[place] for place in (1, 3))
    assert {"Comprehensiveness ↓", "Sufficiency ↑", "PN@1 ↓", "POS@3 ↑", "DEL ↑", "INS ↓"} <= set(no.columns)
    assert "speak for them" in yes.caption and "speak against them" in no.caption


def test_curves_of_all_sources_share_one_axis_and_the_explanations_own_is_drawn_last(inputs):
    section = faithfulness_section(inputs)
    assert [chart.title for chart in section.curves[:3]] == ["behaviour: deletion", "behaviour: insertion",
                                                             "intention: deletion"]  # fmt: skip
    assert len(section.curves) == len(section.hidden_curves) == 8
    assert {chart.y_axis for chart in section.curves} == {section.curves[0].y_axis}
    assert [line.kind for line in section.curves[0].lines] == ["leave_one_out", "newest", "random", "behaviour"]
    assert section.curves[0].lines[-1].points[0] == (0.0, pytest.approx(0.09))


def test_the_papers_finding_about_invented_titles_is_confirmed_or_refuted_by_number(inputs_with):
    def reading(**pair):
        found = {"difference": 0.16, "p_value": 0.001, "difference_interval": [0.1, 0.2]} | pair
        pairs = {"both-intention" if pair.get("turned") else "intention-both": {"inventing_texts": found}}
        section = faithfulness_section(inputs_with(faithfulness_pairs=pairs))
        return next(text for text in section.readings if "finding" in text)

    assert reading().startswith("“intention” invents a title in 17\xa0% of its texts, “both” in 0.4\xa0% (p = .001)")
    assert reading().endswith(" is confirmed.")
    assert reading(difference=-0.16).endswith(" is refuted.")
    assert reading(difference=-0.16, turned=True).endswith(" is confirmed.")
    assert reading(p_value=0.2).endswith(" is not confirmed.")


def test_pairs_show_their_corrected_chance_and_mark_what_is_sure(inputs):
    table = next(table for table in faithfulness_section(inputs).tables if "Differences" in table.caption)
    rows = {row.name: row.cells for row in table.groups[0].rows}
    assert rows["intention − both"][1].text == "0.160 (p = .002)" and rows["intention − both"][1].best
    assert rows["behaviour − intention"][1].text == "−0.120 (p = .120)" and not rows["behaviour − intention"][1].best


def test_known_causes_stand_beside_both_controls_where_there_are_any(inputs_with):
    section = faithfulness_section(inputs_with())
    table = next(table for table in section.tables if table.caption.startswith("Known causes"))
    assert [group.title for group in table.groups] == ["Platform", "Genre"]  # no choice was driven by a franchise
    assert cells(table, 1, "both") == {
        "Named ↑": "0.800", "in others' texts": "0.200", "p": ".020", "with another cause": "0.500",
        "Texts": "20", "Texts, another cause": "40",
    }  # fmt: skip
    assert [cell.text for cell in table.groups[1].rows[0].cells][2] == "< .001"
    assert "“both” names the genre (80\xa0% against 50\xa0%, p = .020) more often" in " ".join(section.readings)
    assert "“behaviour”, “intention”" not in section.readings[-2]
    without = inputs_with()
    for figures in without.faithfulness.values():
        del figures["causes"]
    section = faithfulness_section(without)
    assert not [table for table in section.tables if table.caption.startswith("Known causes")]
    assert not [text for text in section.readings if "drove" in text]


def test_verdicts_are_counted_against_decisions_and_calibration_against_chance(inputs):
    section = verdict_section(inputs)
    matrix = section.confusions[0]
    assert (matrix.title, matrix.columns) == ("behaviour", ["says Yes", "says No", "says neither"])
    assert matrix.rows[0] == ("would recommend", [(54, 0.8438), (9, 0.1406), (1, 0.0156)])
    chart = section.curves[0]
    assert chart.diagonal and len(chart.lines[0].points) == 9  # the empty bin is left out
    assert cells(section.tables[0], 0, "both")["Calibration error (ECE) ↓"] == "0.090"
    assert "more than chance explains (0.060; p < .001)" in section.readings[2]
    assert "as well calibrated as chance allows" in section.readings[1]


def test_figures_of_an_older_version_have_no_verdict_section(inputs_with):
    inputs = inputs_with()
    for figures in inputs.faithfulness.values():
        del figures["calibration"], figures["curves"]
    assert verdict_section(inputs).tables == []
    assert faithfulness_section(inputs).curves == []


def test_an_encoder_stands_beside_the_words(inputs):
    metrics = inputs.discriminators
    classifier, predictors = metrics["source_classifier"], metrics["score_predictor"]
    classifier["encoder"] = classifier["text"] | {"accuracy": 0.9}
    classifier["encoder_verdict_masked"] = classifier["verdict_masked"]
    classifier["something_new"] = classifier["length_only"]
    for source, figures in predictors.items():
        figures["encoder"] = figures["text"] | {"mse": 1.5}
        metrics["mse_differences"][source]["encoder_minus_verdict_only"] = {
            "difference": -1.0, "difference_interval": [-1.4, -0.6]
        }  # fmt: skip
    section = discriminators_section(metrics)
    assert [bar.label for bar in section.charts[0].bars] == [
        "the whole text", "without Yes and No", "the whole text, encoder", "without Yes and No, encoder",
        "the verdict alone", "the length alone", "something new",
    ]  # fmt: skip
    assert [matrix.title for matrix in section.confusions] == ["read by words", "read by encoder"]
    assert cells(section.tables[0], 0, "both")["MSE, the whole text, encoder"] == "1.500"
    assert "The text of “both”, read by the encoder, carries more of the score" in " ".join(section.readings)


def test_a_source_that_cites_nothing_is_said_to(inputs_with):
    nothing = {
        v: {"cited": None, "random": None, "leave_one_out": None, "p_value_over_random": None}
        for v in ("mask", "shift")
    }
    metrics = {
        "n": 4,
        "n_citing": 0,
        "n_compared": 0,
        "hallucination_rate": None,
        "log_comprehensiveness": nothing,
    }
    section = faithfulness_section(inputs_with(faithfulness={"none": metrics}))
    assert section.readings == ["“none”: it cites too little to be tested."]
    assert section.charts == []


def test_claims_about_the_score_follow_the_interval(inputs):
    readings = discriminators_section(inputs.discriminators).readings
    assert "The text of “both” carries more of the score than its verdict alone" in readings[3]
    assert "does not measurably carry more" in readings[1]
    assert "“none” predicts the score worse than its verdict alone" in readings[4]
    assert readings[0].startswith("A classifier that reads the words finds the source in 86\xa0%")


def test_score_predictors_share_one_axis_that_cuts_hopeless_fits(inputs):
    metrics = inputs.discriminators
    metrics["score_predictor"]["none"]["text"]["r2_interval"] = [-9.0, 0.1]
    charts = discriminators_section(metrics).charts[1:]
    assert {(drawn.axis.low, drawn.axis.high) for drawn in charts} == {(-0.5, 1.0)}


def test_evidence_stands_beside_the_newest_items(inputs):
    section = evidence_section(inputs)
    titles = [chart.title for chart in section.charts]
    assert titles == [
        "Evidence score", "Evidence score, masked", "What the LLM knows", "Misleading texts",
        "Texts without a true reason",
    ]  # fmt: skip
    bar = section.charts[0].bars[2]
    assert (bar.label, bar.kind, bar.mark, section.charts[0].mark) == ("both", "both", 0.5, "as many newest items")
    assert bar.value == pytest.approx(0.26 / 0.54) and bar.interval == pytest.approx(
        (0.26 / 0.54 - 0.1, 0.26 / 0.54 + 0.1)
    )
    assert section.charts[2].bars[0].label == "behaviour: its own citations"
    assert [cell.text for cell in section.tables[0].groups[0].rows[0].cells] == [
        "0.38", "0.50", "−0.12", ".003", "0.38", "0.60", "0.62", "0.31", "–", "50",
    ]  # fmt: skip
    assert [cell.text for cell in section.details[-1].groups[0].rows[0].cells] == [
        "90", "80", "7", "3", "0.55", "0.40", "0.05", ".003",
    ]  # fmt: skip


def test_evidence_readings_say_what_is_found_and_what_is_by_construction(inputs_with):
    inputs = inputs_with()
    readings = evidence_section(inputs).readings
    assert readings[0] == (
        "“behaviour”: what it cites scores 0.38, below the newest items (0.50, p = .003); 31\xa0% of the texts name "
        "no true reason; 55\xa0% of the attributes it names carry the decision (10 were not tested)."
    )
    assert "not measurably different from the newest items" in readings[1]
    own = inputs.faithfulness["both"]["evidence"]
    own["suppliers"] = {"recommender": 128}
    own["shift"] |= {"evidence_over_newest": 0.3, "n_counterfactuals": 40, "counterfactual_truth": 1.0}
    reading = evidence_section(inputs).readings[2]
    assert "above the newest items" in reading and "by construction" in reading
    assert "100\xa0% of 40 counterfactuals hold" in reading


def test_without_measured_evidence_the_section_names_the_command(inputs_with):
    section = evidence_section(inputs_with(faithfulness={"both": {"n": 3}}))
    assert (section.charts, section.readings, section.files) == ([], [], [])
    assert ("metrics/faithfulness_both.json", "dvc repro faithfulness@both") in [
        (own.path, own.command) for own in section.missing
    ]
