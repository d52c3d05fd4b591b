"""d2lib's NumPy twin; and, by NumPy, what the machine can do."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.peers._d2lib import Works
from d2lib import __version__, scratch

VERSION = f"{__version__} on NumPy {np.__version__}"
THREADS = int(os.environ["OPENBLAS_NUM_THREADS"])


class Scratch(Works):
    """Its layers for images hand on maps with the channels last in memory."""

    def laid(self, maps):
        """Maps of the same shape, (batch, channels, height, width), laid out so."""
        return np.ascontiguousarray(maps.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


_works = Scratch(scratch)
mlp, small_mlp, adam = _works.mlp, _works.small_mlp, _works.adam
cross_entropy, lstm = _works.cross_entropy, _works.lstm
attention, import_ = _works.attention, _works.import_
conv_a, conv_b, conv_c = _works.conv_a, _works.conv_b, _works.conv_c
conv_transpose, max_pool = _works.conv_transpose, _works.max_pool
lenet, nms, roi_align = _works.lenet, _works.nms, _works.roi_align
dqn_64, dqn_128 = _works.dqn_64, _works.dqn_128


def gemm(data):
    a, b, c = data["a"], data["b"], np.empty_like(data["a"])

    def step():
        np.matmul(a, b, out=c)

    return step, dict


def copy(data):
    sources = np.array_split(data["z"], THREADS)
    targets = np.array_split(np.empty_like(data["z"]), THREADS)
    pool = ThreadPoolExecutor(THREADS)

    def step():
        list(pool.map(np.copyto, targets, sources))

    return step, dict
