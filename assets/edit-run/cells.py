"""Runs the cells of a page, in the page: what a notebook's kernel does.

The worker calls `run`. It sends what a cell shows by `send(kind, text)` while it runs,
and returns the error as JSON, or "". Modules that a notebook has and a browser lacks,
IPython's display and the like, have stand-ins here that do what the book needs of them.
"""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import functools
import html
import importlib.machinery
import importlib.util
import io
import json
import keyword
import linecache
import operator
import os
import pprint
import re
import sys
import time
import tokenize
import traceback
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import __main__

# Nobody watches a progress bar here, and there are no threads.
os.environ |= {"D2LIB_PROGRESS": "0", "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}

MOST_CHARACTERS, MOST_LINES = 100_000, 2_000  # of a cell's text; nobody reads more
EVERY = 0.1  # seconds between two pieces of text that are sent
TOKENS = {
    tokenize.COMMENT: "c1",
    tokenize.NUMBER: "mi",
    tokenize.STRING: "s2",
    tokenize.OP: "o",
}


def nobody(kind: str, text: str) -> None:
    """Hear nothing of what a cell shows."""


send: Callable[[str, str], None] = nobody  # the worker sets it


# --- 64 bits ------------------------------------------------------------------

# Python in a page has 32 bits. NumPy there refuses indices of 64 bits in the functions
# below, which a cell may pass everywhere else, and has them whole numbers of 32 bits.


def narrowed(function: Callable, which: tuple[int, ...]) -> Callable:
    """Return a function that takes indices of 64 bits as those arguments."""

    @functools.wraps(function)
    def with_narrow(*arguments: Any, **named: Any) -> Any:
        given = list(arguments)
        for i in which:
            if i < len(given) and getattr(given[i], "dtype", None) == np.int64:
                given[i] = given[i].astype(np.intp)
        return function(*given, **named)

    return with_narrow


for name, which in (("bincount", (0,)), ("repeat", (1,))):
    setattr(np, name, narrowed(getattr(np, name), which))


# --- matrix products ----------------------------------------------------------

# NumPy in a page has no library for matrix products. Its own loop goes down columns;
# einsum, with both operands turned so that it goes along rows, takes a third of the
# time. `a @ b` can't be told so, so it is read as a call, in cells and in d2lib.

FEWEST, LEAST = 16, 2**17  # what turning must pay for: columns of a, multiplications


def product(a: Any, b: Any, out: Any = None) -> Any:
    """Return a @ b."""
    if (
        type(a) is type(b) is np.ndarray
        and a.dtype == b.dtype
        and a.dtype.char in "fd"
        and a.ndim >= b.ndim == 2
        and a.shape[-1] == len(b) >= FEWEST
        and a.size * b.shape[1] >= LEAST
        and (out is None or fits(out, a, b))
    ):
        y = np.empty((*a.shape[:-1], b.shape[1]), a.dtype) if out is None else out
        rows = np.ascontiguousarray(a).reshape(-1, len(b))
        into = y.reshape(-1, b.shape[1])
        np.einsum("ik,jk->ij", rows, np.ascontiguousarray(b.T), out=into)
        return y
    return operator.matmul(a, b) if out is None else matmul(a, b, out=out)


def fits(out: np.ndarray, a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether rows of a result can be written to an array as they come."""
    return (
        out.dtype == a.dtype
        and out.shape == (*a.shape[:-1], b.shape[1])
        and out.flags.c_contiguous
        and not np.may_share_memory(out, a)
    )


matmul = np.matmul


@functools.wraps(matmul)
def matmul_by_rows(a: Any, b: Any, out: Any = None, **options: Any) -> Any:
    """Multiply as NumPy does, in less time."""
    if options or not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        return matmul(a, b, out=out, **options)
    return product(a, b, out)


dot = np.dot


@functools.wraps(dot)
def dot_by_rows(a: Any, b: Any, out: Any = None) -> Any:
    """Multiply as NumPy does, in less time."""
    same = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    if same and a.ndim >= b.ndim == 2 and a.shape[-1] == len(b):
        return product(a, b, out)
    return dot(a, b, out)


np.matmul, np.dot = matmul_by_rows, dot_by_rows
builtins.__product__ = product  # the name that `read` writes into what it reads


class Products(ast.NodeTransformer):
    """Reads a @ b as a call of `product`."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Turn one product, and those within it."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            return node
        name = ast.Name("__product__", ast.Load())
        call = ast.Call(name, [node.left, node.right], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))


def read(code: str | bytes, file: str) -> ast.Module:
    """Parse a module or a cell."""
    return Products().visit(ast.parse(code, file))


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a module of d2lib."""

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> Any:
        """Compile what was `read`."""
        return compile(read(data, path), path, "exec", 0, True, optimize=_optimize)


def finder(folder: str) -> importlib.machinery.FileFinder:
    """Look for modules in d2lib's folders."""
    if "d2lib" not in folder.split("/"):
        raise ImportError(f"{folder} is not d2lib's")
    return importlib.machinery.FileFinder(folder, (Loader, [".py"]))


sys.path_hooks.insert(0, finder)


# --- what a cell shows --------------------------------------------------------


class Stream(io.TextIOBase):
    """What print writes to: sends text now and then, and no more than one can read."""

    def __init__(self, kind: str) -> None:
        self.kind, self.text = kind, ""
        self.characters = self.lines = self.lost = 0
        self.sent = 0.0

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Take text; what is over the limit is counted and dropped."""
        if self.characters < MOST_CHARACTERS and self.lines < MOST_LINES:
            kept = "".join(text.splitlines(keepends=True)[: MOST_LINES - self.lines])
            kept = kept[: MOST_CHARACTERS - self.characters]
            self.characters += len(kept)
            self.lines += kept.count("\n")
            self.text += kept
            self.lost += text[len(kept) :].count("\n")
            if time.monotonic() - self.sent > EVERY:
                self.flush()
        else:
            self.lost += text.count("\n")
        return len(text)

    def flush(self) -> None:
        """Send what has come since."""
        if self.text:
            send(self.kind, self.text)
            self.text, self.sent = "", time.monotonic()

    def end(self) -> None:
        """Send the rest, and say what was dropped."""
        if self.lost:
            self.text += f"\n[{self.lost:,} more lines are not shown]\n"
        self.flush()


def display(*objects: Any, raw: bool = False, **options: Any) -> None:
    """Show objects as a notebook does, each in the best form that it has."""
    for value in objects:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        show(value if raw else bundle(value))


def bundle(value: Any) -> dict[str, Any]:
    """Return the forms that an object has, by their type."""
    if hasattr(value, "_repr_mimebundle_"):
        found = value._repr_mimebundle_()
        if found:
            return found[0] if isinstance(found, tuple) else found
    if type(value).__module__ == "matplotlib.figure":
        return picture(value)
    for kind, name in (
        ("text/html", "_repr_html_"),
        ("image/svg+xml", "_repr_svg_"),
        ("text/markdown", "_repr_markdown_"),
        ("image/png", "_repr_png_"),
    ):
        form = getattr(value, name, None)
        if callable(form) and not isinstance(value, type) and (found := form()):
            return {kind: found}
    if type(value) in (dict, list, tuple, set):
        return {"text/plain": pprint.pformat(value, width=79, sort_dicts=False)}
    return {"text/plain": repr(value)}


def show(forms: dict[str, Any]) -> None:
    """Send the best of an object's forms."""
    if "text/html" in forms:
        send("html", forms["text/html"])
    elif "image/svg+xml" in forms:
        send("svg", forms["image/svg+xml"])
    elif "image/png" in forms:
        data = forms["image/png"]
        send("png", data if isinstance(data, str) else base64.b64encode(data).decode())
    elif "text/markdown" in forms:
        send("html", markdown(forms["text/markdown"]))
    elif "text/plain" in forms:
        send("text", forms["text/plain"] + "\n")


def markdown(text: str) -> str:
    """Return as HTML what the book's cells show as Markdown: listings, and names."""
    parts = []
    pieces = re.split(r"^(`{3,})(\w*)\n(.*?)\n\1$", text, flags=re.M | re.S)
    for i, piece in enumerate(pieces):
        if i % 4 == 3:
            code = (
                highlighted(piece) if pieces[i - 1] == "python" else html.escape(piece)
            )
            parts.append(f'<div class="highlight"><pre>{code}\n</pre></div>')
        elif i % 4 == 0 and piece.strip():
            words = html.escape(piece.strip())
            words = re.sub(r"`([^`]+)`", r"<code>\1</code>", words)
            words = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", words)
            words = re.sub(r"\*([^*]+)\*", r"<em>\1</em>", words)
            parts += [f"<p>{part}</p>" for part in words.split("\n\n")]
    return "".join(parts)


def highlighted(code: str) -> str:
    """Return code as HTML, with the classes that the page's style sheet knows."""
    lines = code.splitlines(keepends=True)
    parts, row, column = [], 1, 0

    def until(to_row: int, to_column: int) -> str:
        nonlocal row, column
        text = ""
        while row < to_row:
            text += lines[row - 1][column:] if row <= len(lines) else ""
            row, column = row + 1, 0
        text += lines[row - 1][column:to_column] if row <= len(lines) else ""
        column = to_column
        return html.escape(text)

    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            parts.append(until(*token.start))
            text = until(*token.end)
            kind = TOKENS.get(token.type, "")
            if token.type == tokenize.NAME and keyword.iskeyword(token.string):
                kind = "k"
            parts.append(
                f'<span class="{kind}">{text}</span>' if kind and text else text
            )
    except (tokenize.TokenError, SyntaxError):
        return html.escape(code)
    return "".join(parts)


# --- figures ------------------------------------------------------------------

format_, options_ = "png", {}  # what notebooks do unless they are told otherwise


def set_formats(*names: str, **options: Any) -> None:
    """Choose how figures are shown, as `plotting.use_style` does."""
    global format_, options_
    format_ = "svg" if "svg" in names else "png"
    options_ = {k: v for k, v in options.items() if k == "bbox_inches"}


def picture(figure: Any) -> dict[str, str]:
    """Return a figure as its picture."""
    options = {"bbox_inches": "tight"} | options_
    if format_ == "svg":
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None}, **options)
        return {"image/svg+xml": text.getvalue()}
    data = io.BytesIO()
    figure.savefig(data, format="png", **options)
    return {"image/png": base64.b64encode(data.getvalue()).decode()}


