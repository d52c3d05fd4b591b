"""Layers for images: against definitions in loops, by their adjoints, counted."""

from itertools import product
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.gradcheck import check_gradients
from d2lib.scratch import (
    AvgPool2D,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    GlobalAvgPool2D,
    LeNet,
    MaxPool2D,
    Sequential,
    concatenate,
    conv2d,
    conv_transpose2d,
    cross_entropy,
    relu,
    softmax,
    tanh,
    tensor,
    upsample,
)
from d2lib.scratch import _columns as columns
from d2lib.scratch import _plain as plain
from d2lib.scratch import convolution as layers
from d2lib.scratch.optimizers import Adam
from d2lib.shared.windows import Geometry
from tests.allocation import bytes_asked_for
from tests.scratch.test_layers import Counting

some = settings(deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def same(a, b, tolerance=1e-10):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# Definitions, number by number --------------------------------------------------------


def at_each_place(at):
    """Yields (i, j), (p, q) and the pixel they meet, where that is in the image."""
    for i, j in np.ndindex(*at.output):
        for p, q in np.ndindex(*at.kernel):
            row = i * at.stride[0] + p * at.dilation[0] - at.padding[0]
            column = j * at.stride[1] + q * at.dilation[1] - at.padding[1]
            if 0 <= row < at.image[0] and 0 <= column < at.image[1]:
                yield (i, j), (p, q), (row, column)


def channels_of(f, W, groups):
    """The channels that filter f sees, with their places in W."""
    first = f // (len(W) // groups) * W.shape[1]
    return enumerate(range(first, first + W.shape[1]))


def convolved(x, W, at):
    """conv2d by its definition."""
    y = np.zeros((len(x), len(W), *at.output))
    for (i, j), (p, q), (row, column) in at_each_place(at):
        for f in range(len(W)):
            for k, c in channels_of(f, W, at.groups):
                y[:, f, i, j] += W[f, k, p, q] * x[:, c, row, column]
    return y


def laid_down(y, W, at):
    """conv_transpose2d by its definition: onto images of at.image."""
    x = np.zeros((len(y), W.shape[1] * at.groups, *at.image))
    for (i, j), (p, q), (row, column) in at_each_place(at):
        for f in range(len(W)):
            for k, c in channels_of(f, W, at.groups):
                x[:, c, row, column] += W[f, k, p, q] * y[:, f, i, j]
    return x


def windows(x, at, outside):
    """The numbers of each window of each image, as lists."""
    for n, c in np.ndindex(*x.shape[:2]):
        found = {place: [] for place in np.ndindex(*at.output)}
        for place, _, pixel in at_each_place(at):
            found[place].append(x[(n, c, *pixel)])
        for place, numbers in found.items():
            missing = at.kernel[0] * at.kernel[1] - len(numbers)
            yield (n, c, *place), numbers + [outside] * missing


# Any sizes ----------------------------------------------------------------------------

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def moves(draw, dilation=pairs):
    """How a kernel moves over some image, which it fits."""
    kernel, stride, apart = draw(pairs), draw(pairs), draw(dilation)
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    least = [
        max(1, (k - 1) * d + 1 - 2 * p)
        for k, d, p in zip(kernel, apart, padding, strict=True)
    ]
    image = tuple(n + draw(st.integers(0, 4)) for n in least)
    groups = draw(st.integers(1, 2))
    return Geometry(image, kernel, stride, padding, apart, groups)


@st.composite
def problems(draw):
    """x, W, y of shapes that go together, how W moves, and how much fits a block."""
    at = draw(moves())
    many = draw(st.sampled_from([1, 2, 9]))  # with few channels columns lie otherwise
    channels, filters = many * at.groups, draw(st.integers(1, 3)) * at.groups
    seed, n = draw(seeds), draw(st.integers(1, 3))
    x = normal(seed, n, channels, *at.image)
    W = normal(seed + 1, filters, many, *at.kernel)
    y = normal(seed + 2, n, filters, *at.output)
    return x, W, y, at, draw(st.sampled_from([1, 400, 10**6]))


def how(at):
    return at.stride, at.padding, at.dilation, at.groups


class TestDefinition:
    @some
    @given(problems())
    def test_convolution(self, problem):
        x, W, _, at, block = problem
        with mock.patch.object(columns, "_BLOCK", block):
            same(columns.correlate(x, W, at), convolved(x, W, at))
            b = normal(0, len(W))
            y = conv2d(*(tensor(a, np.float64) for a in (x, W, b)), *how(at))
        same(y.data, convolved(x, W, at) + b[:, None, None])

    @some
    @given(problems())
    def test_transposed_convolution(self, problem):
        _, W, y, at, block = problem
        with mock.patch.object(columns, "_BLOCK", block):
            same(columns.correlate_transpose(y, W, at), laid_down(y, W, at))

    @some
    @given(problems())
    def test_the_plain_form_for_arrays_that_are_not_numpys(self, problem):
        x, W, y, at, _ = problem
        same(plain.correlate(x, W, at), columns.correlate(x, W, at))
        same(plain.correlate_kernel(x, y, at), columns.correlate_kernel(x, y, at))
        same(plain.correlate_transpose(y, W, at), columns.correlate_transpose(y, W, at))
        same(plain.sum_places(y), columns.sum_places(y))
        b, moved = W[:, 0, 0, 0], y.copy()
        plain.add_bias(moved, b)
        same(moved, y + b[:, None, None])
        assert plain.correlate(x[:0], W, at).shape == (0, *y.shape[1:])

    @some
    @given(problems())
    def test_a_transposed_convolution_makes_what_leads_back(self, problem):
        _, W, y, at, _ = problem
        (kh, kw), (h, w) = at.span, at.output
        size = (h - 1) * at.stride[0] + kh, (w - 1) * at.stride[1] + kw
        image = tuple(n - 2 * p for n, p in zip(size, at.padding, strict=True))
        if min(image) < 1:
            return
        b = normal(0, W.shape[1] * at.groups)
        x = conv_transpose2d(*(tensor(a, np.float64) for a in (y, W, b)), *how(at))
        back = Geometry(image, at.kernel, *how(at))
        same(x.data, laid_down(y, W, back) + b[:, None, None])
        assert conv2d(x, tensor(W, np.float64), None, *how(at)).shape == y.shape

    @some
    @given(moves(dilation=st.just((1, 1))), seeds)
    def test_pooling(self, at, seed):
        padding = tuple(
            min(p, k // 2) for p, k in zip(at.padding, at.kernel, strict=True)
        )
        image = tuple(n + 2 for n in at.image)
        at = Geometry(image, at.kernel, at.stride, padding)
        # Whole numbers of few kinds: there are ties.
        x = np.random.default_rng(seed).integers(-2, 3, (2, 2, *image)).astype(float)
        largest = MaxPool2D(at.kernel, at.stride, padding)(tensor(x, np.float64))
        mean = AvgPool2D(at.kernel, at.stride, padding)(tensor(x, np.float64))
        for place, numbers in windows(x, at, -np.inf):
            assert largest.data[place] == max(numbers)
        for place, numbers in windows(x, at, 0.0):
            assert mean.data[place] == pytest.approx(np.mean(numbers))

    @some
    @given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), seeds)
    def test_upsampling(self, height, width, scale, seed):
        x = normal(seed, 1, 1, height, width)
        fine = upsample(tensor(x, np.float64), scale).data[0, 0]
        coarse = upsample(tensor(x, np.float64), scale, "nearest").data[0, 0]
        image = x[0, 0]
        for i, j in np.ndindex(height * scale, width * scale):
            assert coarse[i, j] == image[i // scale, j // scale]
            row = np.clip((i + 0.5) / scale - 0.5, 0, height - 1)
            column = np.clip((j + 0.5) / scale - 0.5, 0, width - 1)
            # Tents of width 2 around each pixel.
            up = np.maximum(0, 1 - np.abs(np.arange(height) - row))
            across = np.maximum(0, 1 - np.abs(np.arange(width) - column))
            assert fine[i, j] == pytest.approx(up @ image @ across)

    def test_one_by_one_is_a_dense_layer_at_each_pixel(self):
        x, W = normal(0, 2, 5, 3, 4), normal(1, 6, 5)
        y = conv2d(tensor(x, np.float64), tensor(W[:, :, None, None], np.float64))
        same(y.data, np.einsum("fc,nchw->nfhw", W, x))

    def test_the_whole_image_is_a_dense_layer(self):
        x, W = normal(0, 2, 5, 3, 4), normal(1, 6, 5, 3, 4)
        y = conv2d(tensor(x, np.float64), tensor(W, np.float64))
        same(y.data[:, :, 0, 0], x.reshape(2, -1) @ W.reshape(6, -1).T)

    def test_it_does_not_turn_the_filter_round(self):
        x = np.zeros((1, 1, 3, 3))
        x[0, 0, 1, 1] = 1
        W = np.arange(9.0).reshape(1, 1, 3, 3)
        y = conv2d(tensor(x), tensor(W), padding=1).data[0, 0]
        np.testing.assert_array_equal(y, W[0, 0, ::-1, ::-1])

    def test_of_equal_numbers_the_first_gets_the_gradient(self):
        x = tensor(np.ones((1, 1, 4, 4)), requires_grad=True)
        MaxPool2D(2)(x).backward(np.arange(4.0, dtype=np.float32).reshape(1, 1, 2, 2))
        expected = np.zeros((4, 4))
        expected[::2, ::2] = [[0, 1], [2, 3]]
        np.testing.assert_array_equal(x.grad[0, 0], expected)

    def test_the_first_is_the_first_from_left_to_right_and_from_top_to_bottom(self):
        four = np.array(list(product(range(3), repeat=4)), np.float32)  # all the ties
        x = tensor(four.reshape(-1, 1, 2, 2), requires_grad=True)
        MaxPool2D(2)(x).backward(np.ones((len(four), 1, 1, 1), np.float32))
        first = np.eye(4)[four.argmax(axis=1)]
        np.testing.assert_array_equal(x.grad.reshape(-1, 4), first)

    def test_what_no_window_sees_has_no_gradient(self):
        x = tensor(normal(0, 1, 1, 5, 3), requires_grad=True)
        MaxPool2D(2)(x).sum().backward()
        assert x.grad.sum() == 2
        assert not x.grad[:, :, 4].any()
        assert not x.grad[..., 2].any()

    def test_windows_that_overlap_add_their_gradients(self):
        x = np.zeros((1, 1, 3, 3))
        x[0, 0, 1, 1] = 1
        x = tensor(x, requires_grad=True)
        MaxPool2D(2, 1)(x).sum().backward()
        assert x.grad[0, 0, 1, 1] == 4

    @pytest.mark.parametrize(
        "layer", [MaxPool2D(2), AvgPool2D(2), MaxPool2D(3, 1, 1), GlobalAvgPool2D()]
    )
    def test_nan_stays_where_it_is(self, layer):
        x = np.zeros((2, 1, 4, 4))
        x[0, 0, 0, 0] = np.nan
        y = layer(tensor(x)).data
        assert np.isnan(y[0].flat[0])
        assert np.isfinite(y[1]).all()


# Adjoints -----------------------------------------------------------------------------


def check_adjoint(A, x, y, back):
    """Asserts <A x, y> = <x, back(y)>, for random x and y."""
    out = A(x)
    assert out.shape == y.shape
    left, right = (out * y).sum(), (x * back(y)).sum()
    scale = np.linalg.norm(out) * np.linalg.norm(y) + 1e-300
    assert abs(left - right) <= 1e-12 * scale, f"{left} and {right}"


def backward_of(f, x):
    """The map from a gradient of f(x) to that of x."""
    x = tensor(x, np.float64, requires_grad=True)

    def back(y):
        x.grad = None
        f(x).backward(y)
        return x.grad

    return back


class TestAdjoint:
    @some
    @given(problems())
    def test_convolution(self, problem):
        x, W, y, at, block = problem
        with mock.patch.object(columns, "_BLOCK", block):
            check_adjoint(
                lambda x: columns.correlate(x, W, at),
                x,
                y,
                lambda y: columns.correlate_transpose(y, W, at),
            )
            check_adjoint(
                lambda W: columns.correlate(x, W, at),
                W,
                y,
                lambda y: columns.correlate_kernel(x, y, at),
            )

    @some
    @given(problems())
    def test_the_gradient_is_the_adjoint(self, problem):
        x, W, y, at, _ = problem

        def of_x(x):
            return conv2d(x, tensor(W, np.float64), None, *how(at))

        def of_W(W):
            return conv2d(tensor(x, np.float64), W, None, *how(at))

        for f, place in ((of_x, x), (of_W, W)):
            check_adjoint(
                lambda a, f=f: f(tensor(a, np.float64)).data,
                place,
                y,
                backward_of(f, place),
            )

    @pytest.mark.parametrize(
        "f",
        [
            lambda x: conv_transpose2d(x, tensor(normal(5, 4, 3, 3, 2), np.float64)),
            lambda x: conv_transpose2d(
                x, tensor(normal(5, 4, 2, 3, 2), np.float64), None, (2, 1), 1, (1, 2), 2
            ),
            lambda x: upsample(x, 3),
            lambda x: upsample(x, 2, "nearest"),
            AvgPool2D(2),
            AvgPool2D((3, 2), (1, 2), 1),
            GlobalAvgPool2D(),
            Flatten(),
        ],
    )
    def test_what_is_linear(self, f):
        x = normal(0, 2, 4, 5, 6)

        def of_array(x):
            return f(tensor(x, np.float64)).data

        y = normal(1, *of_array(x).shape)
        check_adjoint(of_array, x, y, backward_of(f, x))
        same(of_array(x + 2 * x), 3 * of_array(x))

    def test_a_convolution_and_its_transpose(self):
        W = tensor(normal(2, 4, 3, 3, 3), np.float64)
        check_adjoint(
            lambda u: conv2d(tensor(u, np.float64), W, stride=2, padding=1).data,
            normal(0, 2, 3, 7, 7),
            normal(1, 2, 4, 4, 4),
            lambda y: (
                conv_transpose2d(tensor(y, np.float64), W, stride=2, padding=1).data
            ),
        )

    def test_errors_that_are_planted_are_found(self):
        x, W, y = normal(0, 1, 2, 5, 5), normal(1, 3, 2, 3, 3), normal(2, 1, 3, 3, 3)
        at = Geometry((5, 5), (3, 3))

        def A(x):
            return columns.correlate(x, W, at)

        def right(y):
            return columns.correlate_transpose(y, W, at)

        turned = W[:, :, ::-1, ::-1]
        check_adjoint(A, x, y, right)
        for wrong in (
            lambda y: columns.correlate_transpose(y, turned, at),
            lambda y: np.roll(right(y), 1, axis=3),
            lambda y: right(y).swapaxes(2, 3),
            lambda y: 1.001 * right(y),
        ):
            with pytest.raises(AssertionError):
                check_adjoint(A, x, y, wrong)
        with pytest.raises(AssertionError):
            same(A(x), convolved(x, turned, at))


class TestGradients:
    """Where a map is not linear: along with its bias, its activation, its maximum."""

    @pytest.mark.parametrize("f", [conv2d, conv_transpose2d])
    def test_with_a_bias(self, f):
        W = normal(1, 4, 4, 2, 3)
        arguments = normal(0, 2, 4, 4, 5), W, normal(2, 4)
        check_gradients(lambda x, W, b: f(x, W, b, (2, 1), 1), *arguments)

    @pytest.mark.parametrize("f", [MaxPool2D(2), MaxPool2D(3, 2, 1), MaxPool2D((2, 1))])
    def test_of_a_maximum(self, f):
        check_gradients(
            f,
            np.random.default_rng(0).permutation(np.arange(120.0)).reshape(2, 2, 5, 6),
        )

    def test_a_gradient_that_nobody_needs_is_not_computed(self):
        x = tensor(normal(0, 2, 2, 3, 3))
        for f in (conv2d, conv_transpose2d):
            W = tensor(normal(1, 2, 2, 3, 3), requires_grad=True)
            y = f(x, W)
            names = "correlate", "correlate_transpose"
            with mock.patch.multiple(layers, **dict.fromkeys(names)):
                y.backward(np.ones(y.shape, np.float32))
            assert x.grad is None
            assert W.grad is not None


# What it costs ------------------------------------------------------------------------


class TestCost:
    @pytest.mark.parametrize("groups", [1, 2])
    @pytest.mark.parametrize("stride", [1, 2])
    def test_one_product_for_each_map_and_block(self, groups, stride):
        n, channels, filters = 8, 16, 12
        at = Geometry((8, 8), (3, 3), (stride, stride), (1, 1), groups=groups)
        x = normal(0, n, channels, 8, 8)
        W = normal(1, filters, channels // groups, 3, 3).view(Counting)
        y = normal(2, n, filters, *at.output).view(Counting)
        numbers = 9 * channels // groups * at.output[0] * at.output[1]
        for images in (1, 3, 8):  # in a block
            blocks = groups * -(-n // images)
            with mock.patch.object(columns, "_BLOCK", images * numbers):
                Counting.products.clear()
                columns.correlate(x, W, at)
                assert len(Counting.products) == blocks
                columns.correlate_kernel(x, y, at)
                assert len(Counting.products) == 2 * blocks
                # A correlation for each place in a stride; its windows are smaller.
                columns.correlate_transpose(y, W, at)
                most = (2 + stride**2) * blocks
                assert 2 * blocks < len(Counting.products) <= most
        Counting.products.clear()

    def test_the_columns_of_a_large_batch_do_not_fill_the_memory(self):
        x = tensor(normal(0, 64, 32, 14, 14), requires_grad=True)
        W = tensor(normal(1, 64, 32, 3, 3), requires_grad=True)
        g = np.ones((64, 64, 14, 14), np.float32)

        def step():
            x.grad = W.grad = None
            conv2d(x, W, padding=1).backward(g)

        in_blocks = bytes_asked_for(step)
        assert in_blocks < 16e6
        with mock.patch.object(columns, "_BLOCK", 10**9):  # all of them, 14 MB, at once
            assert bytes_asked_for(step) > in_blocks + 10e6

    def test_no_array_becomes_float64(self):
        x = tensor(normal(0, 128, 1, 28, 28), requires_grad=True)
        for layer in (
            Conv2D(1, 2, 3, seed=0),
            ConvTranspose2D(1, 2, 3, seed=0),
            MaxPool2D(2),
            AvgPool2D(2),
            GlobalAvgPool2D(),
            Flatten(),
            upsample,
        ):
            x.grad = None
            y = layer(x)
            y.backward(np.ones(y.shape, np.float32))
            assert y.dtype == x.grad.dtype == np.float32


# Channels last in memory --------------------------------------------------------------

FOLLOWERS = {
    "Flatten": Flatten(),
    "relu": relu,
    "tanh": tanh,
    "softmax": lambda x: softmax(x, axis=1),
    "BatchNorm": BatchNorm(4),
    "BatchNorm, relu": BatchNorm(4, "relu"),
    "MaxPool2D": MaxPool2D(2),
    "MaxPool2D, padding": MaxPool2D(3, 2, 1),
    "AvgPool2D": AvgPool2D(2, 1, 1),
    "GlobalAvgPool2D": GlobalAvgPool2D(),
    "Conv2D": Conv2D(4, 3, 3, padding=1, seed=0),
    "Conv2D, groups": Conv2D(4, 6, 2, groups=2, stride=2, seed=0),
    "Conv2D, 1 x 1": Conv2D(4, 3, 1, seed=0),
    "ConvTranspose2D": ConvTranspose2D(4, 3, 4, 2, 1, seed=0),
    "upsample": upsample,
    "nearest": lambda x: upsample(x, 2, "nearest"),
    "reshape": lambda x: x.reshape(3, -1),
    "transpose": lambda x: x.transpose(0, 2, 3, 1).reshape(-1, 4),
    "a part": lambda x: x[:, 1:3, 2],
    "sum": lambda x: x.sum(axis=(0, 2)),
    "mean": lambda x: x.mean(axis=1),
    "product": lambda x: x * x + x,
    "concatenate": lambda x: concatenate([x, x * 2.0], axis=1),
    "Dense": Sequential(Flatten(), Dense(4 * 5 * 6, 3, seed=0)),
}


@pytest.mark.parametrize("name", FOLLOWERS)
def test_what_follows_does_not_see_how_memory_is_laid_out(name):
    f = FOLLOWERS[name]
    rows = np.asarray(normal(0, 3, 4, 5, 6), np.float32)
    last = np.ascontiguousarray(rows.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    assert not last.flags.c_contiguous
    results = []
    for x in (rows, last):
        for turn in (False, True):  # the gradient may come back laid out so, too
            x = tensor(x, requires_grad=True)
            x.data = x.data if x.data.strides == rows.strides else last
            y = f(x)
            g = np.asarray(normal(1, *y.shape), np.float32)
            if turn and g.ndim == 4:
                g = np.ascontiguousarray(g.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
            y.backward(g)
            results.append((y.data, x.grad))
    for y, g in results[1:]:
        same(y, results[0][0], 1e-5)
        same(g, results[0][1], 1e-5)


def test_the_result_of_a_convolution_has_its_channels_last():
    y = conv2d(tensor(normal(0, 2, 3, 5, 5)), tensor(normal(1, 4, 3, 3, 3)), padding=1)
    assert y.data.transpose(0, 2, 3, 1).flags.c_contiguous
    assert relu(y).data.transpose(0, 2, 3, 1).flags.c_contiguous


# LeNet --------------------------------------------------------------------------------


class TestLeNet:
    def test_its_parameters_are_those_of_the_paper_with_all_maps_connected(self):
        sizes = [p.data.size for p in LeNet(seed=0).parameters()]
        assert sizes == [150, 6, 2400, 16, 48000, 120, 10080, 84, 840, 10]

    def test_over_a_larger_image_it_slides_and_takes_the_mean(self):
        model = LeNet(seed=0)
        x = np.zeros((1, 1, 28, 32), np.float32)
        x[...] = normal(0, 28, 32)
        seen = Sequential(*model.layers[:6])(x)  # cells of 4 pixels; 28 of 32, 4 on
        answers = model.layers[4](Sequential(*model.layers[:4])(x))
        assert answers.shape == (1, 120, 1, 2)
        same(seen.data[0], answers.data[0, :, 0].mean(axis=1), 1e-5)

    @pytest.mark.parametrize("batch_norm", [False, True])
    def test_it_learns_a_handful_by_heart(self, batch_norm):
        x = np.asarray(normal(0, 16, 1, 28, 28), np.float32)
        y = np.arange(16) % 10
        model = LeNet(batch_norm=batch_norm, seed=0)
        optimizer = Adam(model.parameters(), lr=3e-3)
        for _ in range(25):
            optimizer.zero_grad()
            loss = cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        assert (model(x).data.argmax(axis=1) == y).all()


def test_every_pair_of_a_kernel_and_an_image_that_fits_has_an_output():
    for image, kernel, stride, padding in product(
        range(1, 6), range(1, 6), (1, 2), (0, 1)
    ):
        if kernel > image + 2 * padding:
            with pytest.raises(ValueError, match="a window of"):
                Geometry.of((1, 1, image, 1), (kernel, 1), stride, (padding, 0))
            continue
        at = Geometry.of((1, 1, image, 1), (kernel, 1), (stride, 1), (padding, 0))
        assert at.output[0] == len(range(0, image + 2 * padding - kernel + 1, stride))
