"""Every check of a page can fail: each is shown a page with that error planted."""

from __future__ import annotations

import page_checks
import pytest
from execution import read
from nbformat.v4 import new_code_cell, new_notebook, new_output
from test_execution import HEADER, cell, write_book

SOLUTION = """
:::{{exercise-start}}
:label: ex-page-{0}
:::
Compute it.
:::{{exercise-end}}
:::

:::{{solution-start}} ex-page-{0}
:label: sol-page-{0}
:class: dropdown
:::

```{{code-cell}} ipython3
print({0})
```

:::{{solution-end}}
:::
"""
QUESTION = """
:::{self-check} Why?
- [x] Because
  It is so.
- [ ] By chance
  There is none in it.
:::
"""
PAGE = (
    HEADER
    + "# A page\n"
    + "".join(f"\n## {heading}: more words\n" for heading in page_checks.HEADINGS[:8])
    + "\n## Check yourself\n"
    + 3 * QUESTION
    + "\n## Exercises\n"
    + "".join(SOLUTION.format(n) for n in range(3))
    + "\n## Further reading\n"
)


def notebook_of(text, tmp_path):
    return read(write_book(tmp_path, page=text), tmp_path)


def check_text(text):
    return [
        *page_checks.check_headings(text),
        *page_checks.check_questions(text),
        *page_checks.check_exercises(text),
        *page_checks.check_assets(text),
        *page_checks.check_install(text),
    ]


def test_a_good_page_has_no_problems(tmp_path):
    assert check_text(PAGE) == []
    assert page_checks.check_cells(PAGE, notebook_of(PAGE, tmp_path)) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("## By hand", "## By heart", "`## By hand` is missing"),
        ("## By hand", "### By hand", "`## By hand` is missing"),
        ("## Experiments", "```\n## Experiments\n```", "`## Experiments` is missing"),
        (
            "## Summary: more words\n",
            "## Summary\n\n## The idea again\n",
            None,
        ),
        (
            "# A page\n",
            "# A page\n\n## Further reading\n",
            "not in the order",
        ),
        (QUESTION, "", "2 questions"),
        ("  It is so.\n", "", "'Because' has no reason"),
        ("ex-page-2\n:::\nCompute", "ex-page-9\n:::\nCompute", "no solution"),
        ("ex-page-2\n:::\nCompute", "ex-page-9\n:::\nCompute", "is no exercise"),
        (":::{exercise-start}\n:label: ex-page-2", ":::{note}", "2 exercises"),
        ("```{code-cell} ipython3\nprint(1)", "```python\nprint(1)", "runs no code"),
        ("sol-page-1\n:class: dropdown", "sol-page-1", "not folded"),
        ("# A page", "![a b c](https://example.org/a.png)", "loads from elsewhere"),
        ("# A page", "![a b c](//example.org/a.png)", "loads from elsewhere"),
        ("# A page", ":::{figure} http://example.org/a.png", "loads from elsewhere"),
        ("# A page", '<script src="https://example.org/a.js">', "loads from elsewhere"),
        ("# A page", "pip install d2lib", "install another project"),
        ("# A page", "%pip install -U 'd2lib[mxnet]'", "install another project"),
        ("# A page", "pip install d2lib-book", None),
        ("# A page", "pip install -e ./d2lib", None),
        ("# A page", "[a link](https://example.org)", None),
    ],
)
def test_a_planted_error_in_the_text_is_found(old, new, problem):
    assert old in PAGE
    problems = check_text(PAGE.replace(old, new, 1))
    if problem is None:
        assert problems == []
    else:
        assert any(problem in found for found in problems), problems


