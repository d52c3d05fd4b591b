"""Optimisers by MXNet's update operators; `d2lib.scratch.optimizers` derives them.

Equations, defaults and state are those of the NumPy twin. MXNet's own ``mx.optimizer``
has the same rules with other constants in other places; what it is made of, operators
that update a weight in place, is used here. (Gluon's ``Trainer`` takes these models
too: pass it ``model.collect_params()``.)
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy

from d2lib._checks import (
    as_state,
    check_non_negative,
    check_parameters,
    check_positive,
    check_probability,
    check_state,
)
from d2lib._types import Array
from d2lib.mx._compat import mx
from d2lib.mx._process import computing
from d2lib.mx.module import from_shared, shared_shape
from d2lib.mx.tensor import Learnable, as_shared, is_parameter, renew, zero_gradients
from d2lib.schedules import Rate
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


class Optimizer(Grouped):
    """What all optimisers share; a subclass updates the parameters that are ready."""

    slots: tuple[str, ...] = ()  # the arrays kept per parameter, each starting at zero

    def __init__(self, parameters: Iterable[Any], lr: Rate) -> None:
        self._take(parameters, lr, is_parameter)
        self._counts = [0] * len(self.parameters)  # the steps of each
        self._learnables = [Learnable(p) for p in self.parameters]
        self._kept = [
            [mx.nd.zeros_like(p.classic) for _ in self.slots] for p in self._learnables
        ]

    def __copy__(self) -> Optimizer:
        """Copies what is kept, and the parameters: copy it together with its model."""
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles all but the views of the parameters' arrays."""
        return {k: v for k, v in vars(self).items() if k != "_learnables"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._learnables = [Learnable(p) for p in self.parameters]

    def step(self) -> None:
        """Moves every parameter that has a gradient, once.

        Raises:
            ValueError: no parameter has a gradient.
        """
        computing()
        for parameter in self._learnables:
            parameter.refresh()
        ready = [i for i, parameter in enumerate(self._learnables) if parameter.ready]
        if not ready:
            raise ValueError(
                "step() needs gradients, and no parameter has one: call "
                "loss.backward() first"
            )
        self._advance()
        if not self.groups:
            self._move(ready)
        for group in self.groups:
            with self._as(group):
                self._move([i for i in ready if i in group.members])
        self._renew_rates()
        renew([self._learnables[i] for i in ready])

    def _move(self, ready: list[int]) -> None:
        """Updates parameters; those that have moved equally often move together."""
        together: dict[int, list[tuple[Any, ...]]] = {}
        for i in ready:
            self._counts[i] += 1
            parameter = self._learnables[i]
            arrays = (parameter.classic, parameter.classic_gradient, *self._kept[i])
            together.setdefault(self._counts[i], []).append(arrays)
        for steps, alike in together.items():
            self._update(alike, steps)

    def _update(self, ready: list[tuple[Any, ...]], steps: int) -> None:
        """Updates each (weight, gradient, *kept) in place, for the steps-th time."""
        raise NotImplementedError(f"{type(self).__name__} must define _update")

    def zero_grad(self) -> None:
        """Sets the gradients to zero, so that the next backward starts afresh."""
        for parameter in self._learnables:
            parameter.refresh()
        zero_gradients(self._learnables)

    def state(self) -> dict[str, Array]:
        """Returns a copy of everything the next step depends on, for a checkpoint."""
        arrays = self._rates()
        arrays["counts"] = numpy.asarray(self._counts)
        for i, parameter in enumerate(self.parameters):
            for slot, values in zip(self.slots, self._kept[i], strict=True):
                array = values.asnumpy().reshape(parameter.shape)
                arrays[f"{i}.{slot}"] = as_shared(parameter, array)
        return arrays

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over a state that this kind of optimiser, of either twin, returned.

        Raises:
            TypeError: no mapping, or values that are not numbers.
            ValueError: names or shapes that do not fit; nothing is changed.
        """
        given = as_state(state)
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(self._rates(), ())
        shapes["counts"] = (len(self.parameters),)
        for i, parameter in enumerate(self.parameters):
            shapes |= {f"{i}.{slot}": shared_shape(parameter) for slot in self.slots}
        check_state(given, shapes, type(self).__name__)
        self._load_rates(given)
        self._counts = given["counts"].astype(int).tolist()
        for i, parameter in enumerate(self.parameters):
            for slot, values in zip(self.slots, self._kept[i], strict=True):
                array = from_shared(parameter, given[f"{i}.{slot}"])
                values[:] = array.reshape(values.shape)


_TOGETHER = 40  # MXNet's limit is 60


def _update_together(
    ready: list[tuple[Any, ...]], many: Any, lr: float, wd: float, **settings: float
) -> None:
    """Updates many parameters with one call."""
    for start in range(0, len(ready), _TOGETHER):
        part = ready[start : start + _TOGETHER]
        n = len(part)
        many(
            *[array for arrays in part for array in arrays],
            out=[arrays[0] for arrays in part],
            lrs=[lr] * n,
            wds=[wd] * n,
            num_weights=n,
            **settings,
        )


class SGD(Optimizer):
    r"""Gradient descent, :math:`w \leftarrow w - \eta\,(g + \lambda w)`.

    By ``multi_sgd_update``.

    Args:
        parameters: ``model.parameters()``, or tensors with ``requires_grad=True``; or
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
        >>> from d2lib.mx import record, tensor
        >>> w = tensor([1.0], requires_grad=True)
        >>> optimizer = SGD([w], lr=0.1)
        >>> with record():
        ...     loss = (w * w).sum()
        >>> loss.backward()
        >>> optimizer.step()
        >>> w
        array([0.8])
    """

    _decay = "weight_decay"

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 0.01,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.weight_decay = check_non_negative(weight_decay, "weight_decay")

    def _update(self, ready: list[tuple[Any, ...]], steps: int) -> None:
        _update_together(ready, mx.nd.multi_sgd_update, self.lr, self.weight_decay)


class Momentum(Optimizer):
    r"""SGD with momentum.

    .. math:: v \leftarrow \mu v - \eta\,(g + \lambda w), \qquad w \leftarrow w + v

    By ``multi_sgd_mom_update``.

    Args:
        parameters: as for `SGD`.
        lr: :math:`\eta` > 0.
        momentum: :math:`\mu` in [0, 1), the share of the speed that is kept.
        weight_decay: :math:`\lambda` >= 0.

    Raises:
        ValueError: a setting out of its range, no parameters.
        TypeError: something that is not a parameter.

    Example:
        >>> from d2lib.mx import Dense
        >>> Momentum(Dense(2, 1).parameters(), momentum=0.5).momentum
        0.5
    """

    _decay = "weight_decay"
    slots = ("velocity",)

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 0.01,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum = check_probability(momentum, "momentum")
        self.weight_decay = check_non_negative(weight_decay, "weight_decay")

    def _update(self, ready: list[tuple[Any, ...]], steps: int) -> None:
        many, lr, wd = mx.nd.multi_sgd_mom_update, self.lr, self.weight_decay
        _update_together(ready, many, lr, wd, momentum=self.momentum)


class Adagrad(Optimizer):
    r"""A step of its own for every weight.

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
        >>> from d2lib.mx import Dense
        >>> list(Adagrad(Dense(2, 1, bias=False).parameters()).state())
        ['steps', 'lr', 'scheduled', 'counts', '0.squares']
    """

    slots = ("squares",)

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 0.01,
        eps: float = 1e-7,
    ) -> None:
        super().__init__(parameters, lr)
        self.eps = check_positive(eps, "eps")

    def _update(self, ready: list[tuple[Any, ...]], steps: int) -> None:
        for w, g, h in ready:
            h += mx.nd.square(g)
            w -= self.lr * g / mx.nd.sqrt(h + self.eps)


class RMSProp(Optimizer):
    r"""Adagrad with a running mean, by ``rmsprop_update``.

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
        >>> from d2lib.mx import Dense
        >>> RMSProp(Dense(2, 1).parameters()).lr
        0.001
    """

    slots = ("squares",)

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 0.001,
        rho: float = 0.9,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, lr)
        self.rho = check_probability(rho, "rho")
        self.eps = check_positive(eps, "eps")

    def _update(self, ready: list[tuple[Any, ...]], steps: int) -> None:
        for w, g, n in ready:
            mx.nd.rmsprop_update(
                w, g, n, out=w, lr=self.lr, gamma1=self.rho, epsilon=self.eps
            )


class Adadelta(Optimizer):
    r"""Sets its own step length; unlike MXNet's ``AdaDelta`` it has a learning rate.

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
        >>> from d2lib.mx import Dense
        >>> Adadelta(Dense(2, 1).parameters()).lr
        1.0
    """

    slots = ("squares", "steps_squared")

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 1.0,
        rho: float = 0.9,
        eps: float = 1e-5,
    ) -> None:
        super().__init__(parameters, lr)
        self.rho = check_probability(rho, "rho")
        self.eps = check_positive(eps, "eps")

    def _update(self, ready: list[tuple[Any, ...]], steps: int) -> None:
        for w, g, n, d in ready:
            n *= self.rho
            n += (1 - self.rho) * mx.nd.square(g)
            delta = mx.nd.sqrt((d + self.eps) / (n + self.eps)) * g
            d *= self.rho
            d += (1 - self.rho) * mx.nd.square(delta)
            w -= self.lr * delta


class Adam(Optimizer):
    r"""Momentum and RMSProp together, by ``adam_update``.

    .. math:: m \leftarrow \beta_1 m + (1-\beta_1)\, g, \qquad
              v \leftarrow \beta_2 v + (1-\beta_2)\, g^2, \qquad
              w \leftarrow w - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}

    MXNet adds :math:`\epsilon` to :math:`\sqrt v`, before the correction
    :math:`\hat v = v/(1-\beta_2^t)`. Given :math:`\epsilon\sqrt{1-\beta_2^t}` instead
    at step t, it computes what Kingma and Ba wrote.

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
        >>> from d2lib.mx import Dense
        >>> Adam(Dense(2, 1).parameters()).lr
        0.001
    """

    _decay = "weight_decay"
    slots = ("mean", "squares")

    def __init__(
        self,
        parameters: Iterable[Any],
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

    def _update(self, ready: list[tuple[Any, ...]], steps: int) -> None:
        root = math.sqrt(1 - self.beta2**steps)
        settings = {
            "lr": self.lr * root / (1 - self.beta1**steps),
            "beta1": self.beta1,
            "beta2": self.beta2,
            "epsilon": self.eps * root,
            "wd": self.weight_decay,
            "lazy_update": False,
        }
        for w, g, m, v in ready:
            mx.nd.adam_update(w, g, m, v, out=w, **settings)


class AdamW(Adam):
    r"""Adam whose weights shrink by themselves, before ``adam_update``.

    .. math:: w \leftarrow w - \eta \lambda w
              - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}

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
        >>> from d2lib.mx import Dense
        >>> AdamW(Dense(2, 1).parameters()).decay
        0.01
    """

    _decay = "decay"

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, beta1, beta2, eps)
        self.decay = check_non_negative(weight_decay, "weight_decay")

    def _update(self, ready: list[tuple[Any, ...]], steps: int) -> None:
        for w, *_ in ready:
            w *= 1 - self.lr * self.decay
        super()._update(ready, steps)


def clip_gradients(parameters: Iterable[Any], max_norm: float) -> float:
    r"""Shortens the gradient of all parameters together if it is too long.

    .. math:: g \leftarrow
              g \cdot \min\Big(1, \frac{\text{max\_norm}}{\lVert g \rVert}\Big)

    By ``multi_sum_sq``. (``gluon.utils.clip_global_norm`` would spoil the gradients if
    the norm is not finite.)

    Args:
        parameters: Gluon parameters or tensors.
        max_norm: the longest gradient allowed, > 0.

    Returns:
        The norm before clipping. If it is not finite, nothing is changed.

    Raises:
        ValueError: max_norm <= 0, no parameters, or one of them twice.
        TypeError: something that is not a parameter.

    Example:
        >>> from d2lib.mx import record, tensor
        >>> w = tensor([3.0, 4.0], requires_grad=True)
        >>> with record():
        ...     loss = (w * w * 0.5).sum()
        >>> loss.backward()
        >>> clip_gradients([w], 1.0)
        5.0
        >>> w.grad.round(3)
        array([0.6, 0.8])
    """
    max_norm = check_positive(max_norm, "max_norm")
    learnables = [Learnable(p) for p in check_parameters(parameters, is_parameter)]
    gradients = [
        p.classic_gradient for p in learnables if p.classic_gradient is not None
    ]
    if not gradients:
        return 0.0
    squares = mx.nd.multi_sum_sq(*gradients, num_arrays=len(gradients))
    norm = math.sqrt(squares.astype("float64").sum().asscalar())
    if math.isfinite(norm) and norm > max_norm:
        for g in gradients:
            g *= max_norm / norm
    return norm
