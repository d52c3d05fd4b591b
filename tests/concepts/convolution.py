"""Rows of `convolution.py`."""

from itertools import product

import numpy as np

from tests.concepts.row import Build, Call, Row, Wrong, normal

F = np.float32
IMAGES = np.ones((2, 3, 6, 6), F)
KERNEL = np.ones((4, 3, 3, 3), F)
OWN = {
    "g": "how scratch applies its activation, of no use to a caller",
}

#: What is tried of a kernel that moves: images, filters, kernel, stride, padding,
#: dilation, groups.
MOVES = {
    "plain": ((2, 3, 5, 6), 4, (3, 3), 1, 0, 1, 1),
    "1 x 1": ((2, 3, 4, 3), 2, (1, 1), 1, 0, 1, 1),
    "1 x 1, stride 2": ((2, 3, 4, 3), 2, (1, 1), 2, 0, 1, 1),
    "stride 2": ((2, 2, 6, 5), 3, (3, 2), 2, 1, 1, 1),
    "pairs": ((1, 2, 7, 6), 3, (2, 3), (2, 1), (1, 2), (1, 2), 1),
    "stride and dilation": ((2, 4, 7, 7), 2, (2, 2), 2, 0, (3, 2), 2),
    "dilation": ((2, 2, 6, 6), 2, (2, 2), 1, 0, 3, 1),
    "groups": ((2, 4, 4, 4), 6, (3, 3), 1, 1, 1, 2),
    "depthwise": ((2, 3, 4, 4), 3, (3, 3), 1, 1, 1, 3),
    "many channels": ((1, 20, 3, 3), 5, (2, 2), 1, 1, 1, 1),
    "one example, one filter": ((1, 1, 3, 3), 1, (3, 3), 1, 0, 1, 1),
}
POOLS = {
    "2 x 2": ((2, 3, 4, 6), 2, None, 0),
    "2 x 2, a rest": ((2, 2, 5, 5), 2, None, 0),
    "3 x 3, overlapping": ((2, 2, 5, 5), 3, 2, 1),
    "pairs": ((1, 2, 5, 6), (2, 3), (1, 2), (1, 0)),
    "1 x 1": ((2, 1, 3, 3), 1, None, 0),
}
#: Large enough not to be a pixel's value in another order, and no two alike.
SCATTERED = np.random.default_rng(3).permutation(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
TIES = np.random.default_rng(4).integers(0, 2, (2, 2, 8, 8))

#: Of both alone, or gradients would not be compared either.
KINK = dict.fromkeys(
    ("gradient in scratch", "gradient in mx"),
    "where two numbers are equal there is a kink",
)

LECTURE = np.array(
    [
        [1, 1, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 1, 1],
        [0, 0, 1, 1, 0],
        [0, 1, 1, 0, 0],
    ]
)
CROSS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
POOLED = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])
NINE = np.arange(9).reshape(3, 3)


def image(rows):
    """One image with one channel."""
    return np.asarray(rows, F)[None, None]


def wrong_images(name, f):
    """What no operation takes for images of three channels: f(dl)(x)."""
    return {
        what: Wrong(lambda dl, x=x: f(dl)(x), error, pattern)
        for what, x, error, pattern in (
            (
                "one image",
                IMAGES[0],
                ValueError,
                rf"{name} expects x of shape \(batch, .*, height, width\), got "
                r"\(3, 6, 6\): a single image is a batch of one, x\[None\]",
            ),
            (
                "one gray image",
                IMAGES[0, 0],
                ValueError,
                rf"{name} expects x .* got \(6, 6\): .*x\[None, None\]",
            ),
            (
                "pixels",
                IMAGES.astype(np.uint8),
                TypeError,
                r"floating-point numbers.*uint8.*x.astype\('float32'\) / 255",
            ),
            (
                "no height",
                IMAGES[:, :, :0],
                ValueError,
                rf"{name} expects images with a channel and a pixel .*\(2, 3, 0, 6\)",
            ),
        )
    }


def wrong_channels(name, f):
    """What a layer, or a kernel, for three channels refuses: f(dl)(x)."""
    return {
        "channels last": Wrong(
            lambda dl: f(dl)(np.ones((2, 6, 6, 3), F)),
            ValueError,
            rf"{name} expects .*: the channels come second, x.transpose\(0, 3, 1, 2\)",
        ),
        "other channels": Wrong(
            lambda dl: f(dl)(np.ones((2, 4, 6, 6), F)),
            ValueError,
            rf"{name} expects .*4",
        ),
    }


