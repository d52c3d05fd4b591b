"""Makes what MXNet 1.9.1 computes with copyable: arrays, parameters and blocks.

Copied or pickled as they are, arrays lose their gradients without a word, parameters
their arrays' gradients, and blocks share their children with the original, or keep its
names, under which MXNet can't have both in one graph.
"""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler
from typing import Any

# What a block has compiled: it belongs to its own parameters.
COMPILED: dict[str, Any] = {
    "_cached_graph": (),
    "_cached_op": None,
    "_cached_op_args": [],
    "_out_format": None,
    "_in_format": None,
}


def mend_copies(mxnet: Any) -> None:
    """Says what `copy` and `pickle` take of MXNet's objects, and how they come back.

    Values and settings are taken, and whether there is a gradient, which starts at
    zero; what was compiled, and how an array was computed, stays behind.
    """
    np, gluon = mxnet.np, mxnet.gluon

    def reduce_array(array: Any) -> tuple[Any, ...]:
        learns = array.grad is not None and not getattr(array, "is_frozen", False)
        return _restored, (array.asnumpy(), array.ctx, learns, {**vars(array)})

    def parameter_state(parameter: Any) -> dict[str, Any]:
        return {**vars(parameter), "_var": None, "_grad": None, "_trainer": None}

    def set_parameter_state(parameter: Any, state: dict[str, Any]) -> None:
        vars(parameter).update(state)
        if parameter._data is not None:
            parameter._init_grad()

    def block_state(block: Any) -> dict[str, Any]:
        state = {**vars(block), **COMPILED, "_params": dict(block.params.items())}
        del state["_scope"], state["_name"]
        return state

    def set_block_state(block: Any, state: dict[str, Any]) -> None:
        """Gives the block and its parameters names that nothing else has."""
        old, parameters = state.pop("_prefix"), state.pop("_params")
        vars(block).update(state)
        gluon.Block.__init__(block)  # names it, and thinks it has no children
        vars(block).update(state)
        for name, parameter in parameters.items():
            parameter.name = block.prefix + name.removeprefix(old)
            block.params._params[parameter.name] = parameter

    for kind, take, give in (
        (gluon.Parameter, parameter_state, set_parameter_state),
        (gluon.Block, block_state, set_block_state),
    ):
        kind.__getstate__, kind.__setstate__ = take, give
    # To another process MXNet sends arrays in shared memory, and without what is said
    # here.
    ForkingPickler.register(np.ndarray, reduce_array)
    np.ndarray.__reduce__ = reduce_array


def _restored(values: Any, ctx: Any, learns: bool, own: dict[str, Any]) -> Any:
    """Makes an array again of what was taken from one."""
    from mxnet import np

    array = np.array(values, dtype=values.dtype, ctx=ctx)
    vars(array).update(own)
    if learns:
        array.attach_grad("add")
    return array
