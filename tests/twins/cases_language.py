"""What both twins must agree on: the names of `embeddings.py` and `language.py`."""

from __future__ import annotations

import numpy as np

from tests.twins.cases import alike, close, identical, normal, parity


@parity("Vocabulary")
def one_vocabulary_for_both(scratch, mx):
    assert scratch.Vocabulary is mx.Vocabulary


@parity("one_hot")
def one_hot_vectors(scratch, mx):
    for indices in (2, [0, 2, 1], np.array([[0, 1], [2, 2]])):
        a, b = (dl.to_numpy(dl.one_hot(indices, 3)) for dl in (scratch, mx))
        close(a, b, 0)
        np.testing.assert_array_equal(a.argmax(-1), indices)
        assert a.shape == (*np.shape(indices), 3)


@parity("Embedding")
def embeddings(scratch, mx):
    """Values, and gradients of rows that were looked up once, often and never."""
    for indices in ([1, 2, 1, 5], [[0, 1], [1, 1], [6, 1]], np.zeros((0, 3), int)):
        a, b = alike(scratch, mx, lambda dl: dl.Embedding(7, 4))
        found = []
        for dl, module in ((scratch, a), (mx, b)):
            with dl.record():
                y = module(indices)
                u = dl.tensor(normal(3, *np.shape(indices), 4))
                loss = (y * u).sum() + (module(indices) * 2.0).sum()
            if y.size:
                loss.backward()
            found.append((dl.to_numpy(y), module.gradients()["W"]))
        close(found[0][0], found[1][0], 0, "values")
        close(found[0][1], found[1][1], 1e-5, "gradient")
    identical(*(dl.Embedding(7, 4, seed=1).state() for dl in (scratch, mx)))


def language_models(scratch, mx):
    for cell in ("rnn", "lstm", "gru", "transformer"):
        options = {"layers": 2, "heads": 2, "max_length": 12}
        yield alike(
            scratch,
            mx,
            lambda dl, c=cell, o=options: dl.LanguageModel(7, 8, c, **o),
        )


@parity("LanguageModel")
def what_language_models_say(scratch, mx):
    """Logits and the gradients of every parameter."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 7, (2, 3, 6))
    for a, b in language_models(scratch, mx):
        outputs, gradients = [], []
        for dl, model in ((scratch, a), (mx, b)):
            with dl.record():
                z = model(x)
                loss = dl.cross_entropy(z, y)
            loss.backward()
            outputs.append(dl.to_numpy(z))
            gradients.append(model.gradients())
        close(*outputs, 1e-5, a.cell)
        for name, g in gradients[0].items():
            # A key's bias adds one number to all scores: its gradient is rounding.
            least = 1e-3 if "b_k" in name else 1e-30
            close(g, gradients[1][name], 2e-4, f"{a.cell} {name}", least)


@parity("LanguageModel", "generate")
def what_language_models_write(scratch, mx):
    for a, b in language_models(scratch, mx):
        for options in ({"temperature": 0}, {"top_k": 3}, {"stop": 2}):
            prompt = [[1, 2, 3], [4, 5, 6]]
            ours, theirs = (
                dl.generate(m, prompt, 15, seed=5, **options)
                for dl, m in ((scratch, a), (mx, b))
            )
            for row, other in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(row, other)


@parity("LanguageModel")
def one_seed_one_language_model(scratch, mx):
    for cell in ("rnn", "lstm", "gru", "transformer"):
        identical(
            *(
                dl.LanguageModel(7, 8, cell, layers=2, dropout=0.5, seed=1).state()
                for dl in (scratch, mx)
            )
        )
    ends = []
    for dl in (scratch, mx):
        rng = np.random.default_rng(0)
        dl.LanguageModel(7, 8, "transformer", dropout=0.5, seed=rng)
        ends.append(rng.random())
    assert ends[0] == ends[1]
