"""Rows of `detection.py`."""

import numpy as np

from tests.concepts.row import Build, Call, Row, Wrong, normal, whole

F = np.float32
NO_GRADIENT = {"gradient": "it decides, or makes targets: no gradient passes"}
BOXES_MAY_BE_WHOLE = {"kinds": "boxes may be whole numbers, and say so otherwise"}


def boxes(seed, n, size=12.0, least=0.5):
    """Random boxes, some of them partly outside of the canvas."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-2, size - 2, (n, 2))
    corner[:1] = -1  # and the first one holds the first pixel
    return np.hstack([corner, corner + rng.uniform(least, size / 2, (n, 2))]).astype(F)


def scores(seed, n):
    """Some of them are equal, and some below zero."""
    return np.random.default_rng(seed).normal(size=n).round(1).astype(F)


def wrong_boxes(call, name="boxes"):
    """What no boxes are; ``call(dl, boxes)``."""
    return {
        f"{what} as {name}": Wrong(
            lambda dl, value=value: call(dl, value), ValueError, pattern.format(name)
        )
        for what, value, pattern in (
            (
                "upside down",
                [[0, 0, 4, 4], [5, 0, 1, 9]],
                "{} must have x1 <= x2.*row 1",
            ),
            (
                "upside down in y",
                [[0, 7, 4, 4.0]],
                "{} must have x1 <= x2 and y1 <= y2",
            ),
            ("NaN", [[0, 0, float("nan"), 4]], "{} must be finite.*row 0"),
            ("infinity", [[0, 0, 1, float("inf")]], "{} must be finite"),
            ("one box", [0, 0, 4, 4], r"{} must be numbers of shape \(n, 4\).*\(4,\)"),
            ("five numbers", np.ones((2, 5)), r"{} must be numbers .* \(2, 5\)"),
            ("words", [["a", "b", "c", "d"]], "{} must be numbers"),
            ("nothing at all", None, "{} must be numbers .* object"),
        )
    }


def wrong_regions(f):
    """What can't be cut out: ``f(dl)`` is the function."""
    x, one = np.ones((2, 3, 8, 8), F), [[0, 0, 4, 4]]
    return {
        **wrong_boxes(lambda dl, b: f(dl)(x, b, [0] * np.atleast_2d(b).shape[0])),
        **{
            what: Wrong(lambda dl, a=a: f(dl)(*a), error, pattern)
            for what, a, error, pattern in (
                ("image 2 of 2", (x, one, [2]), ValueError, "2 images of x, 0 to 1.*2"),
                ("image -1", (x, one, [-1]), ValueError, "image must number.*got -1"),
                ("half an image", (x, one, [0.5]), ValueError, "image must be whole"),
                ("two images", (x, one, [0, 1]), ValueError, r"image .*\(1,\).*\(2,\)"),
                ("no image", (x, one, []), ValueError, r"image must be whole .*\(0,\)"),
                ("none there", (x[:0], one, [0]), ValueError, "one of the 0 images"),
                (
                    "far away",
                    (x, [[0, 0, 1e7, 4]], [0]),
                    ValueError,
                    "within 1e.06 cel",
                ),
                (
                    "pixels",
                    (np.ones((1, 1, 4, 4), np.uint8), one, [0]),
                    TypeError,
                    "floating-point.*uint8.*/ 255",
                ),
                (
                    "one map",
                    (x[0], one, [0]),
                    ValueError,
                    r"expects x.*got \(3, 8, 8\)",
                ),
                (
                    "no size",
                    (x, one, [0], 0),
                    ValueError,
                    "size must be a whole number",
                ),
                ("scale 0", (x, one, [0], 2, 0), ValueError, "scale must be a finite"),
                ("scale 2", (x, one, [0], 2, 2), ValueError, "scale must lie in .0, 1"),
            )
        },
    }


IMAGES = normal(3, 2, 1, 16, 16)
FEATURES = normal(4, 2, 3, 4, 5)
THERE = [[[1, 2, 9, 14], [8, 1, 15, 9]], np.zeros((0, 4))]
NAMES = [[1, 0], []]


def detector(dl, seed=0, **options):
    """A small detector, whose batch normalisation uses its running statistics."""
    options = {"channels": 1, "filters": (2, 3, 4), "units": 5, "roi_size": 2} | options
    return dl.FasterRCNN(2, scales=(4, 8), ratios=(1,), seed=seed, **options)


def losses(model, images, there=THERE, names=NAMES):
    """All four, in the order of their names."""
    found = model.losses(images, there, names, seed=0, regions=6)
    return tuple(found[name] for name in sorted(found))


