"""d2lib's NumPy twin; and, by NumPy, what the machine can do."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.peers._d2lib import Works
from d2lib import __version__, scratch

VERSION = f"{__version__} on NumPy {np.__version__}"
THREADS = int(os.environ["OPENBLAS_NUM_THREADS"])

_works = Works(scratch)
mlp, small_mlp, adam = _works.mlp, _works.small_mlp, _works.adam
cross_entropy, lstm = _works.cross_entropy, _works.lstm
attention, import_ = _works.attention, _works.import_


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