def show_figures() -> None:
    """Show the figures that a cell has drawn, and close them."""
    plt = sys.modules.get("matplotlib.pyplot")
    if plt is not None:
        for number in plt.get_fignums():
            display(plt.figure(number))
        plt.close("all")


# --- stand-ins ----------------------------------------------------------------


class Data:
    """A text that a notebook shows as what it stands for."""

    def __init__(self, data: Any = None, **options: Any) -> None:
        self.data = data


class HTML(Data):
    """A piece of a page."""

    def _repr_html_(self) -> str:
        return self.data


class Markdown(Data):
    """A text in Markdown."""

    def _repr_markdown_(self) -> str:
        return self.data


class SVG(Data):
    """A picture in SVG."""

    def _repr_svg_(self) -> str:
        return self.data


class Image(Data):
    """A picture in PNG."""

    def _repr_png_(self) -> bytes:
        return self.data


def module(name: str, **names: Any) -> types.ModuleType:
    """Make a module that cells can import."""
    made = types.ModuleType(name)
    made.__spec__ = importlib.util.spec_from_loader(name, None)
    made.__dict__.update(names)
    sys.modules[name] = made
    return made


SHELL = types.SimpleNamespace(
    input_transformers_cleanup=[],
    events=types.SimpleNamespace(register=lambda event, call: None),
    enable_gui=lambda gui=None: None,
)
shown = {
    "display": display,
    "HTML": HTML,
    "Markdown": Markdown,
    "SVG": SVG,
    "Image": Image,
    "clear_output": lambda wait=False: send("clear", ""),
}
module("IPython.display", **shown)
module(
    "IPython",
    display=sys.modules["IPython.display"],
    get_ipython=lambda: SHELL,
    version_info=(8, 0),
    __version__="8.0",
)
# matplotlib finds IPython and asks for more of it than cells do.
sys.modules["IPython"].__path__ = []
module("IPython.core", __path__=[])
module("IPython.core.pylabtools", backend2gui={})
module("matplotlib_inline.backend_inline", set_matplotlib_formats=set_formats)
module(
    "matplotlib_inline",
    __path__=[],
    backend_inline=sys.modules["matplotlib_inline.backend_inline"],
)
# Gymnasium imports it for worlds in processes of their own, which no page has.
module(
    "_multiprocessing",
    SemLock=types.SimpleNamespace(SEM_VALUE_MAX=1),
    sem_unlink=lambda name: None,
)
module("requests")  # with which music21 would ask other hosts for scores
module("myst_nb", glue=lambda name, value, display=True: None)
__main__.__dict__["display"] = display
__main__.__dict__["get_ipython"] = lambda: SHELL


