"""Take the solutions out of a notebook, for readers who want to write them.

A cell tagged `gap` has one gap or more. The lines between the two comments are the
solution:

    def area(r):
        # fill in: pi times the square of r
        return np.pi * r**2
        # end

In the notebook with gaps one line stands in their place, which is valid Python:

    def area(r):
        ...  # fill in: pi times the square of r

The next code cell is tagged `check`. It calls `d2lib.book.check`, which says whether
the gap is filled in and right, and never fails.
"""

from __future__ import annotations

import copy
import re

from nbformat import NotebookNode

GAP = re.compile(
    r"^(?P<indent>[ \t]*)# fill in: *(?P<hint>\S.*)\n(?P<solution>(?:.*\n)*?)"
    r"(?P=indent)# end[ \t]*$",
    re.MULTILINE,
)
MARK = re.compile(r"^[ \t]*# (?:fill in\b.*|end[ \t]*)$", re.MULTILINE)


def tags(cell: NotebookNode) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", []))


def has_gaps(notebook: NotebookNode) -> bool:
    """Tell whether any cell of a notebook is tagged `gap`."""
    return any("gap" in tags(cell) for cell in notebook.cells)


def open_gaps(source: str) -> str:
    """Replace the solutions in a cell's source by their hints."""
    return GAP.sub(r"\g<indent>...  # fill in: \g<hint>", source)


def with_gaps(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook with its gaps open and without outputs."""
    opened = copy.deepcopy(notebook)
    for cell in opened.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            if "gap" in tags(cell):
                cell.source = open_gaps(cell.source)
    return opened


def check_gaps(notebook: NotebookNode) -> list[str]:
    """Return what is wrong with the gaps of a page, nothing if they are well-formed."""
    problems = []
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells, 1):
        name = f"code cell {number}"
        if "gap" not in tags(cell):
            if MARK.search(cell.source):
                problems.append(f"{name} has a gap but not the tag gap")
            continue
        opened = open_gaps(cell.source)
        if opened == cell.source:
            problems.append(f"{name} is tagged gap but has none: # fill in: … # end")
        elif MARK.search(opened):
            problems.append(f"{name} has a gap without its hint or its # end")
        try:
            compile(opened, name, "exec")
        except SyntaxError as error:
            problems.append(f"{name} is no Python with its gaps open: {error}")
        following = tags(cells[number]) if number < len(cells) else set()
        if not following & {"check", "gap"}:
            problems.append(f"{name} has a gap, and no cell tagged check after it")
    return problems
