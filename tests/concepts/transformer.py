"""Rows of `transformer.py`."""

from itertools import product

from tests.concepts.attention import Q, mask, wrong_heads, wrong_masks
from tests.concepts.row import Build, Row, Wrong, normal

X = normal(0, 2, 3, 4)

ROWS = [
    Row(
        "LayerNorm",
        {
            f"{shape}, eps {eps}": Build(
                lambda dl, seed, n=shape[-1], e=eps: dl.LayerNorm(n, e),
                normal(0, *shape),
                batch=0 if len(shape) > 1 else None,
            )
            for shape, eps in product(((6,), (4, 3), (2, 3, 5)), (1e-5, 0.5))
        },
        {
            "another width": Wrong(
                lambda dl: dl.LayerNorm(3)(Q),
                ValueError,
                r"LayerNorm expects x of shape \(batch, 3\), got \(2, 5, 4\)",
            ),
            "no eps": Wrong(
                lambda dl: dl.LayerNorm(3, eps=0),
                ValueError,
                "eps must be a finite number > 0, got 0",
            ),
        },
    ),
    Row(
        "TransformerBlock",
        {
            **{
                f"causal={causal}{what}": Build(
                    lambda dl, seed, c=causal: dl.TransformerBlock(
                        4, 2, hidden=3, causal=c, seed=seed
                    ),
                    X,
                    call=call,
                    batch=batch,
                )
                for causal, (what, call, batch) in product(
                    (False, True),
                    (
                        ("", None, 0),
                        (", a mask", lambda m, x: m(x, mask=mask(0, 2, 1, 3)), None),
                    ),
                )
            },
            "as it comes": Build(
                lambda dl, seed: dl.TransformerBlock(4, 4, seed=seed), X
            ),
            "dropout": Build(
                lambda dl, seed: dl.TransformerBlock(
                    4, 1, hidden=5, dropout=0.5, seed=seed
                ).eval(),
                X,
            ),
        },
        {
            **wrong_masks(lambda dl, m: dl.TransformerBlock(4, 2)(Q, mask=m)),
            **wrong_heads("TransformerBlock"),
            "no hidden units": Wrong(
                lambda dl: dl.TransformerBlock(4, 2, hidden=0),
                ValueError,
                "hidden must be a whole number >= 1, got 0",
            ),
            "dropout": Wrong(
                lambda dl: dl.TransformerBlock(4, 2, dropout=1),
                ValueError,
                r"dropout must lie in \[0, 1\), got 1",
            ),
        },
    ),
]
