"""Rows of `segmentation.py`."""

import numpy as np

from tests.concepts.row import Build, Row, Wrong, normal, whole

F = np.float32
IMAGES = normal(0, 2, 1, 8, 16)
PIXELS = whole(1, 3, 2, 8, 16)


def segmenter(dl, seed=0, **options):
    """A small one."""
    return dl.FCN(3, filters=(2, 3, 4), seed=seed, **options)


def wrong_maps(*cases):
    return {
        what: Wrong(lambda dl, a=a: segmenter(dl).loss(*a), error, pattern)
        for what, a, error, pattern in cases
    }


ROWS = [
    Row(
        "FCN",
        {
            **{
                f"{upsampling}{'' if skips else ' without skips'}": Build(
                    lambda dl, seed, u=upsampling, s=skips: segmenter(
                        dl, seed, upsampling=u, skips=s
                    ).eval(),
                    IMAGES,
                )
                for upsampling, skips in (
                    ("bilinear", True),
                    ("nearest", False),
                    ("transposed", True),
                )
            },
            "loss": Build(
                lambda dl, seed: segmenter(dl, seed).eval(),
                IMAGES,
                constants=(PIXELS,),
                call=lambda m, x, y: m.loss(x, y),
            ),
        },
        {
            **wrong_maps(
                (
                    "class 3 of 3",
                    (IMAGES, PIXELS + 1),
                    ValueError,
                    r"in \[0, 3\), got 1 to 3",
                ),
                (
                    "another size",
                    (IMAGES, PIXELS[:, :4]),
                    ValueError,
                    "the shape .2, 8, 16.",
                ),
                (
                    "shares",
                    (IMAGES, PIXELS.astype(F)),
                    TypeError,
                    "pixels must be whole",
                ),
                (
                    "uint8",
                    (np.ones((1, 1, 8, 8), np.uint8), PIXELS),
                    TypeError,
                    "images must hold floating-point numbers.*uint8.*/ 255",
                ),
                (
                    "channels last",
                    (np.ones((2, 8, 16, 1), F), PIXELS),
                    ValueError,
                    r"x.transpose\(0, 3, 1, 2\)",
                ),
                (
                    "no multiple of 8",
                    (np.ones((2, 1, 8, 12), F), PIXELS),
                    ValueError,
                    "multiples of 8, got 8 x 12: cut them",
                ),
                (
                    "nothing",
                    (IMAGES[:0], PIXELS[:0]),
                    ValueError,
                    "at least one example",
                ),
                (
                    "background",
                    (IMAGES, PIXELS, 0),
                    ValueError,
                    "background must be a fin",
                ),
            ),
            "upsampling": Wrong(
                lambda dl: dl.FCN(3, upsampling="cubic"),
                ValueError,
                "upsampling must be one of 'bilinear', 'nearest', 'transposed'",
            ),
            "skips": Wrong(
                lambda dl: dl.FCN(3, skips=1), TypeError, "skips must be True or False"
            ),
        },
        exempt={
            "modes in scratch": "what was measured while training is used elsewhere; "
            "MXNet remembers it on the way back only"
        },
    ),
]
