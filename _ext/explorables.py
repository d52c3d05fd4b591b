"""Explorables: pictures that the reader drives, whose numbers are the library's own.

On a page stands

    ```{explorable} perceptron
    ---
    name: explore-perceptron
    alt: What one sees in the static picture, on as many lines
      as it takes.
    ---
    Before you drag, predict ... (the caption)

    What to try, and what to notice. (As many paragraphs as you like.)
    ```

and three files make it. `_ext/explore/perceptron.py` draws the static picture, for
paper and for whoever has no scripts, and makes the golden values **by calling d2lib**.
`assets/static/explorables/perceptron.js` computes the same in the page and draws it.
`tests/site/test_explorables.py` holds the one to the other, and drives it. To add one:

1. `_ext/explore/NAME.py` with `picture()`, which returns a figure, and `golden()`,
   which returns a list of `Case("function", (arguments), value by d2lib)`, and, if the
   page needs data such as trained weights, `data()`, which returns a dict: each name in
   it becomes a script, which the page loads when the reader comes near. To try it:
   `python -m explore NAME FOLDER`, with `_ext` and the root in PYTHONPATH.
2. `assets/static/explorables/NAME.js`, a classic script:
   `explorable.model.NAME = {...}`, pure functions by the names in `golden()`, and
   `explorable("NAME", ui => node)`, which returns the picture. `ui`, which `base.js`
   and `plot.js` make, has
   - Controls, each with a key under which its value stands in the address:
     `ui.range(key, {label, min, max, step, value})`,
     `ui.choice(key, {label, options: [[value, text]], value})`,
     `ui.handle(key, plot, {label, value: [x, y], step})`, and for anything else
     `ui.state(key, {value, parse, write})`. Each returns an object with `.value` and
     `.set(value)`. What `parse` can't read gives the default, in silence.
   - `ui.button(label, action)`; `ui.loop(step, label)`, a button that runs `step()`
     until it returns false, and stops it: slowly where motion isn't wanted.
   - `ui.number(label)` returns a function that shows a text beside the picture.
     `ui.say(text)` shows a sentence and has it read out. `ui.code(() => text)` is the
     state as d2lib code, which must run and print. `ui.draw(() => ...)` runs now, and
     whenever a value changes.
   - `ui.need(name, data => ...)`: what `data()` made, once the reader is near.
   - `ui.fixed(number, digits)`: a number as text, without "-0.00".
   - `ui.make("p", {class: "x", click: listener}, ...children)`, `"svg:path"` for SVG.
   `plot.js` has axes to draw into: `ui.plot({x: [0, 1], y: [0, 1], xlabel, ylabel})`.
3. The directive on the page. The tests find it, and drive what they find in it.

What `_ext/explore` makes is kept in `_build/explorables`, in a folder that is named
after what it depends on. A page without explorables gets no script.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from execution import ROOT, cache_folder, kernel_environment
from filelock import FileLock
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

KEY = "explorables"  # in Sphinx's metadata of a page
SCRIPTS = "explorables"  # the folder in `_static`
MAKERS = ROOT / "_ext" / "explore"


def folder(name: str) -> Path:
    """Return where what an explorable needs is kept, for the code as it is now."""
    digest = hashlib.sha256(cache_folder(ROOT).name.encode())
    shared = [file for file in MAKERS.glob("_*.py")]
    for file in [*sorted(shared), MAKERS / f"{name}.py"]:
        digest.update(file.read_bytes())
    return ROOT / "_build" / "explorables" / f"{name}-{digest.hexdigest()[:16]}"


def make(name: str) -> Path:
    """Return the folder with an explorable's picture, golden values and data.

    They are made in a process of their own, on one thread, so that they are the same
    each time and Sphinx keeps its state.

    Raises:
        ExtensionError: there is no such explorable, or it fails.
    """
    if not (MAKERS / f"{name}.py").is_file():
        raise ExtensionError(
            f"there is no explorable {name!r}: _ext/explore has "
            f"{sorted(f.stem for f in MAKERS.glob('[a-z]*.py'))}"
        )
    made = folder(name)
    made.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(made.parent / f"{name}.lock"):
        if made.is_dir():
            return made
        for old in made.parent.glob(f"{name}-*/"):
            shutil.rmtree(old)
        part = made.parent / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        paths = os.pathsep.join(map(str, (ROOT, ROOT / "_ext")))
        done = subprocess.run(
            [sys.executable, "-m", "explore", name, part],
            env={**kernel_environment(), "PYTHONPATH": paths, "MPLBACKEND": "agg"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ExtensionError(f"the explorable {name} failed:\n{done.stdout}")
        part.rename(made)
    return made


class explorable(nodes.General, nodes.Element):
    """A figure and the text below it; a script puts the live picture into its place."""


class Explorable(SphinxDirective):
    """A static picture with caption and text, which a script brings to life."""

    required_arguments = 1
    option_spec: ClassVar = {
        "alt": directives.unchanged_required,
        "name": directives.unchanged,
    }
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if not self.options.get("alt", "").strip() or not self.content:
            raise self.error(
                f"the explorable {name} needs an alt, what one sees in its static "
                "picture, and a caption that says what to try"
            )
        picture = make(name) / f"{name}.svg"
        page = Path(self.env.doc2path(self.env.docname)).resolve().parent
        uri = Path(os.path.relpath(picture, page)).as_posix()
        figure = nodes.figure("", nodes.image(uri=uri, alt=self.options["alt"]))
        inside = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, inside)
        first, *rest = inside.children
        figure += nodes.caption("", "", *first.children)
        self.add_name(figure)
        found = self.env.metadata[self.env.docname].setdefault(KEY, [])
        if name in found:
            raise self.error(f"the explorable {name} stands twice on this page")
        found.append(name)
        return [explorable("", figure, *rest, explorable=name)]


def visit_html(translator: object, node: explorable) -> None:
    name = node["explorable"]
    translator.body.append(f'<div class="explorable" data-explorable="{name}">\n')
    node["begins"] = len(translator.body)


def depart_html(translator: object, node: explorable) -> None:
    # A live picture hides the static one, which then need not be loaded.
    for i in range(node["begins"], len(translator.body)):
        part = translator.body[i]
        translator.body[i] = part.replace("<img ", '<img loading="lazy" ')
    translator.body.append("</div>\n")


def pass_by(translator: object, node: explorable) -> None:
    """Leave what is inside to the other builders."""


def add_scripts(
    app: Sphinx, docname: str, template: str, context: dict, tree: nodes.document | None
) -> None:
    """Give a page with explorables what they need, and other pages nothing."""
    found = app.env.metadata.get(docname, {}).get(KEY, []) if tree else []
    if found:
        app.add_css_file("explorables.css")
    for name in ["base", "plot", *found] if found else []:
        app.add_js_file(f"{SCRIPTS}/{name}.js", loading_method="defer")


def copy_data(app: Sphinx, error: Exception | None) -> None:
    """Put the data of the explorables beside their scripts."""
    if error is not None or app.builder.format != "html":
        return
    target = Path(app.outdir, "_static", SCRIPTS, "data")
    for name in {n for said in app.env.metadata.values() for n in said.get(KEY, [])}:
        for file in make(name).glob("*.js"):
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)


def setup(app: Sphinx) -> dict[str, object]:
    html = (visit_html, depart_html)
    other = (pass_by, pass_by)
    app.add_node(explorable, html=html, latex=other, text=other)
    app.add_directive("explorable", Explorable)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", copy_data)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
