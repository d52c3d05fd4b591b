"""d2lib's MXNet twin."""

from benchmarks.peers._d2lib import Works
from d2lib import __version__, mx
from d2lib.mx._compat import mx as mxnet
from d2lib.mx._runtime import CHOICES

VERSION = f"{__version__} on MXNet {mxnet.__version__}"
THREADS = int(CHOICES["OMP_NUM_THREADS"].value)

_works = Works(mx)
mlp, small_mlp, adam = _works.mlp, _works.small_mlp, _works.adam
cross_entropy, lstm = _works.cross_entropy, _works.lstm
attention, import_ = _works.attention, _works.import_
conv_a, conv_b, conv_c = _works.conv_a, _works.conv_b, _works.conv_c
conv_transpose, max_pool = _works.conv_transpose, _works.max_pool
lenet, nms, roi_align = _works.lenet, _works.nms, _works.roi_align
dqn_64, dqn_128 = _works.dqn_64, _works.dqn_128
finish = mxnet.npx.waitall  # MXNet queues what it is told and computes meanwhile
