"""Rows of `attention.py`."""

import numpy as np

from tests.concepts.row import Build, Call, Row, Wrong, normal

Q = np.ones((2, 5, 4), np.float32)


def mask(seed, *shape):
    """Where to look, at random; everyone may look at the first key."""
    visible = np.random.default_rng(seed).random(shape) < 0.6
    visible[..., 0] = True
    return visible


def somewhere_nowhere():
    visible = mask(0, 3, 5, 7)
    visible[1, 2] = False
    return visible


# name: (axes before the last two, queries, keys, options)
CASES = {
    "one sequence": ((), 5, 7, {}),
    "scale": ((3,), 5, 7, {"scale": 0.5}),
    "a mask for all": ((3,), 5, 7, {"mask": mask(1, 5, 7)}),
    "a mask of keys, causal": ((3,), 5, 7, {"mask": mask(2, 3, 1, 7), "causal": True}),
    "nowhere": ((3,), 5, 7, {"mask": somewhere_nowhere()}),
    "causal": ((3,), 7, 5, {"causal": True}),
    "heads": ((2, 3), 4, 4, {"mask": mask(3, 2, 1, 4, 4)}),
    "one key": ((2, 3), 1, 1, {}),
}


def wrong_masks(call):
    return {
        f"a mask of {visible.dtype} {visible.shape}": Wrong(
            lambda dl, m=visible: call(dl, m), error, pattern
        )
        for visible, error, pattern in (
            (
                np.ones((5, 5), int),
                TypeError,
                r"mask must be boolean.*got dtype int64: convert it with mask.astype",
            ),
            (
                np.ones(5, bool),
                ValueError,
                r"mask must have two axes.*got \(5,\): padding.*mask\[:, None, :\]",
            ),
            (
                np.ones((2, 4, 5), bool),
                ValueError,
                r"broadcast to \(2, 5, 5\).*got \(2, 4, 5\)",
            ),
            (
                np.ones((1, 2, 5, 5), bool),
                ValueError,
                r"broadcast to \(2, 5, 5\).*got \(1, 2, 5, 5\)",
            ),
        )
    }


def wrong_heads(name):
    return {
        "3 heads": Wrong(
            lambda dl: getattr(dl, name)(4, 3),
            ValueError,
            "units must be a multiple of heads, got units=4 and heads=3: each head",
        ),
        "another width": Wrong(
            lambda dl: getattr(dl, name)(6, 2)(Q),
            ValueError,
            rf"{name} expects x of shape \(batch, length, 6\).*got \(2, 5, 4\)",
        ),
    }


def weights(module, x):
    return module.weights(x, mask=mask(2, 2, 3, 3))


X, CONTEXT = normal(0, 2, 3, 4), normal(1, 2, 4, 4)