def wrong_moves(f):
    """Numbers by which no kernel moves: f(dl, **moves)."""
    return {
        what: Wrong(lambda dl, moves=moves: f(dl, **moves), error, pattern)
        for what, moves, error, pattern in (
            (
                "no stride",
                {"stride": 0},
                ValueError,
                "stride must be a whole number >= 1, got 0",
            ),
            (
                "a negative padding",
                {"padding": (1, -1)},
                ValueError,
                "padding must be a whole number >= 0, got -1",
            ),
            (
                "a triple",
                {"stride": (1, 1, 1)},
                ValueError,
                r"stride must be a whole number or a pair.*got \(1, 1, 1\)",
            ),
            (
                "half a step",
                {"stride": 0.5},
                TypeError,
                r"stride must be a whole number >= 1, got 0\.5",
            ),
        )
    }


def wrong_kernels(name, f):
    """What both convolutions refuse beside their kernel: f(dl, x, W, **moves)."""
    return {
        **wrong_moves(lambda dl, **moves: f(dl, IMAGES, KERNEL, **moves)),
        "no dilation": Wrong(
            lambda dl: f(dl, IMAGES, KERNEL, dilation=0),
            ValueError,
            "dilation must be a whole number >= 1, got 0",
        ),
        "a matrix": Wrong(
            lambda dl: f(dl, IMAGES, KERNEL[0, 0]),
            ValueError,
            rf"{name} expects W of shape .*, got \(3, 3\)",
        ),
        "a kernel without rows": Wrong(
            lambda dl: f(dl, IMAGES, KERNEL[:, :, :0]),
            ValueError,
            rf"{name} expects W .*each 1 at least, got \(., 3, 0, 3\)",
        ),
        "whole weights": Wrong(
            lambda dl: f(dl, IMAGES, KERNEL.astype(int)),
            TypeError,
            "W must hold floating-point numbers.*int64",
        ),
    }


def wrong_layers(layer):
    """What both layers of filters refuse: layer(dl, *sizes, **options)."""
    return {
        **wrong_moves(lambda dl, **moves: layer(dl)(3, 4, 3, **moves)),
        "groups that don't divide": Wrong(
            lambda dl: layer(dl)(3, 4, 3, groups=2),
            ValueError,
            "groups must divide the channels and the filters, got groups=2 for 3 "
            "channels and 4 filters",
        ),
        "no channels": Wrong(
            lambda dl: layer(dl)(0, 4, 3),
            ValueError,
            "channels must be a whole number >= 1, got 0",
        ),
        "half a filter": Wrong(
            lambda dl: layer(dl)(3, 1.5, 3),
            TypeError,
            r"filters must be a whole number >= 1, got 1\.5",
        ),
        "no kernel": Wrong(
            lambda dl: layer(dl)(3, 4, 0),
            ValueError,
            "kernel_size must be a whole number >= 1, got 0",
        ),
        "too many weights": Wrong(
            lambda dl: layer(dl)(10**5, 10**5, 3),
            ValueError,
            r"channels \* filters \* kernel_size must be at most",
        ),
        "activation": Wrong(
            lambda dl: layer(dl)(3, 4, 3, activation="swish"),
            ValueError,
            "activation must be one of None, 'sigmoid'.*got 'swish'",
        ),
        "softmax": Wrong(
            lambda dl: layer(dl)(3, 4, 3, activation="softmax"),
            ValueError,
            "activation must be one of None, 'sigmoid', 'tanh', 'relu', got 'softmax'",
        ),
        "scheme": Wrong(
            lambda dl: layer(dl)(3, 4, 3, initializer="glorot"),
            ValueError,
            "scheme must be one of 'zeros'.*got 'glorot'",
        ),
        "bias": Wrong(
            lambda dl: layer(dl)(3, 4, 3, bias=1),
            TypeError,
            "bias must be True or False, got 1",
        ),
        "seed": Wrong(
            lambda dl: layer(dl)(3, 4, 3, seed=-1),
            ValueError,
            "seed must be a whole number >= 0.*got -1",
        ),
    }


