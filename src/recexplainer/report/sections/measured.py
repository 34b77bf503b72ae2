"""The sections that tell what was measured, in the order of the page; the files of figures are drawn from the same."""

from __future__ import annotations

from recexplainer.report.inputs import ReportInputs
from recexplainer.report.sections.alignment import alignment_section
from recexplainer.report.sections.audit import audit_section
from recexplainer.report.sections.common import Section
from recexplainer.report.sections.discriminators import discriminators_section
from recexplainer.report.sections.evidence import evidence_section
from recexplainer.report.sections.faithfulness import faithfulness_section
from recexplainer.report.sections.judge import judge_section
from recexplainer.report.sections.people import people_section
from recexplainer.report.sections.recommender import recommender_section
from recexplainer.report.sections.verdict import verdict_section


def measured_sections(inputs: ReportInputs) -> dict[str, Section]:
    """Every section by its name on the page; what is missing leaves a section that says which command makes it."""
    return {
        "audit": audit_section(inputs.audit),
        "recommender": recommender_section(inputs.recommender),
        "alignment": alignment_section(inputs),
        "judge": judge_section(inputs),
        "people": people_section(inputs),
        "verdict": verdict_section(inputs),
        "faithfulness": faithfulness_section(inputs),
        "evidence": evidence_section(inputs),
        "discriminators": discriminators_section(inputs.discriminators),
    }
