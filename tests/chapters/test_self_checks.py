"""Questions to answer: what a page may write, and what becomes of it in a notebook."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from docutils import nodes
from minutes import reading
from plain import Book, Markdown
from self_checks import answers, reasons, self_check

GOOD = """- [ ] 784
  That forgets the bias.
- [x] 785

  One weight per input,
  and one bias.
"""


def test_answers_have_their_reasons():
    wrong, right = answers(GOOD.splitlines())
    assert (wrong.right, wrong.text) == (False, "784")
    assert (right.right, right.text, right.line) == (True, "785", 2)
    assert wrong.reason == ["That forgets the bias."]
    assert "\n".join(right.reason).strip() == "One weight per input,\nand one bias."


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[x]", "[ ]", "exactly one answer is right, marked .x.; got 0"),
        ("[ ]", "[x]", "got 2"),
        ("  That forgets the bias.\n", "", "the answer '784' has no reason"),
        ("  That", "That", "'That forgets the bias.' is neither an answer"),
        ("- [ ]", "- []", "neither an answer"),
        (GOOD, "- [x] 785\n  So.", "two answers or more, got 1"),
        (GOOD, "", "two answers or more, got 0"),
    ],
)
def test_what_is_wrong_is_said(old, new, problem):
    assert old in GOOD
    with pytest.raises(ValueError, match=problem):
        answers(GOOD.replace(old, new, 1).splitlines())


def question():
    """What the directive makes of a question."""

    def items(*texts):
        said = [nodes.list_item("", nodes.paragraph("", text)) for text in texts]
        return nodes.enumerated_list("", *said)

    asked = nodes.paragraph("", "1. How many?")
    return self_check("", asked, items("784", "785"), reasons("", items("No.", "Yes.")))


def test_a_notebook_folds_the_reasons():
    env = SimpleNamespace(toc_fignumbers={}, titles={})
    assert Markdown(env, "page", Book("B")).block(question()) == (
        "**1. How many?**\n\n- A. 784\n- B. 785\n\n"
        "<details>\n<summary>Answer</summary>\n\n- A. No.\n- B. Yes.\n\n</details>"
    )


def test_answering_is_not_reading():
    assert reading(nodes.section("", question())) == (0, 0)
