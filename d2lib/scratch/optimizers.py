r"""Optimisers: how a gradient becomes a step.

All update the parameters in place, through scratch buffers, and ask the system for no
memory in a step. They go through large parameters in blocks that stay in the cache,
because an update is limited by memory, not by arithmetic, and share the blocks out
among the cores. Small parameters are updated together, as one array: what limits them
is the number of calls.

In the equations g is the gradient, w a weight, :math:`\eta` the learning rate ``lr``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from d2lib._checks import (
    as_state,
    check_non_negative,
    check_parameters,
    check_positive,
    check_probability,
    check_state,
)
from d2lib._types import Array
from d2lib.schedules import Rate
from d2lib.scratch._parallel import in_parallel, threads
from d2lib.scratch.module import is_parameter
from d2lib.scratch.tensor import Tensor
from d2lib.shared.groups import Grouped

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Momentum",
    "RMSProp",
    "clip_gradients",
]

_BLOCK = 131_072  # numbers: half a MB of float32, so that a step's arrays stay in cache
_SMALL = 32_768  # numbers: to copy them costs less than a dozen calls


#: Tensors with ``requires_grad=True``, or groups of them.
Parameters: TypeAlias = Iterable[Tensor] | Iterable[Mapping[str, Any]]


class Optimizer(Grouped):
    """What all optimisers share; a subclass defines the update of one block."""

    slots: tuple[str, ...] = ()  # the arrays kept per parameter, each starting at zero

    def __init__(self, parameters: Parameters, lr: Rate) -> None:
        self._take(parameters, lr, is_parameter)
        self._counts = [0] * len(self.parameters)  # the steps of each
        self._kept = [
            [np.zeros_like(p.data) for _ in self.slots] for p in self.parameters
        ]
        self._prepare_buffers()

    def _prepare_buffers(self) -> None:
        members = [group.members for group in self.groups]
        self._small = [
            Together(self.parameters, self._kept, own)
            for own in members or [range(len(self.parameters))]
        ]
        sizes = [*(p.size for p in self.parameters), *(t.size for t in self._small)]
        self._buffers = block_buffers(
            max(sizes),
            np.result_type(*[p.dtype for p in self.parameters]),
            self.parameters[0].data,
        )

    def __copy__(self) -> Optimizer:
        """Copies what is kept, and the parameters: copy it together with its model."""
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles all but the buffers: they fit this machine's cores."""
        left = "_buffers", "_small"
        return {k: v for k, v in vars(self).items() if k not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._prepare_buffers()

    def step(self) -> None:
        """Moves every parameter that has a gradient, once.

        Raises:
            ValueError: no parameter has a gradient.
        """
        ready = [
            i
            for i, p in enumerate(self.parameters)
            if p.grad is not None and p.requires_grad  # it may be frozen by now
        ]
        if not ready:
            raise ValueError(
                "step() needs gradients, and no parameter has one: call "
                "loss.backward() first"
            )
        self._advance()
        for i in ready:
            self._counts[i] += 1
        if not self.groups:
            self._move(ready, self._small[0])
        for group, small in zip(self.groups, self._small, strict=False):
            with self._as(group):
                self._move([i for i in ready if i in group.members], small)
        self._renew_rates()

    def _move(self, ready: list[int], small: Together) -> None:
        """Updates parameters, the small ones together."""
        if small.fit(ready, self._counts):
            self._prepare(self._counts[small.members[0]])
            with small as arrays:
                update_in_blocks(self._update, arrays, self._buffers)
            ready = [i for i in ready if i not in small.members]
        for i in ready:
            p = self.parameters[i]
            self._prepare(self._counts[i])
            arrays = p.data, p.grad, *self._kept[i]
            update_in_blocks(self._update, arrays, self._buffers)
            p.mark_changed()

    def _prepare(self, steps: int) -> None:
        """Computes what is the same for every block of a parameter in this step.

        Args:
            steps: how often this parameter has been moved, this time included. One
                whose gradient joins late is younger than the optimiser.
        """

    def _update(self, w: Any, g: Any, a: Any, b: Any, *slots: Any) -> None:
        """Updates the block ``w`` in place; ``a`` and ``b`` are scratch buffers."""
        raise NotImplementedError(f"{type(self).__name__} must define _update")

    def zero_grad(self) -> None:
        """Forgets the gradients, so that the next backward starts from zero."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def state(self) -> dict[str, Array]:
        """Returns a copy of everything the next step depends on, for a checkpoint."""
        arrays = self._rates()
        arrays["counts"] = np.array(self._counts)
        for i, kept in enumerate(self._kept):
            for slot, values in zip(self.slots, kept, strict=True):
                arrays[f"{i}.{slot}"] = values.copy()
        return arrays

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over a state that this kind of optimiser returned.

        Raises:
            TypeError: no mapping, or values that are not numbers.
            ValueError: names or shapes that do not fit; nothing is changed.
        """
        given = as_state(state)
        shapes = {name: values.shape for name, values in self.state().items()}
        check_state(given, shapes, type(self).__name__)
        self._load_rates(given)
        self._counts = given["counts"].astype(int).tolist()
        for i, kept in enumerate(self._kept):
            for slot, values in zip(self.slots, kept, strict=True):
                values[...] = given[f"{i}.{slot}"]


class Together:
    """Small parameters side by side in one array, and all that is kept for them, too.

    Attributes:
        members: which of the parameters these are.
        size: how many numbers they have in all.
    """

    def __init__(
        self,
        parameters: list[Tensor],
        kept: list[list[Array]],
        candidates: Sequence[int],
    ) -> None:
        self.members: list[int] = []
        self.size = 0
        dtype = parameters[candidates[0]].dtype
        for i in candidates:
            p = parameters[i]
            if p.size <= _SMALL and p.dtype == dtype and self.size + p.size <= _BLOCK:
                self.members.append(i)
                self.size += p.size
        self.parameters = [parameters[i] for i in self.members]
        arrays = np.zeros_like(
            parameters[candidates[0]].data,
            shape=(2 + len(kept[0]), self.size),
            order="C",
        )
        self.arrays = tuple(arrays)  # w, g, and for each slot what is kept
        self.pieces = []  # of w and g, one for each parameter, in its shape
        for i, (w, g, *slots) in zip(
            self.members, side_by_side(arrays, self.parameters), strict=True
        ):
            self.pieces.append((w, g))
            for slot, place in enumerate(slots):
                place[...] = kept[i][slot]
                kept[i][slot] = place

    def fit(self, ready: list[int], counts: list[int]) -> bool:
        """Whether there are several, and all are to make the same step."""
        members = self.members
        return (
            len(members) > 1
            and (members == ready or set(members) <= set(ready))
            and len({counts[i] for i in members}) == 1
        )

    def __enter__(self) -> tuple[Array, ...]:
        """Copies values and gradients into one array each."""
        for (w, g), p in zip(self.pieces, self.parameters, strict=True):
            w[...], g[...] = p.data, p.grad
        return self.arrays

    def __exit__(self, *_: object) -> None:
        """Copies the values back."""
        for (w, _g), p in zip(self.pieces, self.parameters, strict=True):
            p.data[...] = w
            p.mark_changed()


def side_by_side(arrays: Array, parameters: list[Tensor]) -> Iterator[list[Array]]:
    """Yields each parameter's places, in its shape, one in each row of the arrays."""
    start = 0
    for p in parameters:
        piece = arrays[:, start : start + p.size].reshape(len(arrays), *p.shape)
        yield [piece[row, ...] for row in range(len(arrays))]
        start += p.size


def block_buffers(largest: int, dtype: Any, like: Array) -> list[tuple[Array, Array]]:
    """Returns two scratch buffers for each thread, for arrays of up to that size."""

    def buffer() -> Array:
        return np.empty_like(like, dtype, shape=min(_BLOCK, largest))

    return [(buffer(), buffer()) for _ in range(threads())]


def update_in_blocks(
    update: Callable[..., None],
    arrays: tuple[Array, ...],
    buffers: list[tuple[Any, ...]],
) -> None:
    """Calls ``update(w, g, a, b, *slots)`` for every block of a parameter.

    Args:
        update: updates the block w in place; a and b are scratch buffers of its shape.
        arrays: the parameter, its gradient, and what is kept for it.
        buffers: those of `block_buffers`.
    """

    def one(thread: int, w: Array, g: Array, *slots: Array) -> None:
        a, b = (buffer[: w.size].reshape(w.shape) for buffer in buffers[thread])
        update(w, g, a, b, *slots)

    if arrays[0].size <= _BLOCK:  # most are: no block, no second thread
        one(0, *arrays)
        return
    blocks = list(_blocks(*arrays))

    def work(start: int, stop: int, thread: int) -> None:
        for block in blocks[start:stop]:
            one(thread, *block)

    in_parallel(work, len(blocks), arrays[0].size)


def _blocks(w: Array, *others: Array) -> Iterator[tuple[Array, ...]]:
    """Yields matching pieces of the arrays, each small enough for the cache."""
    if not w.flags.c_contiguous:
        raise ValueError(
            "a parameter's data must be contiguous to be updated in place: set it with "
            "parameter.data[...] = values instead of replacing the array"
        )
    flat = [array.reshape(-1) for array in (w, *others)]
    # As many blocks of one size for each thread, or the others wait for the last.
    count = -(-w.size // (_BLOCK * threads())) * threads()
    size = -(-w.size // count)
    for start in range(0, w.size, size):
        yield tuple([array[start : start + size] for array in flat])


class SGD(Optimizer):
    r"""(Stochastic) gradient descent: a small step against the gradient.

    .. math:: w \leftarrow w - \eta\,(g + \lambda w)

    Args:
        parameters: tensors with ``requires_grad=True``, as ``model.parameters()``; or
            groups of them with a rate or a decay of their own, as
            ``[{"params": body.parameters(), "lr": 1e-4}, {"params": ...}]``: what a
            group does not name is that of all.
        lr: the learning rate :math:`\eta` > 0, or a schedule: a function of the steps
            taken so far, such as `cosine` returns.
        weight_decay: :math:`\lambda` >= 0, the pull of every weight towards zero.

    Raises:
        ValueError: lr <= 0, a negative weight_decay, no parameters, one of them twice,
            or a group with other settings.
        TypeError: something that is not a parameter.

    Example:
        >>> from d2lib.scratch import record, tensor
        >>> w = tensor([1.0], requires_grad=True)
        >>> optimizer = SGD([w], lr=0.1)
        >>> with record():
        ...     loss = (w * w).sum()
        >>> loss.backward()
        >>> optimizer.step()
        >>> w.data
        array([0.8], dtype=float32)

    Source: Robbins & Monro, 1951; Kiefer & Wolfowitz, 1952.
    """

    _decay = "weight_decay"

    def __init__(
        self,
        parameters: Parameters,
        lr: Rate = 0.01,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.weight_decay = check_non_negative(weight_decay, "weight_decay")

    def _update(self, w: Any, g: Any, a: Any, b: Any) -> None:
        g = _decayed(w, g, self.weight_decay, b)
        np.multiply(g, self.lr, out=a)
        w -= a


class Momentum(Optimizer):
    r"""Gradient descent that keeps some of its speed, like a ball rolling downhill.

    .. math:: v \leftarrow \mu v - \eta\,(g + \lambda w), \qquad w \leftarrow w + v

    Args:
        parameters: as for `SGD`.
        lr: :math:`\eta` > 0.
        momentum: :math:`\mu` in [0, 1), the share of the speed that is kept.
        weight_decay: :math:`\lambda` >= 0.

    Raises:
        ValueError: a setting out of its range, no parameters.
        TypeError: something that is not a parameter.

    Example:
        >>> from d2lib.scratch import record, tensor
        >>> w = tensor([1.0], requires_grad=True)
        >>> optimizer = Momentum([w], lr=0.1)
        >>> with record():
        ...     loss = (w * w).sum()
        >>> loss.backward()
        >>> optimizer.step()
        >>> optimizer.step()  # the same gradient again: 0.9 of the speed is added
        >>> round(float(w.data[0]), 2)
        0.42

    Source: Polyak, 1964.
    """

    _decay = "weight_decay"
    slots = ("velocity",)

    def __init__(
        self,
        parameters: Parameters,
        lr: Rate = 0.01,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum = check_probability(momentum, "momentum")
        self.weight_decay = check_non_negative(weight_decay, "weight_decay")

    def _update(self, w: Any, g: Any, a: Any, b: Any, v: Any) -> None:
        g = _decayed(w, g, self.weight_decay, b)
        np.multiply(g, self.lr, out=a)
        v *= self.momentum
        v -= a
        w += v


class Adagrad(Optimizer):
    r"""Gives every weight its own step: the more it has moved, the smaller.

    .. math:: h \leftarrow h + g^2, \qquad
              w \leftarrow w - \eta \frac{g}{\sqrt{h + \epsilon}}

    Args:
        parameters: as for `SGD`.
        lr: :math:`\eta` > 0.
        eps: :math:`\epsilon` > 0, inside the root.

    Raises:
        ValueError: a setting out of its range, no parameters.
        TypeError: something that is not a parameter.

    Example:
        >>> from d2lib.scratch import record, tensor
        >>> w = tensor([1.0, 1.0], requires_grad=True)
        >>> optimizer = Adagrad([w], lr=0.1)
        >>> with record():
        ...     loss = (w * tensor([1.0, 100.0])).sum()
        >>> loss.backward()
        >>> optimizer.step()  # the first step is lr, however steep
        >>> w.data.round(3)
        array([0.9, 0.9], dtype=float32)

    Source: Duchi, Hazan & Singer, 2011.
    """

    slots = ("squares",)

    def __init__(
        self,
        parameters: Parameters,
        lr: Rate = 0.01,
        eps: float = 1e-7,
    ) -> None:
        super().__init__(parameters, lr)
        self.eps = check_positive(eps, "eps")

    def _update(self, w: Any, g: Any, a: Any, b: Any, h: Any) -> None:
        np.multiply(g, g, out=a)
        h += a
        np.add(h, self.eps, out=a)
        np.sqrt(a, out=a)
        np.divide(g, a, out=a)
        a *= self.lr
        w -= a


class RMSProp(Optimizer):
    r"""Adagrad that forgets: it divides by a *running* mean of the squared gradients.

    .. math:: n \leftarrow \rho n + (1 - \rho) g^2, \qquad
              w \leftarrow w - \eta \frac{g}{\sqrt{n + \epsilon}}

    Args:
        parameters: as for `SGD`.
        lr: :math:`\eta` > 0.
        rho: :math:`\rho` in [0, 1), the share of the mean that is kept.
        eps: :math:`\epsilon` > 0, inside the root.

    Raises:
        ValueError: a setting out of its range, no parameters.
        TypeError: something that is not a parameter.

    Example:
        >>> from d2lib.scratch import record, tensor
        >>> w = tensor([1.0], requires_grad=True)
        >>> optimizer = RMSProp([w], lr=0.1)
        >>> with record():
        ...     loss = (w * 5.0).sum()
        >>> loss.backward()
        >>> optimizer.step()  # lr / sqrt(1 - rho): n starts at zero
        >>> round(float(w.data[0]), 3)
        0.684

    Source: Tieleman & Hinton, Coursera lecture 6.5, 2012.
    """

    slots = ("squares",)

    def __init__(
        self,
        parameters: Parameters,
        lr: Rate = 0.001,
        rho: float = 0.9,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, lr)
        self.rho = check_probability(rho, "rho")
        self.eps = check_positive(eps, "eps")

    def _update(self, w: Any, g: Any, a: Any, b: Any, n: Any) -> None:
        _running_mean(n, g, self.rho, a)
        np.add(n, self.eps, out=a)
        np.sqrt(a, out=a)
        np.divide(g, a, out=a)
        a *= self.lr
        w -= a


class Adadelta(Optimizer):
    r"""Sets its own step length, from the size of the steps taken so far.

    .. math:: n \leftarrow \rho n + (1-\rho) g^2, \quad
              \delta = \frac{\sqrt{d + \epsilon}}{\sqrt{n + \epsilon}}\, g, \quad
              d \leftarrow \rho d + (1-\rho) \delta^2, \quad
              w \leftarrow w - \eta\, \delta

    Args:
        parameters: as for `SGD`.
        lr: :math:`\eta` > 0; 1 is the paper's method.
        rho: :math:`\rho` in [0, 1).
        eps: :math:`\epsilon` > 0; it also sets the size of the very first step.

    Raises:
        ValueError: a setting out of its range, no parameters.
        TypeError: something that is not a parameter.

    Example:
        >>> from d2lib.scratch import record, tensor
        >>> w = tensor([1.0], requires_grad=True)
        >>> optimizer = Adadelta([w])
        >>> with record():
        ...     loss = (w * 5.0).sum()
        >>> loss.backward()
        >>> optimizer.step()
        >>> bool(0.98 < w.data[0] < 1.0)
        True

    Source: Zeiler, 2012.
    """

    slots = ("squares", "steps_squared")

    def __init__(
        self,
        parameters: Parameters,
        lr: Rate = 1.0,
        rho: float = 0.9,
        eps: float = 1e-5,
    ) -> None:
        super().__init__(parameters, lr)
        self.rho = check_probability(rho, "rho")
        self.eps = check_positive(eps, "eps")

    def _update(self, w: Any, g: Any, a: Any, b: Any, n: Any, d: Any) -> None:
        _running_mean(n, g, self.rho, a)
        np.add(n, self.eps, out=a)
        np.add(d, self.eps, out=b)
        np.divide(b, a, out=b)
        np.sqrt(b, out=b)
        b *= g
        _running_mean(d, b, self.rho, a)
        b *= self.lr
        w -= b


class Adam(Optimizer):
    r"""Momentum and RMSProp together, both corrected for starting at zero.

    .. math:: m \leftarrow \beta_1 m + (1-\beta_1)\, g, \qquad
              v \leftarrow \beta_2 v + (1-\beta_2)\, g^2

    .. math:: w \leftarrow w - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}, \qquad
              \hat m = \frac{m}{1-\beta_1^t}, \quad \hat v = \frac{v}{1-\beta_2^t}

    Args:
        parameters: as for `SGD`.
        lr: :math:`\eta` > 0.
        beta1: :math:`\beta_1` in [0, 1), the memory of the gradients.
        beta2: :math:`\beta_2` in [0, 1), the memory of their squares.
        eps: :math:`\epsilon` > 0, outside the root, after the correction.
        weight_decay: :math:`\lambda` >= 0, added to the gradient as :math:`\lambda w`.

    Raises:
        ValueError: a setting out of its range, no parameters.
        TypeError: something that is not a parameter.

    Example:
        >>> from d2lib.scratch import record, tensor
        >>> w = tensor([1.0], requires_grad=True)
        >>> optimizer = Adam([w], lr=0.1)
        >>> with record():
        ...     loss = (w * 5.0).sum()
        >>> loss.backward()
        >>> optimizer.step()  # the first step is lr, however steep
        >>> round(float(w.data[0]), 3)
        0.9

    Source: Kingma & Ba, 2014.
    """

    _decay = "weight_decay"
    slots = ("mean", "squares")

    def __init__(
        self,
        parameters: Parameters,
        lr: Rate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.beta1 = check_probability(beta1, "beta1")
        self.beta2 = check_probability(beta2, "beta2")
        self.eps = check_positive(eps, "eps")
        self.weight_decay = check_non_negative(weight_decay, "weight_decay")

    def _prepare(self, steps: int) -> None:
        # m_hat / (sqrt(v_hat) + eps), with both corrections moved into two numbers.
        root = (1 - self.beta2**steps) ** 0.5
        self._step = self.lr * root / (1 - self.beta1**steps)
        self._eps = self.eps * root

    def _update(self, w: Any, g: Any, a: Any, b: Any, m: Any, v: Any) -> None:
        g = _decayed(w, g, self.weight_decay, b)
        np.multiply(g, 1 - self.beta1, out=a)
        m *= self.beta1
        m += a
        _running_mean(v, g, self.beta2, a)
        np.sqrt(v, out=a)
        a += self._eps
        np.divide(m, a, out=a)
        a *= self._step
        w -= a


class AdamW(Adam):
    r"""Adam whose weights shrink by themselves, whatever the gradients' sizes.

    .. math:: w \leftarrow w - \eta \lambda w
              - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}

    Adam divides what `Adam` adds to the gradient, :math:`\lambda w`, by the gradients'
    usual size: a weight with large gradients hardly shrinks. Here all shrink alike.

    Args:
        parameters: as for `SGD`.
        lr: :math:`\eta` > 0.
        beta1: :math:`\beta_1` in [0, 1), the memory of the gradients.
        beta2: :math:`\beta_2` in [0, 1), the memory of their squares.
        eps: :math:`\epsilon` > 0, outside the root, after the correction.
        weight_decay: :math:`\lambda` >= 0; the attribute is called ``decay``.

    Raises:
        ValueError: a setting out of its range, no parameters.
        TypeError: something that is not a parameter.

    Example:
        >>> from d2lib.scratch import record, tensor
        >>> w = tensor([1.0], requires_grad=True)
        >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
        >>> with record():
        ...     loss = (w * 5.0).sum()
        >>> loss.backward()
        >>> optimizer.step()  # 1 - 0.1 x 0.5 x 1 - 0.1
        >>> round(float(w.data[0]), 3)
        0.85

    Source: Loshchilov & Hutter, 2019.
    """

    _decay = "decay"

    def __init__(
        self,
        parameters: Parameters,
        lr: Rate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, beta1, beta2, eps)
        self.decay = check_non_negative(weight_decay, "weight_decay")

    def _update(self, w: Any, g: Any, a: Any, b: Any, m: Any, v: Any) -> None:
        w *= 1 - self.lr * self.decay
        super()._update(w, g, a, b, m, v)


def _decayed(w: Any, g: Any, weight_decay: float, buffer: Any) -> Any:
    """Returns g + weight_decay w, in the buffer; g itself without decay."""
    if not weight_decay:
        return g
    np.multiply(w, weight_decay, out=buffer)
    buffer += g
    return buffer


def _running_mean(mean: Any, x: Any, keep: float, buffer: Any) -> None:
    """Updates a running mean of x² in place."""
    np.multiply(x, x, out=buffer)
    buffer *= 1 - keep
    mean *= keep
    mean += buffer


def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> float:
    r"""Shortens the gradient of all parameters together if it is too long.

    .. math:: g \leftarrow g \cdot
              \min\Big(1, \frac{\text{max\_norm}}{\lVert g \rVert}\Big), \qquad
              \lVert g \rVert = \sqrt{\textstyle\sum_p \sum_i g_{p,i}^2}

    One factor for all keeps the direction.

    Args:
        parameters: tensors; those without a gradient are left out.
        max_norm: the longest gradient allowed, > 0.

    Returns:
        The norm before clipping. If it is not finite, nothing is changed.

    Raises:
        ValueError: max_norm <= 0, no parameters, or one of them twice.
        TypeError: something that is not a parameter.

    Example:
        >>> from d2lib.scratch import record, tensor
        >>> w = tensor([3.0, 4.0], requires_grad=True)
        >>> with record():
        ...     loss = (w * w * 0.5).sum()
        >>> loss.backward()
        >>> clip_gradients([w], 1.0)
        5.0
        >>> w.grad
        array([0.6, 0.8], dtype=float32)

    Source: Pascanu, Mikolov & Bengio, 2013.
    """
    max_norm = check_positive(max_norm, "max_norm")
    parameters = check_parameters(parameters, is_parameter)
    gradients = [p.grad for p in parameters if p.grad is not None]
    with np.errstate(over="ignore"):
        squares = sum(float(np.dot(g.reshape(-1), g.reshape(-1))) for g in gradients)
    if not np.isfinite(squares):  # float32 ends at 3e38; what exploded gets a wider one
        squares = sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients)
    norm: float = squares**0.5
    if np.isfinite(norm) and norm > max_norm:
        for g in gradients:
            g *= max_norm / norm
    return norm
