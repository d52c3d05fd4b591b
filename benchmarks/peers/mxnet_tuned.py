"""MXNet set up by hand for a processor, and Gluon as in `mxnet.py`.

The settings are those that serve plain MXNet best on two cores: each operation computed
when it is called, threads that look for work for a moment before they sleep, and the
matrix kernels for AVX2. It reads them while it is imported.
"""

import os
from pathlib import Path

os.environ["MXNET_ENGINE_TYPE"] = "NaiveEngine"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["GOMP_SPINCOUNT"] = "4000"
cpu = Path("/proc/cpuinfo")
if cpu.exists() and " avx2 " in cpu.read_text():
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"

from benchmarks.peers import mxnet  # noqa: E402

VERSION = mxnet.VERSION
THREADS = int(os.environ["OMP_NUM_THREADS"])
finish = mxnet.finish
mlp, small_mlp, adam = mxnet.mlp, mxnet.small_mlp, mxnet.adam
cross_entropy, lstm, attention = mxnet.cross_entropy, mxnet.lstm, mxnet.attention
conv_a, conv_b, conv_c = mxnet.conv_a, mxnet.conv_b, mxnet.conv_c
conv_transpose, max_pool = mxnet.conv_transpose, mxnet.max_pool
lenet, nms, roi_align = mxnet.lenet, mxnet.nms, mxnet.roi_align
