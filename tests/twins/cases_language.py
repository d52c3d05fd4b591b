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