def wrong_scenes():
    """What no scenes are: ``losses`` of a small detector."""
    x = IMAGES

    def call(dl, images, there, names):
        return losses(detector(dl), images, there, names)

    two = [np.zeros((0, 4)), np.zeros((0, 4))]
    return {
        **{
            what.replace("as boxes", "in a scene"): Wrong(
                lambda dl, b=b: call(dl, x, [b, []], [[0], []]), ValueError, pattern
            )
            for what, b, pattern in (
                ("upside down", [[5, 0, 1, 9]], "boxes must have x1 <= x2"),
                ("NaN", [[0, 0, float("nan"), 4]], "boxes must be finite"),
                ("no width", [[3, 0, 3, 9]], "boxes must have a width and a height"),
                ("right of it", [[16, 0, 20, 9]], "in their image of 16 x 16 pixels"),
                ("above it", [[3, -9, 5, 0]], "boxes must lie in their image"),
            )
        },
        **{
            what: Wrong(lambda dl, a=a: call(dl, *a), error, pattern)
            for what, a, error, pattern in (
                (
                    "boxes of one image",
                    (x, two[:1], [[], []]),
                    ValueError,
                    "boxes must have one entry for each of 2 images, got 1",
                ),
                (
                    "classes of one image",
                    (x, two, [[]]),
                    ValueError,
                    "classes must have one entry for each of 2 images, got 1",
                ),
                (
                    "a box without a class",
                    (x, THERE, [[1], []]),
                    ValueError,
                    r"classes must be whole numbers of shape \(2,\)",
                ),
                (
                    "class 2 of 2",
                    (x, THERE, [[1, 2], []]),
                    ValueError,
                    r"classes must be whole numbers in \[0, 2\), got 1 to 2",
                ),
                ("no images", (x[:0], [], []), ValueError, "at least one example"),
                (
                    "pixels",
                    (np.ones((2, 1, 16, 16), np.uint8), two, [[], []]),
                    TypeError,
                    "images must hold floating-point numbers.*uint8.*/ 255",
                ),
                (
                    "channels last",
                    (np.ones((2, 16, 16, 1), F), two, [[], []]),
                    ValueError,
                    r"the channels come second, x.transpose\(0, 3, 1, 2\)",
                ),
                (
                    "without channels",
                    (x[:, 0], two, [[], []]),
                    ValueError,
                    r"gray images need an axis",
                ),
                (
                    "boxes as a dict",
                    (x, {}, [[], []]),
                    TypeError,
                    "boxes must be a list",
                ),
            )
        },
    }


