"""Offer every page of the book as a notebook, to download or to open elsewhere.

The notebook has the page's text and cells in plain Markdown and no outputs (plain.py
says how). It lies in `_sources`, and the theme's download menu links to it. A page with
cells tagged `gap` has a second notebook, without their solutions (see gaps.py), and a
line under its title that links to it. A page that imports what only a clone has, such
as `benchmarks`, has none.

When `_config.yml` says where the repository is,

    sphinx:
      config:
        html_theme_options:
          repository_url: https://github.com/you/your-book

each page with a notebook also has buttons that open it on Binder and, for GitHub, on
Colab. They expect the built site on the branch `gh-pages` (`notebooks_branch` under
`sphinx: config:` names another), where a folder `binder` tells Binder what to install.
With `html: baseurl:` set, the notebooks' references become links into the site.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat
from docutils import nodes
from execution import read
from gaps import has_gaps, with_gaps
from nbformat import NotebookNode
from plain import Book, needs_the_clone, notebook
from sphinx.application import Sphinx

COLAB = "https://colab.research.google.com"
BINDER = "https://mybinder.org"
HOSTS = {"github.com": "gh", "gitlab.com": "gl"}  # what Binder calls them


def source_of(app: Sphinx, docname: str) -> NotebookNode | None:
    """Return a page's cells if it is to have a notebook, None if not."""
    if docname not in app.env.all_docs:
        return None
    page = read(Path(app.env.doc2path(docname)), Path(app.srcdir))
    if page is None:
        return None
    code = [cell for cell in page.cells if cell.cell_type == "code"]
    return page if code and not needs_the_clone(code) else None


def repository(app: Sphinx) -> str:
    """Return the repository's address, "" if none is configured."""
    options = app.config.html_theme_options or {}
    return str(options.get("repository_url") or "").rstrip("/").removesuffix(".git")


def launch_links(repository: str, branch: str, path: str) -> dict[str, str]:
    """Return where a notebook of the built site opens: names and addresses.

    Args:
        repository: The repository's address, "" if it has none.
        branch: The branch on which the built site lies.
        path: The notebook in it.
    """
    if not repository:
        return {}
    host, project = urlsplit(repository).netloc, urlsplit(repository).path.strip("/")
    if host in HOSTS:
        slug = project if host == "github.com" else quote(project, safe="")
        where = f"{HOSTS[host]}/{slug}"
    else:
        where = f"git/{quote(repository, safe='')}"
    ref = quote(branch, safe="")
    links = {"Binder": f"{BINDER}/v2/{where}/{ref}?urlpath=lab/tree/{path}"}
    if host == "github.com":
        links["Colab"] = f"{COLAB}/github/{project}/blob/{branch}/{path}"
    return links


def link_notebook(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Tell the theme that a page has a notebook to download."""
    if source_of(app, pagename) is not None:
        context["ipynb_source"] = f"{pagename}.ipynb"


def add_launch_buttons(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Add the buttons that open a page's notebook elsewhere.

    The theme's own would open the page's source, which Colab cannot read.
    """
    links = launch_links(
        repository(app), app.config.notebooks_branch, f"_sources/{pagename}.ipynb"
    )
    if "ipynb_source" in context and links:
        logos = {"Binder": "logo_binder.svg", "Colab": "logo_colab.png"}
        buttons = [
            {
                "type": "link",
                "text": name,
                "tooltip": f"Open this page on {name}",
                "icon": f"_static/images/{logos[name]}",
                "url": url,
            }
            for name, url in links.items()
        ]
        context["header_buttons"].append(
            {
                "type": "group",
                "tooltip": "Open this page as a notebook",
                "icon": "fas fa-rocket",
                "buttons": buttons,
                "label": "launch-buttons",
            }
        )


def link_gaps(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put a link to the notebook with gaps under the title of a page that has one."""
    cells = doctree.findall(nodes.container)
    if app.builder.name != "html" or not any("tag_gap" in c["classes"] for c in cells):
        return
    up = "../" * docname.count("/")
    link = nodes.reference(
        "", "notebook with gaps", refuri=f"{up}_sources/{docname}-gaps.ipynb"
    )
    line = nodes.paragraph(classes=["gaps"])
    line += [
        nodes.Text("Write it yourself: the "),
        link,
        nodes.Text(" leaves out the code to find, and says whether yours works."),
    ]
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, line)


def write_notebook(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Write a page's notebook, and the one with gaps, from the resolved page."""
    page = source_of(app, docname) if app.builder.name == "html" else None
    if page is None:
        return
    site = (app.config.html_baseurl or "").rstrip("/")
    book = Book(app.config.html_title, site, repository(app))
    made = notebook(doctree, app.env, docname, page, book)
    target = Path(app.outdir, "_sources", f"{docname}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, target)
    if has_gaps(made):
        gapped = target.with_name(f"{target.stem}-gaps.ipynb")
        nbformat.write(with_gaps(made), gapped)


def write_binder(app: Sphinx, exception: Exception | None) -> None:
    """Write what Binder must install, beside the site."""
    if exception is None and app.builder.name == "html" and repository(app):
        folder = Path(app.outdir, "binder")
        folder.mkdir(exist_ok=True)
        package = f"d2lib-book[mxnet,plot,music,photos,rl] @ git+{repository(app)}"
        (folder / "requirements.txt").write_text(f"{package}\n", encoding="utf-8")
        (folder / "runtime.txt").write_text("python-3.11\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    app.add_config_value("notebooks_branch", "gh-pages", "env", [str])
    # Before the theme (500) lays out its buttons, and after it has.
    app.connect("html-page-context", link_notebook, priority=400)
    app.connect("html-page-context", add_launch_buttons, priority=501)
    app.connect("doctree-resolved", link_gaps)
    app.connect("doctree-resolved", write_notebook, priority=900)
    app.connect("build-finished", write_binder)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
