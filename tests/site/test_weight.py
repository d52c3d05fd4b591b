"""Every page is light, stands still while it comes, and keeps the browser free."""

from __future__ import annotations

import subprocess

import pytest
import site_checks as checks
import weights
from mathematics import Formula, MathematicsError, Typeset, formulas, node
from repairs import repaired
from shrink import Font, font_face
from test_site import NAMES
from weight import NO_NODE, Site, with_sizes

pytestmark = pytest.mark.xdist_group("site")

PAGE = "<!doctype html><html><head><title>Page</title>{}</head><body>{}</body></html>"
INLINE = r'<span class="math notranslate nohighlight">\({}\)</span>'
MANY = "".join(f"<script src=small.js?{i}></script>" for i in range(26))
BUSY = "<script>for (let i = 0, x = 1; i < 4e8; i++) x = Math.imul(x, 7) + 1</script>"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_light(name, browser, address):
    page = browser.new_context(viewport=checks.DESK).new_page()
    found = weights.check_weight(weights.weigh(page, f"{address}/{name}.html"))
    page.context.close()
    checks.report(found)


@pytest.mark.parametrize(
    ("head", "body", "problem"),
    [
        ("", "<p>text</p>", None),
        ("<script src=heavy.js></script>", "", "it weighs"),
        (MANY, "", "27 requests"),
        ("<script src=mathjax.js></script>", "", "it loads"),
        (BUSY, "", "its scripts take"),
        (
            "",
            "<p>above</p><img src=dot.svg alt=dot style='width: 100%'>"
            "<p style='height: 900px'>below</p><script>requestAnimationFrame(() =>"
            "requestAnimationFrame(() => { document.querySelector('p').style.height ="
            "'300px' }))</script>",
            "its layout shifts",
        ),
    ],
    ids=["light", "heavy", "many", "foreign", "busy", "shifting"],
)
def test_a_planted_weight_is_found(head, body, problem, browser, tmp_path):
    (tmp_path / "page.html").write_text(PAGE.format(head, body))
    (tmp_path / "favicon.ico").touch()
    (tmp_path / "dot.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "small.js").write_text("")
    (tmp_path / "mathjax.js").write_text("")
    noise = "".join(f"{i * i:x}" for i in range(300_000))  # it can't be compressed away
    (tmp_path / "heavy.js").write_text(f"const noise = '{noise}'")
    page = browser.new_context(viewport=checks.DESK).new_page()
    with checks.served(tmp_path) as address:
        found = weights.check_weight(weights.weigh(page, f"{address}/page.html"))
    page.context.close()
    if problem is None:
        assert found == []
    else:
        assert any(problem in text for text in found), found


@pytest.fixture(scope="module")
def typeset(tmp_path_factory):
    """Set a few formulas that need much."""
    if node() is None:
        pytest.skip(NO_NODE)
    typeset = Typeset(tmp_path_factory.mktemp("set") / "mathematics.json")
    assert typeset.add(
        {
            Formula("w_1", False),
            Formula(r"\left\{x \in \mathbb{R}\right\}", False),
            Formula(r"\begin{split}a &= b \\ c &= \sum_i d_i < 1\end{split}", True),
        }
    )
    return typeset


def test_mathematics_is_set_as_three_forms(typeset):
    set_ = typeset.fill_in(f"<p>The weight {INLINE.format('w_1')}, and</p>")
    assert "<mjx-math aria-hidden" in set_
    assert "<msub><mi>w</mi><mn>1</mn></msub></math></mjx-assistive-mml>" in set_
    assert '<span class="copied-tex" aria-hidden="true">$w_1$</span>' in set_
    assert '<p>The weight <span class="unbroken"><span class="math' in set_
    assert set_.endswith("</span>,</span> and</p>")
    assert typeset.fill_in(set_) == set_
    assert formulas(set_) == set()


def test_a_number_and_its_link_stay(typeset):
    number = (
        '<span class="eqno">(2.1)<a class="headerlink" href="#equation-a">#</a></span>'
    )
    tex = r"\begin{split}a &amp;= b \\ c &amp;= \sum_i d_i &lt; 1\end{split}"
    page = f'<div class="math notranslate" id="equation-a">\n{number}\\[{tex}\\]</div>'
    set_ = typeset.fill_in(page)
    assert set_.startswith(
        f'<div class="math notranslate" id="equation-a">{number}<mjx'
    )
    assert "&lt; 1\\end{split}$$" in set_


def test_what_is_set_is_kept(typeset, monkeypatch):
    kept = Typeset(typeset.file)
    assert kept.set == typeset.set
    monkeypatch.setattr(subprocess, "run", lambda *a, **b: pytest.fail("set again"))
    assert kept.add({Formula("w_1", False)})


def test_an_error_in_a_formula_is_named(tmp_path):
    if node() is None:
        pytest.skip(NO_NODE)
    with pytest.raises(MathematicsError, match=r"Undefined control sequence \\nosuch"):
        Typeset(tmp_path / "set.json").add({Formula(r"\nosuch", False)})


def test_without_node_the_script_stays(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("mathematics.node", lambda: None)
    script = '<script defer="defer" src="_static/mathjax/tex-chtml.js"></script>'
    page = PAGE.format(script, INLINE.format("x"))
    (tmp_path / "_static" / "mathjax").mkdir(parents=True)
    (tmp_path / "_static" / "mathjax" / "tex-chtml.js").touch()
    (tmp_path / "index.html").write_text(page)
    Site(tmp_path, Typeset(tmp_path / "set.json")).lighten()
    assert (tmp_path / "index.html").read_text() == page
    assert (tmp_path / "_static" / "mathjax" / "tex-chtml.js").is_file()


def test_the_style_sheet_draws_rows_below_each_other(typeset, browser, tmp_path):
    tex = r"\begin{split}a &amp;= b \\ c &amp;= \sum_i d_i &lt; 1\end{split}"
    body = typeset.fill_in(f'<div class="math">\\[{tex}\\]</div>')
    style = f"<style>{typeset.stylesheet()}</style>"
    page = browser.new_page()
    page.set_content(PAGE.format(style, body))
    tops = page.evaluate(
        "[...document.querySelectorAll('mjx-mtr')]"
        ".map(node => node.getBoundingClientRect().y)"
    )
    assert len(tops) == 2
    assert tops[1] > tops[0] + 10
    fonts = "document.fonts.ready.then(() => [...document.fonts].map(f => f.status))"
    assert "error" not in page.evaluate(fonts)
    page.close()


def test_a_font_holds_what_is_asked_for(tmp_path):
    from mathematics import mathjax

    path = mathjax() / "output/chtml/fonts/woff-v2/MathJax_Main-Regular.woff"
    few, many = (font_face(Font("A", path), range(65, end)) for end in (67, 91))
    assert 500 < len(few) < len(many) < path.stat().st_size


def test_style_sheets_become_one(tmp_path):
    static = tmp_path / "_static"
    (static / "styles").mkdir(parents=True)
    (static / "basic.css").write_text("i { color: red }")
    (static / "dot.svg").write_text("<svg/>")
    (static / "styles" / "a.css").write_text('@import "../basic.css";\nb { top: 0 }')
    (static / "c.css").write_text("u { background: url(styles/../dot.svg) }")
    links = "".join(
        f'<link rel="stylesheet" href="../_static/{name}.css?v=1" />\n'
        for name in ("styles/a", "c")
    )
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "page.html").write_text(PAGE.format(links, ""))
    Site(tmp_path, Typeset(tmp_path / "set.json")).lighten()
    (one,) = static.glob("site-*.css")
    assert one.read_text() == (
        "i { color: red }\nb { top: 0 }\n" + 'u { background: url("dot.svg") }'
    )
    text = (tmp_path / "sub" / "page.html").read_text()
    assert text.count("stylesheet") == 1
    assert f'href="../_static/{one.name}"' in text


def test_images_say_how_large_they_are(tmp_path):
    (tmp_path / "dot.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' width='72pt' height='36pt'/>"
    )
    page = tmp_path / "page.html"
    assert with_sizes(page, '<img src="dot.svg" alt="A dot">') == (
        '<img width="96" height="48" src="dot.svg" alt="A dot">'
    )
    for as_it_is in ('<img src="no.svg">', '<img width="3" src="dot.svg">'):
        assert with_sizes(page, as_it_is) == as_it_is


def test_a_signature_is_no_list_of_definitions():
    signature = (
        '<dt class="sig py" id="f">f(<dl>\n<dd>x,</dd>\n</dl>\n)</dt><dd>Text</dd>'
    )
    assert repaired(signature) == (
        '<dt class="sig py" id="f">f(<div class="sig-params">\n<div class="sig-line">x,'
        "</div>\n</div>\n)</dt><dd>Text</dd>"
    )


COPY = """node => {
  getSelection().selectAllChildren(node);
  const event = new ClipboardEvent("copy", {clipboardData: new DataTransfer()});
  document.dispatchEvent(event);
  return event.clipboardData.getData("text/plain");
}"""


def test_a_formula_is_copied_as_tex(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/chapters/1-foundations/perceptron.html")
    words = page.locator("p:has(mjx-container)", has_text="The bias is not part of")
    assert words.evaluate(COPY) == (
        "The bias is not part of $W$. Notes that start $W$ at $w_0$ and add $w_0$ "
        "again count it twice."
    )
    numbered = page.locator("#equation-perceptron-sum").evaluate(COPY)
    assert numbered.startswith("(2.1)")
    assert numbered.endswith(r"$$\hat y = g\Big(w_0 + \sum_{i=1}^m x_i w_i\Big)$$")
    page.close()


@pytest.mark.parametrize("width", [320, 375])
def test_a_wide_formula_scrolls_and_the_keyboard_reaches_it(width, browser, address):
    size = {"width": width, "height": 667}
    page = browser.new_context(viewport=size).new_page()
    page.goto(f"{address}/chapters/2-sequences/attention.html")
    wide = """[...document.querySelectorAll("mjx-container[display=true]")]
        .filter(node => node.scrollWidth > node.clientWidth && node.clientWidth)"""
    assert page.evaluate(f"{wide}.length")
    assert page.evaluate(f"{wide}.every(node => node.tabIndex === 0)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.context.close()
