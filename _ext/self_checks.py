"""Questions that a reader commits to an answer of, and then learns why.

A page writes a question with its answers as

    :::{self-check} 1. How many numbers does a perceptron with 784 inputs have?
    - [x] 785
      One weight per input, and one bias.
    - [ ] 784
      That forgets the bias.
    :::

The first line of an item is an answer, what is indented below it the reason why it is
right or wrong. Exactly one answer is right.

In the built page the reasons are folded, so the question can be read without scripts
and on paper. With scripts, `reading.js` makes the answers radio buttons and unfolds the
reasons when one is chosen. What a reader chose is kept under a key that is made from
the question's text: a question that has been rewritten has not been answered.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html import HTMLTranslator

ANSWER = re.compile(r"- \[([ x])\] +(\S.*)")
KEY = "self_checks"  # in Sphinx's metadata of a page: how many it has


class self_check(nodes.General, nodes.Element):
    """A question: a paragraph, a list of answers, and `reasons`."""


class reasons(nodes.General, nodes.Element):
    """What is folded: a list with one reason for each answer."""


class Answer(NamedTuple):
    """An answer to choose: the text of it, the lines of its reason."""

    right: bool
    text: str
    line: int
    reason: list[str]


def answers(lines: list[str]) -> list[Answer]:
    """Return the answers in the lines of a directive.

    Raises:
        ValueError: If it isn't a list of answers with their reasons, one of them right.
    """
    found: list[Answer] = []
    for number, line in enumerate(lines):
        if match := ANSWER.fullmatch(line.rstrip()):
            found.append(Answer(match[1] == "x", match[2], number, []))
        elif found and (line.startswith("  ") or not line.strip()):
            found[-1].reason.append(line[2:])
        elif line.strip():
            raise ValueError(
                f"{line!r} is neither an answer, '- [x] right' or '- [ ] wrong', nor "
                "a reason, indented by two spaces below its answer"
            )
    if len(found) < 2:
        raise ValueError(f"a question needs two answers or more, got {len(found)}")
    if (right := sum(answer.right for answer in found)) != 1:
        raise ValueError(f"exactly one answer is right, marked [x]; got {right}")
    for answer in found:
        if not "".join(answer.reason).strip():
            raise ValueError(
                f"the answer {answer.text!r} has no reason: say below it, indented by "
                f"two spaces, why it is {'right' if answer.right else 'wrong'}"
            )
    return found


class SelfCheck(SphinxDirective):
    """The directive `self-check`."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        try:
            found = answers(list(self.content))
        except ValueError as error:
            raise self.error(f"self-check {self.arguments[0]!r}: {error}") from None
        options = nodes.enumerated_list(enumtype="upperalpha", suffix=".")
        options["classes"] = ["options", "simple"]
        why = nodes.enumerated_list(enumtype="upperalpha", suffix=".")
        why["classes"] = ["simple"]
        for answer in found:
            classes = ["right"] if answer.right else []
            said = self.paragraph(answer.text, self.content_offset + answer.line)
            options += nodes.list_item("", said, classes=classes)
            reason = nodes.list_item("", classes=classes)
            self.state.nested_parse(
                StringList(answer.reason, source=""),
                self.content_offset + answer.line + 1,
                reason,
            )
            if answer.right:
                head = nodes.strong("", "Right.")
                reason[0].insert(0, [head, nodes.Text(" ")])
            why += reason
        question = self.paragraph(self.arguments[0], self.lineno)
        question["classes"] = ["question"]
        text = "\n".join([self.arguments[0], *(answer.text for answer in found)])
        key = hashlib.sha256(text.encode()).hexdigest()[:8]
        node = self_check("", question, options, reasons("", why), ids=[f"check-{key}"])
        self.set_source_info(node)
        known = self.env.metadata[self.env.docname]
        known[KEY] = known.get(KEY, 0) + 1
        return [node]

    def paragraph(self, text: str, line: int) -> nodes.paragraph:
        """Return a line of Markdown as a paragraph."""
        words, messages = self.state.inline_text(text, line)
        return nodes.paragraph(text, "", *words, *messages)


def open_check(self: HTMLTranslator, node: nodes.Element) -> None:
    self.body.append(self.starttag(node, "div", CLASS="self-check"))


def close_check(self: HTMLTranslator, node: nodes.Element) -> None:
    self.body.append("</div>\n")


def open_reasons(self: HTMLTranslator, node: nodes.Element) -> None:
    self.body.append('<details class="reasons"><summary>Answer</summary>\n')


def close_reasons(self: HTMLTranslator, node: nodes.Element) -> None:
    self.body.append("</details>\n")


def setup(app: Sphinx) -> dict[str, object]:
    app.add_node(self_check, html=(open_check, close_check))
    app.add_node(reasons, html=(open_reasons, close_reasons))
    app.add_directive("self-check", SelfCheck)
    app.add_js_file("reading.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