# --- running ------------------------------------------------------------------


@contextlib.contextmanager
def captured(quiet: bool) -> Iterator[None]:
    """Send what is printed, or drop it."""
    global send
    before = sys.stdout, sys.stderr, send
    if quiet:
        send = nobody
    sys.stdout, sys.stderr = Stream("text"), Stream("stderr")
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.end()
        sys.stdout, sys.stderr, send = before


def run(code: str, name: str, quiet: bool = False, check: str = "") -> str:
    """Run one cell, and the check of what it should do.

    Args:
        code: The cell.
        name: What its lines are called in a traceback.
        quiet: Whether to drop what it shows.
        check: A cell that looks at what this one has made; "" for none.

    Returns:
        The error as JSON, with the keys ``error``, ``line`` and ``traceback``; "" if
        there was none.
    """
    with captured(quiet):
        try:
            execute(code, name)
            show_figures()
        except BaseException as error:
            with contextlib.suppress(Exception):
                show_figures()
            return json.dumps(told(error, name))
        if check:
            examine(check, name)
    return ""


def execute(code: str, name: str) -> None:
    """Run the statements of a cell, and show the value of the last one."""
    file = f"<{name}>"
    if magic := re.search(r"^\s*([%!]\S*)", code, flags=re.M):
        with contextlib.suppress(SyntaxError):
            ast.parse(code)
            magic = None
        if magic:
            raise SyntaxError(
                f"{magic[1]} is a command of notebooks, which a page can't run"
            )
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    tree = read(code, file)
    last = None
    ends = tree.body and isinstance(tree.body[-1], ast.Expr)
    if ends and not ends_in_semicolon(code):  # IPython shows nothing after one
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, file, "exec", 0, True), __main__.__dict__)
    if last is not None:
        value = eval(compile(last, file, "eval", 0, True), __main__.__dict__)
        if value is not None:
            __main__.__dict__["_"] = value
            display(value)


