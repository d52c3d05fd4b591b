"""MXNet is importable where it can be, and the error says what to do elsewhere."""

import os
import subprocess
import sys

import pytest

from tests.twins.both import needs_mxnet


def run(code, **environ):
    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "OPENBLAS_"))
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=env | environ,
    )


WITHOUT_MXNET = "import sys; sys.modules['mxnet'] = None\n"


def test_without_mxnet_one_import_error_says_what_to_install():
    ran = run(WITHOUT_MXNET + "import d2lib.scratch\nimport d2lib.mx")
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: MXNet ")
    assert 'pip install "mxnet==1.9.1" "numpy<2"' in last
    for place in ("Apple silicon", "Windows", "Python 3.13"):
        assert place in last
    assert "During handling" not in ran.stderr


def test_the_package_and_the_numpy_twin_do_not_import_mxnet():
    code = "import sys, d2lib, d2lib.scratch; print('mxnet' in sys.modules)"
    assert run(code).stdout == "False\n"


@needs_mxnet
def test_importing_leaves_no_trace_but_the_name_numpy_lacks():
    code = """
import os, sys, numpy
before, known = dict(os.environ), set(vars(numpy))
import d2lib.mx
assert dict(os.environ) == before
new = {n for n in set(vars(numpy)) - known if f"numpy.{n}" not in sys.modules}
assert new <= {"bool"}, new
for name in ("requests", "distutils", "distutils.version", "mxnet.contrib.onnx"):
    assert name not in sys.modules, name
"""
    ran = run(code)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ran.stderr == ""


def test_what_was_replaced_for_the_import_is_there_when_used():
    pytest.importorskip("requests")
    code = """
from d2lib.mx._compat import mx
import requests
assert mx.gluon.utils.requests.get is requests.get
assert callable(mx.contrib.onnx.import_model)
"""
    ran = run(code, PYTHONWARNINGS="ignore")
    assert ran.returncode == 0, ran.stderr


def unavailable(
    system="Linux", machine="x86_64", python=(3, 11), numpy="1.26.4", found=0
):
    pytest.importorskip("d2lib.mx", exc_type=ImportError)
    from d2lib.mx._compat import why_unavailable

    return why_unavailable(system, machine, python, numpy, bool(found))


def test_where_it_can_be_had_nothing_is_wrong():
    assert unavailable(found=1) is None


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({}, ["not installed", "mxnet==1.9.1"]),
        ({"system": "Darwin", "machine": "arm64"}, ["Apple silicon", "container"]),
        ({"system": "Windows", "machine": "AMD64"}, ["Windows", "WSL"]),
        ({"python": (3, 13)}, ["Python 3.13", "3.11 or 3.12"]),
        ({"numpy": "2.3.1", "found": 1}, ["NumPy 2.3.1", "NumPy 1.26"]),
    ],
)
def test_elsewhere_it_says_what_is_in_the_way(where, words):
    problem = unavailable(**where)
    assert all(word in problem for word in words), problem


def test_versions_compare_as_numbers():
    pytest.importorskip("d2lib.mx", exc_type=ImportError)
    from d2lib.mx._compat import _Version

    assert _Version("1.9") < _Version("1.17") < _Version("1.26.4")
