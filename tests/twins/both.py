"""Which twins a test can have here."""

from importlib.util import find_spec

import numpy as np
import pytest

MISSING = ""
if find_spec("mxnet") is None:
    MISSING = "MXNet is not installed"
elif np.lib.NumpyVersion(np.__version__) >= "2.0.0":
    MISSING = "MXNet needs NumPy 1.26"

# Where MXNet is installed, a d2lib.mx that can't be imported fails the tests.
needs_mxnet = pytest.mark.skipif(bool(MISSING), reason=MISSING)
TWINS = ("scratch", pytest.param("mx", marks=needs_mxnet))
