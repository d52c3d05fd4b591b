"""Two operations in a form that is fast where the plain form is easier to read.

The pages on losses and on the LSTM show the plain forms, which compute the same numbers
(tests/scratch/test_fast.py holds them equal).
"""

from __future__ import annotations

import numpy as np

from d2lib._types import Array
from d2lib.scratch._parallel import in_parallel
from d2lib.scratch._steps import by_time, gradients, project, states_before
from d2lib.scratch.tensor import Tensor, node

__all__ = ["exp_rows", "lstm", "scale_rows"]

_BLOCK = 262_144  # numbers: 1 MB of float32


def exp_rows(z: Array) -> tuple[Array, Array, Array]:
    """The parts of each row's softmax and of log(sum(exp(z))), without overflow.

    Args:
        z: logits, shape (n, classes).

    Returns:
        p, shape (n, classes), total and shift, shape (n,): p is exp(z - shift), the
        softmax is p / total, and the logarithm of the sum is log(total) + shift.
    """
    p, total, shift = np.empty_like(z), *np.zeros_like(z, shape=(2, len(z)))
    safe = np.finfo(z.dtype).max ** 0.25  # e^22 in float32
    step = max(1, _BLOCK // z.shape[1])

    def forward(start: int, stop: int, _: int) -> None:
        for i in range(start, stop, step):  # a block of rows stays in the cache
            j = min(i + step, stop)
            sums = total[i:j]
            with np.errstate(over="ignore"):
                np.exp(z[i:j], out=p[i:j])
            np.einsum("ij->i", p[i:j], out=sums)  # faster than p[i:j].sum(axis=1)
            # Where exp(z) neither overflowed nor vanished there is no need to look for
            # each row's largest logit, and to subtract it, as exp(z - max z) needs.
            if not (sums.min() > 1 / safe and sums.max() < safe):
                z[i:j].max(axis=1, out=shift[i:j])
                np.subtract(z[i:j], shift[i:j, None], out=p[i:j])
                np.exp(p[i:j], out=p[i:j])
                np.einsum("ij->i", p[i:j], out=sums)

    in_parallel(forward, len(z), z.size)
    return p, total, shift


def scale_rows(p: Array, factors: Array, out: Array) -> None:
    """Writes each row of p times its own factor into out."""

    def scale(i: int, j: int, _: int) -> None:  # faster than np.multiply
        np.einsum("ij,i->ij", p[i:j], factors[i:j], out=out[i:j])

    in_parallel(scale, len(p), p.size)


def lstm(
    x: Tensor, h_0: Tensor, c_0: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor
) -> Tensor:
    """One layer of an `LSTM` over all its steps.

    Returns:
        Shape (batch, length + 1, units): the outputs, and behind them the final c.
    """
    X = by_time(x)
    length, batch, units = len(X), len(x), len(W_hh)
    i, f, g, o = (slice(k * units, (k + 1) * units) for k in range(4))
    # The gates want e^-a, so their columns are negated before the loop.
    sign = np.full_like(X, -1, shape=4 * units)
    sign[g] = 1
    W, bias = W_hh.data * sign, b.data * sign
    gates = project(X, W_xh.data * sign)  # (length, batch, 4 * units)
    hc = np.empty_like(X, shape=(length + 1, batch, units), order="C")
    c = np.empty_like(hc)
    tanh_c = np.empty_like(hc[:-1])
    c[0] = c_0.data
    before, product, candidate = h_0.data, np.empty_like(gates[0]), np.empty_like(c[0])
    for t in range(length):
        a = gates[t]
        a += bias
        a += np.matmul(before, W, out=product)
        # Not as 2 sigma(2 a) - 1, from the exp below: that loses a small a's digits.
        np.tanh(a[:, g], out=candidate)
        with np.errstate(over="ignore"):  # where e^-a is infinite, sigma is 0
            np.exp(a, out=a)  # all four in one block of memory, though g is not needed
        a += 1
        np.reciprocal(a, out=a)
        a[:, g] = candidate
        np.multiply(a[:, f], c[t], out=c[t + 1])
        candidate *= a[:, i]
        c[t + 1] += candidate
        np.tanh(c[t + 1], out=tanh_c[t])
        before = np.multiply(a[:, o], tanh_c[t], out=hc[t])
    hc[-1] = c[-1]

    def backward(upstream: Array) -> tuple[Array | None, ...]:
        upstream = upstream.swapaxes(0, 1)  # (length + 1, batch, units)
        da = np.empty_like(gates)
        dh = np.zeros_like(h_0.data)  # of the loss, by the state after step t
        dc = upstream[-1].copy()
        slope, buffer = np.empty_like(gates[0]), np.empty_like(dc)
        W_T = W_hh.data.T.copy()  # read at every step
        for t in reversed(range(length)):
            a, d, tanh_ct = gates[t], da[t], tanh_c[t]
            dh += upstream[t]
            # By the values of the gates first, ...
            np.multiply(dh, tanh_ct, out=d[:, o])
            dh *= a[:, o]
            dc += dh
            dh *= np.multiply(tanh_ct, tanh_ct, out=buffer)
            dc -= dh  # dc = dc + dh o (1 - tanh(c)^2)
            np.multiply(dc, a[:, g], out=d[:, i])
            np.multiply(dc, c[t], out=d[:, f])
            np.multiply(dc, a[:, i], out=d[:, g])
            dc *= a[:, f]
            # ... then by what they were computed from: sigma' = sigma (1 - sigma).
            np.subtract(1, a, out=slope)
            slope *= a
            np.multiply(a[:, g], a[:, g], out=buffer)
            np.subtract(1, buffer, out=slope[:, g])
            d *= slope
            np.matmul(d, W_T, out=dh)
        before = states_before(hc[:-1], h_0.data)
        dx, dh_0, *weights = gradients(x, X, da, da, before, dh, W_xh, W_hh, b)
        return dx, dh_0, dc, *weights

    return node("lstm", hc.swapaxes(0, 1), (x, h_0, c_0, W_xh, W_hh, b), backward)
