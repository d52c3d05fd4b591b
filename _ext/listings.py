"""Show a cell tagged `listing` as a listing: no input, and a link to the source.

`d2lib.book.listings.listing` prints the source of a library object under a caption that
names the object. In the built site this extension hides the call and links the
caption to the highlighted source file (the pages of `sphinx.ext.viewcode`). In a
notebook there is no site, so there the caption stays plain text.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.viewcode import OUTPUT_DIRNAME, is_supported_builder
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.logging import getLogger

logger = getLogger(__name__)


class HideListingInput(SphinxTransform):
    """Remove the input of listing cells and mark their captions."""

    default_priority = 390

    def apply(self, **kwargs: object) -> None:
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") != "cell_code" or (
                "tag_listing" not in cell["classes"]
            ):
                continue
            for part in list(cell.children):
                if part.get("nb_element") == "cell_code_source":
                    cell.remove(part)
            caption = next(
                (
                    paragraph
                    for paragraph in cell.findall(nodes.paragraph)
                    if isinstance(paragraph[0], nodes.literal)
                ),
                None,
            )
            if caption is None:
                logger.warning(
                    "a cell tagged `listing` must end in listing(...)",
                    location=(self.env.docname, cell.line),
                )
            else:
                caption["classes"].append("listing-caption")


def source_page(env: BuildEnvironment, name: str) -> tuple[str, str] | None:
    """Return the viewcode page and anchor of a dotted name, the anchor maybe empty."""
    documented = getattr(env, "_viewcode_modules", {})
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        entry = documented.get(".".join(parts[:length]))
        if entry:
            page = "/".join([OUTPUT_DIRNAME, *parts[:length]])
            # A method that is not documented itself is found in its class.
            for end in range(len(parts), length, -1):
                if ".".join(parts[length:end]) in entry[2]:
                    return page, ".".join(parts[length:end])
            return page, ""
    return None


class LinkListing(SphinxPostTransform):
    """Add "full source" to a listing's caption, once every page has been read."""

    default_priority = 90

    def run(self, **kwargs: object) -> None:
        builder = self.app.builder
        if not is_supported_builder(builder):
            return
        for caption in self.document.findall(nodes.paragraph):
            if "listing-caption" not in caption["classes"]:
                continue
            name = caption[0].astext()
            target = source_page(self.env, name)
            if target is None:
                logger.warning(
                    "the API reference does not document %s, "
                    "so its listing has no source to link to",
                    name,
                    location=(self.env.docname, caption.line),
                    type="listing",
                )
                continue
            page, anchor = target
            uri = builder.get_relative_uri(self.env.docname, page)
            link = nodes.reference(
                "",
                "full source",
                internal=True,
                refuri=f"{uri}#{anchor}" if anchor else uri,
                classes=["listing-source"],
            )
            caption += [nodes.Text(" "), link]


def setup(app: Sphinx) -> dict[str, object]:
    app.setup_extension("sphinx.ext.viewcode")
    app.add_transform(HideListingInput)
    app.add_post_transform(LinkListing)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