def ends_in_semicolon(code: str) -> bool:
    """Tell whether the last token that is no comment is a semicolon."""
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)
    tokens = [
        token
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type not in skipped
    ]
    return bool(tokens) and tokens[-1].string == ";"


def examine(check: str, name: str) -> None:
    """Run the check of an exercise; what it prints says how it went."""
    try:
        execute(check, f"check of {name}")
    except NameError as error:
        print(f"not there yet: {error.name or 'a name'} is what the check looks for")
    except BaseException as error:
        print(
            f"not right yet: {''.join(traceback.format_exception_only(error)).strip()}"
        )


def told(error: BaseException, name: str) -> dict[str, Any]:
    """Return an error in the words of a reader: itself first, then where it was."""
    file = f"<{name}>"
    said = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, MemoryError):  # NumPy's has a name of its own
        said = f"MemoryError: {error}".removesuffix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    kept = [f for f in frames if f.filename != __file__ and f.filename != "<cells>"]
    line = next((f.lineno for f in reversed(kept) if f.filename == file), None)
    if isinstance(error, SyntaxError):
        line = error.lineno if error.filename == file else line
        said = f"{type(error).__name__}: {error.msg}"
    if isinstance(error, MemoryError):
        said += "\nA page has some 2 GB for Python, at most."
    if isinstance(error, RecursionError):
        kept = kept[:20]
    where = "".join(traceback.format_list(kept))
    if isinstance(error, SyntaxError) and error.text:
        where += "".join(traceback.format_exception_only(error))
    return {"error": said, "line": line, "traceback": where.rstrip()}