ROWS = [
    Row(
        "positional_encoding",
        {
            f"{length} x {units}": Call(
                lambda dl, n=length, m=units: dl.positional_encoding(n, m), batch=None
            )
            for length, units in ((1, 1), (5, 4), (300, 7))
        },
        {
            "no positions": Wrong(
                lambda dl: dl.positional_encoding(0, 4),
                ValueError,
                "length must be a whole number >= 1, got 0",
            ),
        },
        exempt={"gradient": "it depends on nothing that is learned"},
    ),
    Row(
        "attention",
        {
            name: Call(
                lambda dl, q, k, v, o=options: dl.attention(q, k, v, **o),
                normal(0, *batch, len_q, 6),
                normal(1, *batch, len_k, 6),
                normal(2, *batch, len_k, 2),
                batch=None if np.ndim(options.get("mask")) > 2 or not batch else 0,
            )
            for name, (batch, len_q, len_k, options) in CASES.items()
        },
        {
            **wrong_masks(lambda dl, m: dl.attention(Q, Q, Q, m)),
            "q and k of another width": Wrong(
                lambda dl: dl.attention(Q, Q[..., :3], Q),
                ValueError,
                r"attention needs q \(\.\.\., len_q, d\), .*got q \(2, 5, 4\), "
                r"k \(2, 5, 3\) and v \(2, 5, 4\): .*last axes must be of one length",
            ),
            "more values than keys": Wrong(
                lambda dl: dl.attention(Q, Q[:, 1:], Q),
                ValueError,
                r"k \(2, 4, 4\) and v \(2, 5, 4\): each key needs its value",
            ),
            "queries of another batch": Wrong(
                lambda dl: dl.attention(Q[:1], Q, Q),
                ValueError,
                r"q \(1, 5, 4\), k \(2, 5, 4\).*before the last two must be the same",
            ),
            "values of another batch": Wrong(
                lambda dl: dl.attention(Q, Q, Q[:1]),
                ValueError,
                r"v \(1, 5, 4\): the axes before the last two must be the same",
            ),
            "a scale of zero": Wrong(
                lambda dl: dl.attention(Q, Q, Q, scale=0),
                ValueError,
                "scale must be a finite number > 0, got 0",
            ),
        },
    ),
    Row(
        "attention_weights",
        {
            name: Call(
                lambda dl, q, k, o=options: dl.attention_weights(q, k, **o),
                normal(0, *batch, len_q, 6),
                normal(1, *batch, len_k, 6),
                batch=None if np.ndim(options.get("mask")) > 2 or not batch else 0,
                least_gradient=1e-3,  # one key: all weights 1, all gradients 0
            )
            for name, (batch, len_q, len_k, options) in CASES.items()
        },
        {
            **wrong_masks(lambda dl, m: dl.attention_weights(Q, Q, m)),
            "no keys": Wrong(
                lambda dl: dl.attention_weights(Q, Q[:, :0]),
                ValueError,
                r"attention needs.*k \(2, 0, 4\): there must be one key",
            ),
            "a vector as query": Wrong(
                lambda dl: dl.attention_weights(Q[0, 0], Q),
                ValueError,
                r"got q \(4,\), k \(2, 5, 4\): each needs the axes \(length, width\)",
            ),
        },
        {
            "by hand: log 3 times 1 and 2, whose softmax is 1/4 and 3/4": (
                lambda dl: dl.attention_weights(
                    [[1.0]], [[1.0], [2.0]], scale=float(np.log(3))
                ),
                [[0.25, 0.75]],
            )
        },
    ),
    Row(
        "MultiHeadAttention",
        {
            **{
                f"causal{what}": Build(
                    lambda dl, seed: dl.MultiHeadAttention(4, 2, True, seed),
                    *inputs,
                    call=call,
                    batch=batch,
                    least_gradient=1.0,  # that of b_k is zero, but for rounding
                    exempt={"nan": "who looks at whom does not depend on the values"}
                    if call is weights
                    else None,
                )
                for what, inputs, batch, call in (
                    ("", (X,), 0, None),
                    (" of a context", (X, CONTEXT), 0, None),
                    (
                        ", a mask for all",
                        (X,),
                        0,
                        lambda m, x: m(x, mask=mask(0, 3, 3)),
                    ),
                    (
                        ", a mask of keys",
                        (X,),
                        None,
                        lambda m, x: m(x, mask=mask(1, 2, 1, 3)),
                    ),
                    (
                        ", weights",
                        (X,),
                        None,
                        weights,
                    ),
                    # There and back: graphs that were compiled for something else.
                    (
                        ", several calls",
                        (X,),
                        None,
                        lambda m, x: (
                            m(x) + m(x, mask=mask(2, 2, 3, 3)) + m(x, x) + m(x)
                        ),
                    ),
                )
            },
            "one head": Build(
                lambda dl, seed: dl.MultiHeadAttention(4, 1, seed=seed),
                *(X, CONTEXT),
                least_gradient=1.0,
            ),
            "a head for each": Build(
                lambda dl, seed: dl.MultiHeadAttention(4, 4, seed=seed),
                X,
                least_gradient=1.0,
            ),
            "one by one": Build(
                lambda dl, seed: dl.MultiHeadAttention(1, 1, seed=seed),
                normal(0, 1, 1, 1),
            ),
        },
        {
            **wrong_masks(lambda dl, m: dl.MultiHeadAttention(4, 2)(Q, mask=m)),
            **wrong_heads("MultiHeadAttention"),
            "no heads": Wrong(
                lambda dl: dl.MultiHeadAttention(4, 0),
                ValueError,
                "heads must be a whole number >= 1, got 0",
            ),
            "one sequence": Wrong(
                lambda dl: dl.MultiHeadAttention(4, 2)(Q[0]),
                ValueError,
                r"got \(5, 4\): a single sequence is a batch of one, x\[None\]",
            ),
            **{
                f"a context of {context.shape}": Wrong(
                    lambda dl, c=context: dl.MultiHeadAttention(4, 2)(Q, c),
                    ValueError,
                    r"a context of shape \(batch, len_k, units\) = \(2, len_k, 4\)",
                )
                for context in (Q[:1], Q[..., :3], Q[0], Q[:, :0])
            },
        },
    ),
]
