"""Mend what Sphinx and its theme write so that some readers can't use it.

Each repair answers a violation that axe-core found (`tests/site/test_axe.py`).
"""

from __future__ import annotations

import re

SUMMARY = re.compile(r'<summary>(?=<span class="toctree-toggle")')
SIGNATURE = re.compile(r'<dt class="sig [^>]*>.*?</dt>', re.DOTALL)


def repaired(text: str) -> str:
    """Return a page of the site without the faults that are known."""
    # The arrow that opens a part of the contents has no name to be called by.
    text = SUMMARY.sub('<summary aria-label="The pages below it">', text)
    # A long signature is a list of definitions without terms: it is no such list.
    return SIGNATURE.sub(parameters, text)


def parameters(found: re.Match[str]) -> str:
    """Return a signature with its parameters one below the other, as plain blocks."""
    text = found[0]
    for tag, name in (("dl", "sig-params"), ("dd", "sig-line")):
        text = text.replace(f"<{tag}>", f'<div class="{name}">')
        text = text.replace(f"</{tag}>", "</div>")
    return text
