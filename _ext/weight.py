"""Make the built pages light: what a reader's browser need not do is done here.

When Sphinx has written the site, each page is gone over once more:

- its mathematics is set (`mathematics.py`), and the script that would do it goes;
- the theme's icons come from a font that holds them alone, so 540 KB of script and
  the fonts of all icons there are go, with the rules for them;
- its style sheets become one, and so do the scripts of Sphinx's own extensions, which
  don't hold up the page any more;
- sounds that were written into a page become files;
- the index for searching is loaded by the page that searches;
- each image says how large it is, and whether the page is light or dark is chosen
  before it shows, so that nothing moves when the rest comes.

The icons are those of Font Awesome Free (https://fontawesome.com, icons CC BY 4.0,
fonts SIL OFL 1.1) that the theme brings. Where there is no Node.js the mathematics
keeps its script; the build says so, and the site works as well.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import shutil
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import imagesize
from mathematics import MathematicsError, Typeset, formulas
from repairs import repaired
from shrink import Font, font_face
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

logger = getLogger(__name__)

NO_NODE = (
    "There is no Node.js, so the pages bring the script that sets their mathematics: "
    "install playwright or Node.js to spare your readers 260 KB and a wait."
)
#: Scripts of Sphinx's extensions that find the page complete, whenever they run.
OWN_SCRIPTS = (
    *("doctools", "sphinx_highlight", "clipboard.min", "copybutton"),
    *("scripts/sphinx-book-theme", "togglebutton"),
)
SEARCHES = ("_static/searchtools.js", "_static/language_data.js", "searchindex.js")
#: The theme's three fonts of icons: the end of a file's name, family and weight.
ICON_FONTS = {
    "solid-900": ("Font Awesome 6 Free", 900),
    "regular-400": ("Font Awesome 6 Free", 400),
    "brands-400": ("Font Awesome 6 Brands", 400),
}

#: The theme chooses light or dark when its script runs, which is late: until then
#: a page has the colours and line heights of neither. Here it is chosen at once.
THEME = re.compile(
    r"document\.documentElement\.dataset\.mode = .*?\n"
    r"\s*document\.documentElement\.dataset\.theme = .*?;"
)
CHOSEN = """\
(({dataset}) => {
      let kept = {};
      try { kept = {...localStorage}; } catch { /* forbidden: nothing is kept */ }
      const {matches} = matchMedia("(prefers-color-scheme: dark)");
      dataset.mode = kept.mode || "auto";
      dataset.theme = dataset.mode !== "auto" ? dataset.mode
        : matches ? "dark" : "light";
    })(document.documentElement);"""

LINK = re.compile(r'<link\b[^>]*\brel="stylesheet"[^>]*>\s*')
SCRIPT = re.compile(r'<script\b([^>]*)\bsrc="([^"]*)"([^>]*)></script>\s*')
HREF = re.compile(r'\bhref="([^"]*)"')
IMAGE = re.compile(r"<img\b[^>]*>")
EMBEDDED = re.compile(
    r'\bsrc="data:((?:audio|video)/[\w-]+);base64,([A-Za-z0-9+/=]{1000,})"'
)
CSS_IMPORT = re.compile(r'@import "([^"]+)";')
CSS_URL = re.compile(r"""url\(\s*(["']?)([^"')]+)\1\s*\)""")
ICON_RULE = re.compile(r'((?:\.fa-[\w-]+:+before,?)+)\{content:"\\([0-9a-f]+)"\}')
ICON_FACE = re.compile(r"@font-face\{[^{}]*?webfonts/fa-([\w-]+)\.[^{}]*\}")


def local(page: Path, address: str) -> Path | None:
    """Return the file that a page's link leads to, None if it is not of the site."""
    parts = urlsplit(html.unescape(address))
    if parts.scheme or parts.netloc or not parts.path:
        return None
    file = (page.parent / unquote(parts.path)).resolve()
    return file if file.is_file() else None


class Site:
    """The folder of a built site, and what is made for all its pages."""

    def __init__(self, folder: Path, typeset: Typeset) -> None:
        self.folder = folder.resolve()
        self.static = self.folder / "_static"
        self.typeset = typeset
        self.pages = {
            file: file.read_text(encoding="utf-8")
            for file in sorted(self.folder.rglob("*.html"))
            if "_static" not in file.relative_to(self.folder).parts
        }

    def lighten(self) -> None:
        """Write each page anew, and remove what no page needs any more."""
        is_set = self.typeset.add(
            set().union(*(formulas(text) for text in self.pages.values()))
        )
        if not is_set:
            logger.info(NO_NODE)
        for file, text in self.pages.items():
            lighter = THEME.sub(lambda _: CHOSEN, with_sizes(file, text), count=1)
            lighter = self.with_files(file, repaired(lighter))
            if is_set:
                lighter = self.with_mathematics(file, lighter)
            lighter = self.with_one_script(file, self.with_one_sheet(file, lighter))
            if lighter != text:
                file.write_text(lighter, encoding="utf-8")
        if is_set:
            shutil.rmtree(self.static / "mathjax", ignore_errors=True)
        shutil.rmtree(self.static / "vendor" / "fontawesome", ignore_errors=True)
        for heavy in (self.static / "scripts").glob("fontawesome.js*"):
            heavy.unlink()
        for source_map in self.static.rglob("*.map"):
            source_map.unlink()

    def with_files(self, file: Path, text: str) -> str:
        """Return a page with its sounds and films in files, for who plays them."""

        def moved(found: re.Match[str]) -> str:
            data = base64.b64decode(found[2])
            name = f"{hashlib.sha256(data).hexdigest()[:16]}.{found[1].split('/')[1]}"
            media = self.static / "media" / name
            media.parent.mkdir(exist_ok=True)
            media.write_bytes(data)
            return f'src="{self.address(file, media)}"'

        return EMBEDDED.sub(moved, text)

    def with_mathematics(self, file: Path, text: str) -> str:
        """Return a page with its formulas set, and with the style sheet for them."""
        text = SCRIPT.sub(lambda s: "" if "/mathjax/" in s[2] else s[0], text)
        text = re.sub(r"<script>window\.MathJax = .*?</script>\s*", "", text)
        lighter = self.typeset.fill_in(text)
        if lighter == text:
            return text
        link = (
            f'<link rel="stylesheet" href="{self.address(file, self.mathematics())}">'
        )
        return lighter.replace("</head>", f"  {link}\n  </head>", 1)

    @cache  # noqa: B019  (there is one site, and it lives as long as the build)
    def mathematics(self) -> Path:
        """Write the style sheet of the mathematics; return its file."""
        return self.write("mathematics", ".css", self.typeset.stylesheet())

    def with_one_sheet(self, file: Path, text: str) -> str:
        """Return a page with one style sheet in the place of those that it had."""
        links = LINK.findall(text)
        sheets = [local(file, HREF.search(link)[1]) for link in links]
        mine = [sheet for sheet in sheets if sheet and is_part(sheet)]
        if len(mine) < 2:
            return text
        one = self.address(file, self.sheet(tuple(mine)))
        first = True

        def replaced(found: re.Match[str]) -> str:
            nonlocal first
            if local(file, HREF.search(found[0])[1]) not in mine:
                return found[0]
            link = f'<link rel="stylesheet" href="{one}">\n' if first else ""
            first = False
            return link

        return LINK.sub(replaced, text)

    @cache  # noqa: B019
    def sheet(self, files: tuple[Path, ...]) -> Path:
        """Write style sheets into one; return its file."""
        return self.write("site", ".css", "\n".join(map(self.style, files)))

    def style(self, file: Path) -> str:
        """Return a style sheet as it reads in `_static`, with the icons in use."""
        text = file.read_text(encoding="utf-8").removeprefix('@charset "UTF-8";')
        text = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", text)
        text = CSS_IMPORT.sub(lambda found: self.style(local(file, found[1])), text)
        if ICON_FACE.search(text):
            text = self.with_icons(file, text)

        def moved(url: re.Match[str]) -> str:
            target = local(file, url[2])
            if target is None:
                return url[0]
            return f'url("{os.path.relpath(target, self.static)}")'

        return CSS_URL.sub(moved, text)

    def with_icons(self, file: Path, text: str) -> str:
        """Return a style sheet with the icons that the site shows, in small fonts."""
        scripts = [
            script.read_text(encoding="utf-8", errors="ignore")
            for script in self.static.rglob("*.js")
            if "mathjax" not in script.parts and script.name != "fontawesome.js"
        ]
        names = set(
            re.findall(r"\bfa-[\w-]+", "".join([*self.pages.values(), *scripts]))
        )

        def used(rule: re.Match[str]) -> str:
            return rule[0] if names & set(re.findall(r"fa-[\w-]+", rule[1])) else ""

        text = ICON_RULE.sub(used, text)
        sheets = [
            text,
            *(f.read_text("utf-8") for f in self.static.rglob("*book*.css")),
        ]
        icons = {
            int(escape, 16) if escape else ord(sign)
            for sign, escape in re.findall(
                r"([\ue000-\uf8ff])|\\([ef][0-9a-f]{3})\b", "".join(sheets)
            )
        }

        def face(found: re.Match[str]) -> str:
            family, weight = ICON_FONTS[found[1]]
            path = file.parent / f"../vendor/fontawesome/webfonts/fa-{found[1]}.ttf"
            return font_face(Font(family, path, weight), icons)

        return ICON_FACE.sub(face, text)

    def with_one_script(self, file: Path, text: str) -> str:
        """Return a page with fewer scripts, none of which holds it up."""
        searches = file.name == "search.html" or "search_as_you_type = true" in text
        # What searches runs at once, and needs the functions of doctools.js.
        own = [
            script
            for _, address, _ in SCRIPT.findall(text)
            if not searches
            and (script := local(file, address))
            and self.name(script) in OWN_SCRIPTS
        ]
        last = own[-1] if own else None

        def replaced(found: re.Match[str]) -> str:
            before, address, after = found.groups()
            script = local(file, address)
            if script is None:
                return found[0]
            name = self.name(script)
            if name == "scripts/fontawesome":
                return ""
            if not searches and script in {self.folder / path for path in SEARCHES}:
                return ""
            if name == "documentation_options":  # the page's own lines follow it
                return f"<script>{script.read_text('utf-8').strip()}</script>\n"
            if script in own:
                one = self.address(file, self.script(tuple(own)))
                return (
                    f'<script defer src="{one}"></script>\n' if script == last else ""
                )
            if name == "design-tabs":
                return f'<script defer{before}src="{address}"{after}></script>\n'
            return found[0]

        return SCRIPT.sub(replaced, text)

    @cache  # noqa: B019
    def script(self, files: tuple[Path, ...]) -> Path:
        """Write scripts into one; return its file."""
        # The first sign ends what would make all of it strict, as its first file is.
        texts = (re.sub(r"//# sourceMap.*", "", f.read_text("utf-8")) for f in files)
        return self.write("site", ".js", ";" + "\n;".join(texts))

    def name(self, script: Path) -> str:
        """Return how a script of the site is called, without its folder and `.js`."""
        if not script.is_relative_to(self.static):
            return ""
        return script.relative_to(self.static).as_posix().removesuffix(".js")

    def write(self, name: str, suffix: str, text: str) -> Path:
        """Write a file of the site, whose name changes with what is in it."""
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        file = self.static / f"{name}-{digest}{suffix}"
        file.write_text(text, encoding="utf-8")
        return file

    def address(self, page: Path, file: Path) -> str:
        """Return how a page links to a file of the site."""
        depth = len(page.relative_to(self.folder).parts) - 1
        return "../" * depth + file.relative_to(self.folder).as_posix()


def is_part(sheet: Path) -> bool:
    """Tell whether a style sheet is to be put together with others."""
    return not sheet.name.startswith("mathematics-")


def with_sizes(file: Path, text: str) -> str:
    """Return a page whose images say how large they are."""

    def sized(found: re.Match[str]) -> str:
        tag = found[0]
        source = re.search(r'\bsrc="([^"]*)"', tag)
        if source is None or re.search(r"\b(width|height)=|style=", tag):
            return tag
        image = local(file, source[1])
        width, height = imagesize.get(image) if image else (-1, -1)
        if width <= 0 or height <= 0:
            return tag
        return f'<img width="{round(width)}" height="{round(height)}"{tag[4:]}'

    return IMAGE.sub(sized, text)


def lighten(app: Sphinx, error: Exception | None) -> None:
    """Go over the pages that Sphinx has written."""
    if error is not None or app.builder.format != "html":
        return
    typeset = Typeset(Path(app.outdir).parent / "mathematics.json")
    try:
        Site(Path(app.outdir), typeset).lighten()
    except MathematicsError as wrong:
        logger.warning("The mathematics can't be set: %s", wrong)


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("build-finished", lighten, priority=900)  # after all others
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