def test_one_exercise_may_be_left_to_the_reader():
    def more(n):
        return f":::{{exercise-start}}\n:label: ex-{n}-open\n:::\n:::{{exercise-end}}\n"

    last = "## Further reading"
    assert check_text(PAGE.replace(last, more(1) + last)) == []
    (problem,) = check_text(PAGE.replace(last, more(1) + more(2) + last))
    assert "ex-1-open, ex-2-open have no solution: leave one at most" in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEADER + f"# P\n\n:::{{note}}\n{cell('1')}:::\n", "1 of 1 code cells never"),
        (HEADER + f"# P\n\n- item\n\n  {cell('1')}", "1 of 1 code cells never run"),
        (f"# P\n\n{cell('1')}", "lacks the jupytext header"),
        (HEADER + cell(":tags: [skip-execution]\n\n1"), "has the tag skip-execution"),
        (HEADER + cell(":tags: [raises-exception]\n\n1"), "tag raises-exception"),
        (
            HEADER.replace(
                "kernelspec:", "mystnb:\n  execution_mode: 'off'\nkernelspec:"
            ),
            "mystnb: execution_mode",
        ),
        (
            HEADER.replace(
                "kernelspec:", "mystnb:\n  execution_allow_errors: true\nkernelspec:"
            ),
            "mystnb: execution_allow_errors",
        ),
        (
            HEADER.replace(
                "kernelspec:", "execution:\n  allow_errors: true\nkernelspec:"
            ),
            "sets execution",
        ),
    ],
)
def test_a_cell_that_would_not_run_is_found(text, problem, tmp_path):
    problems = page_checks.check_cells(text, notebook_of(text, tmp_path))
    assert any(problem in found for found in problems), problems


@pytest.mark.parametrize(
    ("executed", "problem"),
    [
        (new_code_cell("1"), "has not run"),
        (
            new_code_cell("1", execution_count=1)
            | {"outputs": [new_output("error", ename="ValueError")]},
            "failed with ValueError",
        ),
        (
            new_code_cell("1", execution_count=1)
            | {"outputs": [new_output("stream", name="stderr", text="Warning")]},
            "wrote to stderr",
        ),
    ],
)
def test_a_cell_that_did_not_run_well_is_found(executed, problem):
    cells = [type(new_code_cell())(executed)]
    assert problem in page_checks.check_ran(cells)[0]
    assert page_checks.check_ran([new_code_cell("1", execution_count=1)]) == []


def figure(**metadata):
    output = new_output("display_data", {"image/svg+xml": "<svg/>"})
    return new_code_cell("plot()", outputs=[output], metadata=metadata)


def test_a_figure_without_alt_text_is_found():
    good = figure(mystnb={"image": {"alt": "A line that rises"}})
    assert page_checks.check_figures("![A digit](a.svg)", [good]) == []
    assert page_checks.check_figures("", [figure()])
    assert page_checks.check_figures("", [figure(mystnb={"image": {"alt": "plot"}})])
    assert page_checks.check_figures("![](a.svg)", [])
    assert page_checks.check_figures('<img src="a.svg">', [])
    assert page_checks.check_figures(":::{figure} a.svg\nCaption\n:::", [])
    assert page_checks.check_figures(":::{image} a.svg\n:alt: A digit\n:::", []) == []


def test_a_page_that_is_not_listed_is_found(tmp_path):
    page = write_book(tmp_path)
    forgotten = page.with_name("forgotten.md")
    forgotten.write_text("# Forgotten\n")
    folder = tmp_path / "chapters"
    listed = [page, folder / "index.md"]
    assert page_checks.check_listed(folder, [*listed, forgotten]) == []
    assert "forgotten.md is not in" in page_checks.check_listed(folder, listed)[0]
    gone = page_checks.check_listed(folder, [*listed, forgotten, folder / "gone.md"])
    assert "gone.md, which is not there" in gone[0]


def python(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)})


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ([python("x = 1", "numpy"), python("print(x)")], None),
        ([python("x = 1", "mxnet"), python("y = x", "twins")], None),
        ([python("x = 1", "mxnet"), python("print(x)")], "cell 2 reads x"),
        ([python("x = 1", "twins"), python("print(x)", "numpy")], "cell 2 reads x"),
        ([python("print(x)"), python("x = 1")], "cell 1 reads x"),
        ([python("import a.b as c", "mxnet"), python("c.d")], "cell 2 reads c"),
        ([python("def f():\n    return x"), python("x = 1\nf()")], None),
        (
            [python("def f():\n    return x"), python("x = 1", "mxnet")],
            "a function in code cell 1 reads x",
        ),
        ([python("[n * n for n in range(3)]\nlambda n: n\ndisplay(1)")], None),
        (
            [python("m = 2", "mxnet"), python("[m * n for n in range(3)]")],
            "a function in code cell 2 reads m",
        ),
        ([python("class A:\n    b = x"), python("x = 1", "mxnet")], "cell 1 reads x"),
        ([python("%matplotlib inline\nx = 1"), python("x")], None),
    ],
)
def test_a_name_that_only_mxnets_cells_bind_is_found(cells, problem):
    problems = page_checks.check_names(new_notebook(cells=cells))
    if problem is None:
        assert problems == []
    else:
        assert len(problems) == 1
        assert problem in problems[0]