def transposed(sizes):
    """The shape of W and the number of filters of a transposed convolution."""
    x, filters, kernel, *_, groups = sizes
    return (x[1], filters // groups, *kernel)


def convolution(name, swapped):
    """Samples of a function that moves a kernel, with a bias and without."""
    samples = {}
    for what, sizes in MOVES.items():
        x, filters, kernel, *moves = sizes
        W = (filters, x[1] // moves[-1], *kernel)
        W = transposed(sizes) if swapped else W
        bias = [normal(2, filters)] if len(samples) % 3 else []
        samples[what] = Call(
            lambda dl, x, W, b=None, name=name, moves=moves: getattr(dl, name)(
                x, W, b, *moves
            ),
            normal(0, *x),
            normal(1, *W),
            *bias,
            batch=None,
        )
    samples["no images"] = Call(
        lambda dl, x, name=name: getattr(dl, name)(x, KERNEL[:3]),
        normal(0, 2, 3, 4, 4),
    )
    return samples


def filters(name):
    """Samples of a layer that moves a kernel."""
    return {
        f"{what}, {g}{'' if bias else ' without bias'}": Build(
            lambda dl, seed, sizes=MOVES[what], g=g, bias=bias: getattr(dl, name)(
                sizes[0][1], *sizes[1:], activation=g, bias=bias, seed=seed
            ),
            normal(0, *MOVES[what][0]),
        )
        for what, g, bias in (
            ("plain", None, True),
            ("plain", "relu", True),
            ("stride 2", "tanh", False),
            ("1 x 1", "sigmoid", True),
            ("groups", "relu", False),
            ("dilation", None, True),
            ("stride and dilation", "relu", True),
            ("one example, one filter", None, True),
        )
    } | {
        "orthogonal": Build(
            lambda dl, seed: getattr(dl, name)(
                2, 3, 2, initializer="orthogonal", seed=seed
            ),
            normal(0, 2, 2, 3, 3),
        )
    }


def pooling(name, lowest=None):
    """Samples of a pooling layer."""
    return {
        what: Build(
            lambda dl, seed, sizes=sizes: getattr(dl, name)(*sizes),
            normal(0, *x),
            exempt=lowest if what == "1 x 1" else None,
        )
        for what, (x, *sizes) in POOLS.items()
    }


def wrong_pools(name):
    """What both pooling layers refuse."""
    return {
        **wrong_images(name, lambda dl: getattr(dl, name)(2)),
        **wrong_moves(lambda dl, **moves: getattr(dl, name)(3, **moves)),
        "padding that is more than half of it": Wrong(
            lambda dl: getattr(dl, name)(3, padding=2),
            ValueError,
            "padding must be at most half of kernel_size, .*padding=",
        ),
        "a window that is too large": Wrong(
            lambda dl: getattr(dl, name)((3, 7), padding=(1, 0))(IMAGES),
            ValueError,
            f"{name} moves a window of 3 x 7 over images that are only 8 x 6 with their"
            " padding",
        ),
    }


ROWS = [
    Row(
        "conv2d",
        convolution("conv2d", swapped=False),
        {
            **wrong_images("conv2d", lambda dl: lambda x: dl.conv2d(x, KERNEL)),
            **wrong_channels("conv2d", lambda dl: lambda x: dl.conv2d(x, KERNEL)),
            **wrong_kernels(
                "conv2d", lambda dl, x, W, **moves: dl.conv2d(x, W, **moves)
            ),
            "a kernel that is too large": Wrong(
                lambda dl: dl.conv2d(IMAGES[:, :, :2], KERNEL),
                ValueError,
                "conv2d moves a window of 3 x 3 over images that are only 2 x 6 with "
                "their padding: take a smaller kernel, less dilation, or more padding",
            ),
            "a kernel that is dilated too far": Wrong(
                lambda dl: dl.conv2d(IMAGES, KERNEL, dilation=4, padding=1),
                ValueError,
                "conv2d moves a window of 9 x 9 .* dilation",
            ),
            "groups that don't divide the channels": Wrong(
                lambda dl: dl.conv2d(IMAGES, KERNEL[:, :1], groups=2),
                ValueError,
                "groups must divide the channels and the filters, got groups=2 for 3 "
                "channels and 4 filters",
            ),
            "groups that don't divide the filters": Wrong(
                lambda dl: dl.conv2d(IMAGES, KERNEL[:, :1], groups=3),
                ValueError,
                "groups must divide .*groups=3 for 3 channels and 4 filters",
            ),
            "a kernel for one group": Wrong(
                lambda dl: dl.conv2d(IMAGES, KERNEL[:3], groups=3),
                ValueError,
                r"conv2d expects W of shape \(filters, 1, height, width\) for x "
                r"with 3 channels in 3 groups, got \(3, 3, 3, 3\)",
            ),
            "another bias": Wrong(
                lambda dl: dl.conv2d(IMAGES, KERNEL, np.ones(3, F)),
                ValueError,
                r"conv2d expects b of shape \(4,\), .*got \(3,\)",
            ),
        },
        known={
            "the lecture's 5 x 5 image and its filter": (
                lambda dl: dl.conv2d(image(LECTURE), image(CROSS)),
                [[[[4, 3, 4], [2, 4, 3], [2, 3, 4]]]],
            ),
            "two channels: Dive into Deep Learning, 7.4": (
                lambda dl: dl.conv2d(
                    np.asarray([[NINE, NINE + 1]], F),
                    np.asarray([[[[0, 1], [2, 3]], [[1, 2], [3, 4]]]], F),
                ),
                [[[[56, 72], [104, 120]]]],
            ),
        },
    ),
    Row(
        "conv_transpose2d",
        convolution("conv_transpose2d", swapped=True),
        {
            **wrong_images(
                "conv_transpose2d",
                lambda dl: lambda x: dl.conv_transpose2d(x, KERNEL[:3]),
            ),
            **wrong_channels(
                "conv_transpose2d",
                lambda dl: lambda x: dl.conv_transpose2d(x, KERNEL[:3]),
            ),
            **wrong_kernels(
                "conv_transpose2d",
                lambda dl, x, W, **moves: dl.conv_transpose2d(x, W[:3], **moves),
            ),
            "nothing left": Wrong(
                lambda dl: dl.conv_transpose2d(IMAGES, KERNEL[:3], padding=4),
                ValueError,
                "conv_transpose2d would make images of 0 x 0 of maps of 6 x 6: take "
                "less padding",
            ),
            "groups that don't divide": Wrong(
                lambda dl: dl.conv_transpose2d(IMAGES, KERNEL[:3], groups=2),
                ValueError,
                "groups must divide the channels .*groups=2 for 3 channels",
            ),
            "far too large": Wrong(
                lambda dl: dl.conv_transpose2d(IMAGES, KERNEL[:3], stride=10**6),
                ValueError,
                "conv_transpose2d would make .*: take smaller stride or dilation",
            ),
            "another bias": Wrong(
                lambda dl: dl.conv_transpose2d(IMAGES, KERNEL[:3], np.ones(4, F)),
                ValueError,
                r"conv_transpose2d expects b of shape \(3,\), .*got \(4,\)",
            ),
        },
        known={
            "Dive into Deep Learning, 14.10": (
                lambda dl: dl.conv_transpose2d(
                    image([[0, 1], [2, 3]]), image([[0, 1], [2, 3]])
                ),
                [[[[0, 0, 1], [0, 4, 6], [4, 12, 9]]]],
            ),
            "with stride 2: Dive into Deep Learning, 14.10": (
                lambda dl: dl.conv_transpose2d(
                    image([[0, 1], [2, 3]]), image([[0, 1], [2, 3]]), stride=2
                ),
                [[[[0, 0, 0, 1], [0, 0, 2, 3], [0, 2, 0, 3], [4, 6, 6, 9]]]],
            ),
        },
    ),
    Row(
        "Conv2D",
        filters("Conv2D"),
        {
            **wrong_images("Conv2D", lambda dl: dl.Conv2D(3, 4, 3)),
            **wrong_channels("Conv2D", lambda dl: dl.Conv2D(3, 4, 3)),
            **wrong_layers(lambda dl: dl.Conv2D),
            "gray images without their axis": Wrong(
                lambda dl: dl.Conv2D(1, 4, 3)(np.ones((8, 28, 28), F)),
                ValueError,
                r"Conv2D expects .*got \(8, 28, 28\): gray images need an axis .* "
                r"x\[:, None\]",
            ),
            "images that are too small": Wrong(
                lambda dl: dl.Conv2D(3, 4, (7, 3))(IMAGES),
                ValueError,
                "conv2d moves a window of 7 x 3 over images that are only 6 x 6",
            ),
        },
        scratch_only=OWN,
    ),
    Row(
        "ConvTranspose2D",
        filters("ConvTranspose2D"),
        {
            **wrong_images("ConvTranspose2D", lambda dl: dl.ConvTranspose2D(3, 4, 3)),
            **wrong_channels("ConvTranspose2D", lambda dl: dl.ConvTranspose2D(3, 4, 3)),
            **wrong_layers(lambda dl: dl.ConvTranspose2D),
            "nothing left": Wrong(
                lambda dl: dl.ConvTranspose2D(3, 4, 2, padding=4)(IMAGES),
                ValueError,
                "conv_transpose2d would make images of -1 x -1 of maps of 6 x 6",
            ),
        },
        scratch_only=OWN,
    ),
    Row(
        "MaxPool2D",
        {
            **pooling(
                "MaxPool2D",
                {"nonfinite": "for MXNet nothing is below the least finite number"},
            ),
            "no two alike": Build(lambda dl, seed: dl.MaxPool2D(2), SCATTERED),
            # Of equal numbers the first one counts, and differences see both.
            "ties": Build(
                lambda dl, seed: dl.MaxPool2D(2),
                TIES,
                exempt=KINK,
            ),
            "ties, overlapping": Build(
                lambda dl, seed: dl.MaxPool2D(3, 1, 1),
                TIES,
                exempt=KINK,
            ),
        },
        wrong_pools("MaxPool2D"),
        known={
            "the lecture's 4 x 4 numbers": (
                lambda dl: dl.MaxPool2D(2)(image(POOLED)),
                [[[[6, 8], [3, 4]]]],
            ),
            "Dive into Deep Learning, 7.5": (
                lambda dl: dl.MaxPool2D(2, 1)(image(NINE)),
                [[[[4, 5], [7, 8]]]],
            ),
        },
    ),
    Row(
        "AvgPool2D",
        pooling("AvgPool2D"),
        wrong_pools("AvgPool2D"),
        known={
            "Dive into Deep Learning, 7.5": (
                lambda dl: dl.AvgPool2D(2, 1)(image(NINE)),
                [[[[2, 3], [5, 6]]]],
            ),
            "by hand, the padding counts": (
                lambda dl: dl.AvgPool2D(2, padding=1)(image([[4, 8], [12, 16]])),
                [[[[1, 2], [3, 4]]]],
            ),
        },
    ),
    Row(
        "GlobalAvgPool2D",
        {
            str(shape): Build(lambda dl, seed: dl.GlobalAvgPool2D(), normal(0, *shape))
            for shape in ((3, 2, 4, 5), (1, 1, 1, 1))
        },
        wrong_images("GlobalAvgPool2D", lambda dl: dl.GlobalAvgPool2D()),
    ),
    Row(
        "Flatten",
        {
            str(shape): Build(lambda dl, seed: dl.Flatten(), normal(0, *shape))
            for shape in ((2, 3, 4, 5), (3, 2), (1, 1, 2))
        },
        {
            "one number each": Wrong(
                lambda dl: dl.Flatten()(np.ones(3, F)),
                ValueError,
                r"Flatten expects x of shape \(batch, ...\), got \(3,\): a single "
                r"example is a batch of one, x\[None\]",
            ),
            "pixels": Wrong(
                lambda dl: dl.Flatten()(IMAGES.astype(np.uint8)),
                TypeError,
                "floating-point numbers.*uint8",
            ),
        },
        source=False,
    ),
    Row(
        "upsample",
        {
            f"{mode} {scale} {shape}": Call(
                lambda dl, x, s=scale, m=mode: dl.upsample(x, s, m),
                normal(0, *shape),
                exempt={"float64": "MXNet computes a pixel's place in float32"}
                if (mode, scale) == ("bilinear", 3)
                else None,
            )
            for mode, (scale, shape) in product(
                ("bilinear", "nearest"),
                (
                    (2, (2, 3, 3, 4)),
                    (3, (1, 2, 2, 1)),
                    (1, (1, 1, 2, 3)),
                    (4, (2, 1, 1, 1)),
                ),
            )
        },
        {
            **wrong_images("upsample", lambda dl: dl.upsample),
            "no scale": Wrong(
                lambda dl: dl.upsample(IMAGES, 0),
                ValueError,
                "scale must be a whole number >= 1, got 0",
            ),
            "half a scale": Wrong(
                lambda dl: dl.upsample(IMAGES, 0.5),
                TypeError,
                r"scale must be a whole number >= 1, got 0\.5",
            ),
            "far too large": Wrong(
                lambda dl: dl.upsample(IMAGES, 10**6),
                ValueError,
                "upsample would make images of 6000000 x 6000000 .*: take smaller",
            ),
            "another mode": Wrong(
                lambda dl: dl.upsample(IMAGES, 2, "cubic"),
                ValueError,
                "mode must be one of 'bilinear', 'nearest', got 'cubic'",
            ),
        },
        known={
            "bilinear: PyTorch's documentation of Upsample": (
                lambda dl: dl.upsample(image([[1, 2], [3, 4]])),
                [
                    [
                        [
                            [1, 1.25, 1.75, 2],
                            [1.5, 1.75, 2.25, 2.5],
                            [2.5, 2.75, 3.25, 3.5],
                            [3, 3.25, 3.75, 4],
                        ]
                    ]
                ],
            ),
            "nearest: PyTorch's documentation of Upsample": (
                lambda dl: dl.upsample(image([[1, 2], [3, 4]]), mode="nearest"),
                [[[[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]]],
            ),
        },
        source=False,
    ),
]
