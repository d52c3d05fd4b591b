"""Make fonts that hold only what a site shows, for its style sheets to carry."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from fontTools import subset


class Font(NamedTuple):
    """A font as a style sheet names it, and its file."""

    family: str
    path: Path
    weight: int = 400


def font_face(font: Font, characters: Iterable[int]) -> str:
    """Return the rule `@font-face` of a font that holds these characters alone.

    Its copyright and licence stay in the font, where its makers put them.
    """
    options = subset.Options()
    options.flavor = "woff"
    options.layout_features = []
    options.name_IDs = [0, 1, 2, 13, 14]  # copyright, family, style, licence, its page
    options.name_languages = ["*"]
    options.drop_tables += ["FFTM", "GDEF"]
    options.ignore_missing_unicodes = True
    cut = subset.Subsetter(options)
    cut.populate(unicodes=set(characters))
    file = io.BytesIO()
    with subset.load_font(str(font.path), options) as loaded:
        cut.subset(loaded)
        subset.save_font(loaded, file, options)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'@font-face{{font-family:"{font.family}";font-weight:{font.weight};'
        f'font-display:block;src:url("data:font/woff;base64,{data}")format("woff")}}'
    )
