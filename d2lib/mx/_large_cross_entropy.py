"""The cross-entropy of many logits on a processor, as an operator written in Python.

MXNet's ``log_softmax`` computes the exponentials again on the way back, and on a
processor without AVX-512 one after the other, which takes most of the time.
This operator keeps the ``softmax`` of the way there. The gradient is then one
multiplication, which NumPy makes in the cache and adds to where it belongs.
"""

from __future__ import annotations

from typing import Any

import numpy

from d2lib.mx._compat import autograd, mx
from d2lib.mx.tensor import Tensor, memory
from d2lib.scratch._parallel import in_parallel

__all__ = ["large", "large_cross_entropy"]

_LARGE = 262_144  # logits: from here on it is worth its call, which takes half a ms
_BLOCK = 32_768  # numbers that stay in the cache
_FEW = 1e-30  # of a probability below it too few digits are left for a logarithm


def large(z: Tensor) -> bool:
    """Whether these logits are better off here than with MXNet's own operators."""
    return z.size >= _LARGE and z.ctx.device_type == "cpu" and z.dtype == numpy.float32


def large_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """The cross-entropy of every row.

    Args:
        z: logits, shape (n, classes), float32, on the processor.
        y: labels, shape (n,), int32.

    Example:
        >>> from d2lib.mx._compat import np
        >>> z = np.array([[0.0, 0.0], [1000.0, 0.0]])
        >>> large_cross_entropy(z, np.array([1, 1], dtype="int32")).round(3).tolist()
        [0.693..., 1000.0]
    """
    z, y = z.as_nd_ndarray(), y.as_nd_ndarray()
    values, _ = mx.nd.Custom(z, y, op_type="d2lib_cross_entropy")
    return values.as_np_ndarray()


class _CrossEntropy(mx.operator.CustomOp):
    """The operator.

    What is kept for the way back is an output, since MXNet frees it as soon as it can;
    an attribute would live on until Python's collector of garbage runs.
    """

    def forward(
        self, is_train: bool, req: Any, in_data: Any, out_data: Any, aux: Any
    ) -> None:
        z, y = in_data
        values, p = out_data
        with autograd.pause():  # MXNet's NaiveEngine would record it
            mx.nd.softmax(z.as_nd_ndarray(), axis=-1, out=p.as_nd_ndarray())
        labels = memory(y)
        p_y = memory(p)[numpy.arange(len(labels)), labels]  # (n,)
        few = ~(p_y > _FEW)
        surprise = -numpy.log(numpy.where(few, 1, numpy.minimum(p_y, 1)))
        if few.any():
            surprise[few] = _surprise(memory(z)[few], labels[few])
        memory(values)[...] = surprise

    def backward(
        self,
        req: Any,
        out_grad: Any,
        in_data: Any,
        out_data: Any,
        in_grad: Any,
        aux: Any,
    ) -> None:
        if req[0] == "null":
            return
        g, labels, p, dz = map(
            memory, (out_grad[0], in_data[1], out_data[1], in_grad[0])
        )
        add = req[0] == "add"
        step = max(1, _BLOCK // p.shape[1])  # rows

        def work(start: int, stop: int, _: int) -> None:
            buffer = numpy.empty((step if add else 0, p.shape[1]), p.dtype)
            for i in range(start, stop, step):
                j = min(i + step, stop)
                out = buffer[: j - i] if add else dz[i:j]
                numpy.multiply(p[i:j], g[i:j, None], out=out)
                if add:
                    dz[i:j] += out

        in_parallel(work, len(p), p.size)
        dz[numpy.arange(len(p)), labels] -= g


def _surprise(z: numpy.ndarray, labels: numpy.ndarray) -> numpy.ndarray:
    """The same in NumPy, for the few rows whose label is given next to no chance."""
    top = z.max(axis=1)
    with numpy.errstate(invalid="ignore"):  # a row of nothing but -inf: not a number
        total = numpy.exp(z - top[:, None]).sum(axis=1)
        return numpy.log(total) + (top - z[numpy.arange(len(z)), labels])


@mx.operator.register("d2lib_cross_entropy")
class _Properties(mx.operator.CustomOpProp):
    """What MXNet asks about the operator."""

    def __init__(self) -> None:
        super().__init__(need_top_grad=True)

    def list_arguments(self) -> list[str]:
        return ["z", "y"]

    def list_outputs(self) -> list[str]:
        return ["values", "p"]

    def infer_shape(self, in_shape: Any) -> tuple:
        z, y = in_shape  # (n, classes), (n,)
        return [z, y], [y, z], []

    def infer_type(self, in_type: Any) -> tuple:
        z, y = in_type
        return [z, y], [z, z], []

    def declare_backward_dependency(
        self, out_grad: Any, in_data: Any, out_data: Any
    ) -> list[Any]:
        return [out_grad[0], in_data[1], out_data[1]]  # of values; y; p

    def create_operator(self, ctx: Any, shapes: Any, dtypes: Any) -> _CrossEntropy:
        return _CrossEntropy()