ROWS = [
    Row(
        "anchors",
        {
            "two shapes": Call(
                lambda dl: dl.anchors((2, 3), 4, [8, 16], [1, 2]), batch=None
            ),
            "one cell": Call(lambda dl: dl.anchors(1, 16, [10.5]), batch=None),
        },
        {
            "no scales": Wrong(
                lambda dl: dl.anchors(2, 4, []),
                ValueError,
                "scales must be a list of 1",
            ),
            "scale 0": Wrong(
                lambda dl: dl.anchors(2, 4, [8, 0]), ValueError, "scales must be a list"
            ),
            "NaN": Wrong(
                lambda dl: dl.anchors(2, 4, [8], [float("nan")]),
                ValueError,
                r"ratios must be a list of 1 to 100 numbers in \(0, 1e\+06\]",
            ),
            "half a stride": Wrong(
                lambda dl: dl.anchors(2, 0.5, [8]), TypeError, "stride must be a whole"
            ),
            "no rows": Wrong(
                lambda dl: dl.anchors((0, 2), 4, [8]),
                ValueError,
                "size must be a whole",
            ),
        },
        {
            # By the equation: 4 pixels wide and 16 high, around (2, 2) and (6, 2).
            "by hand": (
                lambda dl: dl.anchors((1, 2), 4, [8], [4]),
                [[0, -6, 4, 10], [4, -6, 8, 10]],
            ),
        },
        exempt=NO_GRADIENT,
    ),
    Row(
        "match_anchors",
        {
            "some": Call(
                lambda dl, a, b: dl.match_anchors(a, b, 0.5, 0.2),
                constants=(boxes(0, 9), boxes(1, 3)),
                batch=None,
            ),
            "no boxes": Call(
                lambda dl, a, b: dl.match_anchors(a, b),
                constants=(boxes(0, 9), np.zeros((0, 4), F)),
            ),
        },
        {
            **wrong_boxes(lambda dl, b: dl.match_anchors(b, [[0, 0, 1, 1]]), "anchors"),
            **wrong_boxes(lambda dl, b: dl.match_anchors([[0, 0, 1, 1]], b)),
            "thresholds": Wrong(
                lambda dl: dl.match_anchors([], [], 0.3, 0.7),
                ValueError,
                "0 <= low <= high <= 1, got low=0.7, high=0.3",
            ),
        },
        exempt=NO_GRADIENT,
    ),
    Row(
        "iou",
        {
            "some": Call(
                lambda dl, a, b: dl.iou(a, b), boxes(0, 6), boxes(1, 4), least=1.0
            ),
            "no area": Call(
                lambda dl, a, b: dl.iou(a, b), [[1, 1, 1, 5]], [[0, 0, 4, 4]]
            ),
        },
        {
            **wrong_boxes(lambda dl, b: dl.iou(b, [[0, 0, 1, 1]]), "a"),
            **wrong_boxes(lambda dl, b: dl.iou([[0, 0, 1, 1]], b), "b"),
        },
        {
            "by hand": (
                lambda dl: dl.iou(
                    [[0, 0, 2, 2]],
                    [
                        [0, 0, 2, 2],
                        [1, 0, 3, 2],
                        [1, 1, 3, 3],
                        [2, 0, 4, 2],
                        [0, 0, 0, 0],
                    ],
                ),
                [[1, 1 / 3, 1 / 7, 0, 0]],
            ),
        },
        exempt={**NO_GRADIENT, **BOXES_MAY_BE_WHOLE},
    ),
    Row(
        "encode_boxes",
        {
            "some": Call(
                lambda dl, b, a: dl.encode_boxes(b, a), boxes(0, 5), boxes(1, 5)
            ),
            "std": Call(
                lambda dl, b, a: dl.encode_boxes(b, a, std=[1, 1, 2, 2]),
                boxes(0, 5),
                boxes(1, 5),
            ),
        },
        {
            **wrong_boxes(lambda dl, b: dl.encode_boxes(b, [[0, 0, 1, 1]])),
            **wrong_boxes(lambda dl, b: dl.encode_boxes([[0, 0, 1, 1]], b), "anchors"),
            "no height": Wrong(
                lambda dl: dl.encode_boxes([[0, 1, 2, 1]], [[0, 0, 1, 1]]),
                ValueError,
                "boxes must have a width and a height above zero.*row 0: leave",
            ),
            "an anchor without width": Wrong(
                lambda dl: dl.encode_boxes([[0, 0, 1, 1]], [[3, 0, 3, 1]]),
                ValueError,
                "anchors must have a width and a height",
            ),
            "fewer anchors": Wrong(
                lambda dl: dl.encode_boxes(boxes(0, 3), boxes(0, 2)),
                ValueError,
                "an anchor for each box, got 3 and 2",
            ),
            "std": Wrong(
                lambda dl: dl.encode_boxes([], [], std=[1, 1, 0, 1]),
                ValueError,
                r"std must be four finite numbers > 0, got \[1, 1, 0, 1\]",
            ),
        },
        {
            # (4 - 4) / 8, (6 - 4) / 8, log(4 / 8), log(16 / 8), by (.1, .1, .2, .2)
            "by hand": (
                lambda dl: dl.encode_boxes([[2, -2, 6, 14]], [[0, 0, 8, 8]]),
                [[0, 2.5, -5 * np.log(2), 5 * np.log(2)]],
            ),
        },
        exempt={**NO_GRADIENT, **BOXES_MAY_BE_WHOLE},
    ),
    Row(
        "decode_boxes",
        {
            "some": Call(
                lambda dl, t, a: dl.decode_boxes(t, a), normal(0, 5, 4), boxes(1, 5)
            ),
            "far": Call(
                lambda dl, t, a: dl.decode_boxes(t, a),
                90 * normal(0, 5, 4),
                boxes(1, 5),
            ),
        },
        {
            **wrong_boxes(lambda dl, b: dl.decode_boxes([[0.0] * 4], b), "anchors"),
            "fewer codes": Wrong(
                lambda dl: dl.decode_boxes(np.zeros((2, 4), F), boxes(0, 3)),
                ValueError,
                r"code must be numbers of shape \(3, 4\).*got shape \(2, 4\)",
            ),
            "std": Wrong(
                lambda dl: dl.decode_boxes([], [], std=-1),
                ValueError,
                "std must be four finite numbers > 0, got -1",
            ),
        },
        {
            "by hand": (
                lambda dl: dl.decode_boxes(
                    [[0, 2.5, -5 * np.log(2), 5 * np.log(2)]], [[0, 0, 8, 8]]
                ),
                [[2, -2, 6, 14]],
            ),
            "62.5 times, at most": (
                lambda dl: dl.decode_boxes([[0, 0, 1e9, 0]], [[0, 0, 2, 2]]),
                [[1 - 62.5, 0, 1 + 62.5, 2]],
            ),
        },
        exempt={**NO_GRADIENT, **BOXES_MAY_BE_WHOLE},
    ),
    Row(
        "nms",
        {
            **{
                f"above {t}": Call(
                    lambda dl, b, s, t=t: dl.nms(b, s, t),
                    constants=(boxes(0, 40), scores(1, 40)),
                )
                for t in (0, 0.3, 1)
            },
            "all scores equal": Call(
                lambda dl, b, s: dl.nms(b, s, 0.3),
                constants=(boxes(0, 40), np.zeros(40, F)),
            ),
        },
        {
            **wrong_boxes(lambda dl, b: dl.nms(b, [0.5])),
            "NaN as a score": Wrong(
                lambda dl: dl.nms(boxes(0, 2), [0.1, float("nan")]),
                ValueError,
                "scores must be numbers that have an order, got NaN in row 1",
            ),
            "fewer scores": Wrong(
                lambda dl: dl.nms(boxes(0, 2), [0.1]),
                ValueError,
                r"scores must be numbers of shape \(2,\).*got shape \(1,\)",
            ),
            "threshold": Wrong(
                lambda dl: dl.nms([], [], 1.5),
                ValueError,
                r"threshold must lie in \[0, 1\], got 1.5",
            ),
        },
        {
            # Box 0 and box 2 share a half; box 1 is the best, and touches box 3.
            "by hand": (
                lambda dl: dl.nms(
                    [[0, 0, 4, 4], [8, 8, 9, 9], [0, 0, 4, 8], [9, 8, 10, 9]],
                    [0.5, 0.9, 0.6, 0.1],
                    0.4,
                ).astype(F),
                [1, 2, 3],
            ),
        },
        exempt=NO_GRADIENT,
    ),
    Row(
        "smooth_l1",
        {
            f"{reduction}, beta {beta}": Call(
                lambda dl, a, b, r=reduction, beta=beta: dl.smooth_l1(a, b, beta, r),
                2 * normal(0, 5, 3),
                constants=(normal(1, 5, 3),),
            )
            for reduction, beta in (("mean", 1), ("sum", 0.3), ("none", 2.5))
        },
        {
            "shapes": Wrong(
                lambda dl: dl.smooth_l1(np.ones((4, 1), F), np.ones(4, F)),
                ValueError,
                r"smooth_l1 needs y_hat and y of the same shape, got y_hat \(4, 1\)",
            ),
            "beta": Wrong(
                lambda dl: dl.smooth_l1([1.0], [1.0], beta=0),
                ValueError,
                "beta must be a finite number > 0, got 0",
            ),
            "reduction": Wrong(
                lambda dl: dl.smooth_l1([1.0], [1.0], reduction="max"),
                ValueError,
                "reduction must be one of 'mean', 'sum', 'none', got 'max'",
            ),
            "nothing": Wrong(
                lambda dl: dl.smooth_l1(np.ones(0, F), np.ones(0, F)),
                ValueError,
                "smooth_l1 needs at least one example",
            ),
        },
        {
            "by hand": (
                lambda dl: dl.smooth_l1(
                    [0.0, 0.5, 2.0, -3.0], [0.0] * 4, reduction="none"
                ),
                [0, 0.125, 1.5, 2.5],
            ),
        },
    ),
    Row(
        "roi_align",
        {
            "pieces": Call(
                lambda dl, x, b, i: dl.roi_align(x, b, i, (2, 3), 0.5, 2),
                normal(0, 2, 3, 6, 5),
                constants=(boxes(1, 5), np.array([0, 1, 1, 0, 1])),
            ),
            "one line": Call(
                lambda dl, x, b, i: dl.roi_align(x, b, i, 2, 0.25, samples=1),
                normal(0, 2, 1, 3, 4),
                constants=(boxes(1, 4), whole(2, 2, 4)),
            ),
            "one cell": Call(
                lambda dl, x, b, i: dl.roi_align(x, b, i, 2),
                normal(0, 2, 1, 1, 1),
                constants=(boxes(1, 4, 3), whole(2, 2, 4)),
                least=1e-3,
                least_gradient=1e-3,
            ),
        },
        {
            **wrong_regions(lambda dl: dl.roi_align),
            "no samples": Wrong(
                lambda dl: dl.roi_align(np.ones((1, 1, 4, 4), F), [], [], samples=0),
                ValueError,
                "samples must be a whole number >= 1, got 0",
            ),
        },
        {
            # On a ramp every reading between cells is the place itself.
            "a ramp": (
                lambda dl: dl.roi_align(
                    np.arange(16.0, dtype=F).reshape(1, 1, 4, 4), [[1, 1, 3, 3]], [0], 2
                ),
                [[[[5, 6], [9, 10]]]],
            ),
        },
    ),
    Row(
        "roi_pool",
        {
            "pieces": Call(
                lambda dl, x, b, i: dl.roi_pool(x, b, i, (2, 3), 0.5),
                normal(0, 2, 3, 6, 5),
                constants=(boxes(1, 5), np.array([0, 1, 1, 0, 1])),
                exempt={
                    "nan in mx": "MXNet's maximum passes over NaN",
                    "nonfinite": "MXNet's maximum passes over NaN, and -infinity",
                },
            ),
        },
        wrong_regions(lambda dl: dl.roi_pool),
        {
            "whole cells": (
                lambda dl: dl.roi_pool(
                    np.arange(16.0, dtype=F).reshape(1, 1, 4, 4),
                    [[1, 1, 3, 3], [0, 0, 4, 4], [1.5, 0, 1.5, 0]],
                    [0, 0, 0],
                    2,
                ),
                [[[[5, 6], [9, 10]]], [[[5, 7], [13, 15]]], [[[1, 1], [1, 1]]]],
            ),
        },
    ),
    Row(
        "RegionProposalNetwork",
        {
            "maps": Build(
                lambda dl, seed: dl.RegionProposalNetwork(
                    3, 4, scales=(4, 8), ratios=(1, 2, 3), seed=seed
                ),
                FEATURES,
            ),
        },
        {
            "channels": Wrong(
                lambda dl: dl.RegionProposalNetwork(4, 4)(FEATURES),
                ValueError,
                r"x of shape \(batch, 4, height, width\), got \(2, 3, 4, 5\)",
            ),
            "stride": Wrong(
                lambda dl: dl.RegionProposalNetwork(3, 0),
                ValueError,
                "stride must be a whole number >= 1, got 0",
            ),
            "ratios": Wrong(
                lambda dl: dl.RegionProposalNetwork(3, 4, ratios=2.0),
                ValueError,
                "ratios must be a list of 1 to 100 numbers",
            ),
            "other anchors": Wrong(
                lambda dl: dl.RegionProposalNetwork(3, 4).losses(
                    np.ones((1, 5), F), np.ones((1, 5, 4), F), boxes(0, 4), [[]], 0
                ),
                ValueError,
                r"score must have the shape \(batch, 4\).*got \(1, 5\)",
            ),
            "other codes": Wrong(
                lambda dl: dl.RegionProposalNetwork(3, 4).propose(
                    np.ones((1, 5), F), np.ones((1, 4, 4), F), boxes(0, 5), (8, 8)
                ),
                ValueError,
                r"code must have the shape \(1, 5, 4\).*got \(1, 4, 4\)",
            ),
        },
    ),
    Row(
        "FasterRCNN",
        {
            "maps": Build(
                lambda dl, seed: detector(dl, seed).eval(),
                IMAGES,
                exempt={"nan": "the proposals have no part in the maps"},
            ),
            "losses": Build(
                lambda dl, seed: detector(dl, seed).eval(),
                IMAGES,
                call=losses,
                batch=None,
                exempt={
                    "gradient": "no gradient passes through the proposals",
                    "float64": "MXNet takes beta and scale in float32",
                },
            ),
        },
        {
            **wrong_scenes(),
            "detect, another size": Wrong(
                lambda dl: detector(dl).detect(np.ones((1, 2, 16, 16), F)),
                ValueError,
                r"FasterRCNN expects x of shape \(batch, 1, height, width\)",
            ),
            "detect, sure of everything": Wrong(
                lambda dl: detector(dl).detect(IMAGES, least=2),
                ValueError,
                r"least must lie in \[0, 1\], got 2",
            ),
            "two filters": Wrong(
                lambda dl: dl.FasterRCNN(2, filters=(8, 16)),
                ValueError,
                "filters must be three whole numbers",
            ),
            "no classes": Wrong(
                lambda dl: dl.FasterRCNN(0),
                ValueError,
                "classes must be a whole number",
            ),
            "a large roi_size": Wrong(
                lambda dl: dl.FasterRCNN(2, roi_size=65), ValueError, "roi_size must be"
            ),
        },
        exempt={
            "modes in scratch": "what was measured while training is used elsewhere; "
            "MXNet remembers it on the way back only"
        },
    ),
]
