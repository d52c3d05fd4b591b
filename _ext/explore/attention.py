"""Attention: which word looks where, with positions and scaling on and off."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from d2lib import plotting, scratch
from explore._case import Case

ALIVE = ["animal", "dog", "child", "king", "horse", "farmer"]
WAYS = ["street", "river", "road", "bridge", "field", "square"]
TIRED = ["tired", "hungry", "afraid", "lazy", "sleepy", "ill"]
WIDE = ["wide", "long", "busy", "muddy", "dark", "steep"]
TEXTS = ("{} did not cross the {}", "{} did not suit the {}")
UNITS = 16


def grammar() -> tuple[list[list[str]], list[str]]:
    """The page's 864 sentences, and the noun that each last word describes."""
    sentences, answers = [], []
    for a, w, last in product(ALIVE, WAYS, TIRED + WIDE):
        for text in (TEXTS[0].format(a, w), TEXTS[1].format(w, a)):
            sentences.append(f"the {text} because it was too {last}".split())
            answers.append(a if last in TIRED else w)
    return sentences, answers


class Reader(scratch.Module):
    """The page's reader, half as wide."""

    def __init__(self, words: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.embedding = scratch.Embedding(words, UNITS, seed=rng)
        self.attention = scratch.MultiHeadAttention(UNITS, heads=1, seed=rng)
        self.output = scratch.Dense(UNITS, words, seed=rng)

    def forward(self, x: Any) -> Any:
        """From words (batch, length) to scores (batch, length, words)."""
        u = scratch.positional_encoding(x.shape[1], UNITS)
        return self.output(self.attention(self.embedding(x) * UNITS**0.5 + u))


@cache
def network() -> dict[str, Any]:
    """Trained for a short time, so that the weights are not all 0 or 1."""
    sentences, answers = grammar()
    vocabulary = scratch.Vocabulary(word for words in sentences for word in words)
    x = np.array([vocabulary.encode(words) for words in sentences])  # (864, 12)
    y = np.array(vocabulary.encode(answers))
    model = Reader(len(vocabulary), seed=0)
    scratch.fit(
        model,
        (x, y),
        loss=lambda logits, y: scratch.cross_entropy(logits[:, -1], y),
        optimizer=scratch.Adam(model.parameters(), lr=0.005),
        epochs=5,
        batch_size=32,
        seed=0,
    )
    right = scratch.accuracy(scratch.predict(model, x)[:, -1], y)
    assert right > 0.9, f"the reader answers only {right:.0%} of the sentences"
    shown = {word for text in (0, 1) for word in sentence(text, "tired")}
    shown |= {"hungry", "wide", "muddy"}
    vectors = model.embedding.state()["W"] * np.float32(UNITS**0.5)
    layer = model.attention
    return {
        "words": {w: vectors[vocabulary[w]] for w in sorted(shown)},
        "u": scratch.positional_encoding(12, UNITS),
        "W_q": layer.W_q.data,
        "b_q": layer.b_q.data,
        "W_k": layer.W_k.data,
        "b_k": layer.b_k.data,
    }


def look(words: list[str], positions: bool, scaling: bool) -> dict[str, Any]:
    """Scores and weights of each word (rows) on each, by the library in float64."""
    net = {k: v for k, v in network().items() if k != "words"}
    net = {k: scratch.tensor(v, dtype=np.float64) for k, v in net.items()}
    x = scratch.tensor([network()["words"][w] for w in words], dtype=np.float64)
    if positions:
        x = x + net["u"][: len(words)]
    q, k = x @ net["W_q"] + net["b_q"], x @ net["W_k"] + net["b_k"]
    scale = UNITS**-0.5 if scaling else 1.0
    return {
        "Q": q.data,
        "K": k.data,
        "scores": (q @ k.transpose() * scale).data,
        "weights": scratch.attention_weights(q, k, scale=scale).data,
    }


def sentence(text: int, last: str) -> list[str]:
    """One of the two sentences with a last word."""
    nouns = ("animal", "street") if text == 0 else ("street", "animal")
    return f"the {TEXTS[text].format(*nouns)} because it was too {last}".split()


def data() -> dict[str, Any]:
    """The trained weights, and the vectors of the words that are shown."""
    return {"attention": network()}


def golden() -> list[Case]:
    """All words of some sentences, with positions and scaling on and off."""
    net = network()
    cases = []
    for positions, scaling in product((True, False), (True, False)):
        for text, last in ((0, "tired"), (1, "muddy")):
            words = sentence(text, last)
            args = (words, net, positions, scaling)
            cases.append(Case("look", args, look(words, positions, scaling)))
    return cases


def picture() -> Figure:
    """Where the last word looks, with positions and without."""
    words = sentence(0, "tired")
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 4.2), sharey=True)
    for ax, positions in zip(axes, (True, False), strict=True):
        weights = look(words, positions, True)["weights"][-1]
        ax.barh(range(12), weights, color=plotting.COLORS[0])
        for k, p in enumerate(weights):
            ax.text(p + 0.02, k, f"{p:.2f}", va="center", size=10)
        ax.set(title="with positions" if positions else "without", xlim=(0, 1.2))
        ax.set(xlabel='weight, by "tired"', xticks=[0, 0.5, 1])
    axes[0].set_yticks(range(12), words)
    axes[0].invert_yaxis()
    return fig
