"""A layer and a loss of one's own, in both twins.

The layer is a row of bumps (a radial basis), the loss forgives outliers. Both are made
of the functions that the twins share, so that neither needs a derivative by hand; the
derivatives are checked all the same, with numbers. Then both are used as if they were
the library's.

    python own_layer.py              # the derivatives, and what the loss is good for
    python own_layer.py --twin mx    # the same on MXNet
"""

import argparse
from importlib import import_module

import numpy as np

from d2lib import scratch
from d2lib.gradcheck import check_gradients

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("--twin", choices=("scratch", "mx"), default="scratch")
options = parser.parse_args()
dl = import_module(f"d2lib.{options.twin}")


def bumps(x, centres, steepness, dl=dl):
    """Returns exp(-(s_j (x - c_j))²), how near each x is to each centre c_j.

    x has the shape (batch, 1), centres and steepness s have (units,): by broadcasting,
    the answer has (batch, units).
    """
    z = (x - centres) * steepness
    return dl.exp(-(z * z))


class Bumps(dl.Module):
    """A layer of `bumps` whose centres and steepness are learnt.

    Whatever is a tensor that requires a gradient is found as a parameter, by the name
    of its attribute: it is trained, counted, saved, loaded and frozen.
    """

    def __init__(self, low, high, units):
        super().__init__()
        centres = np.linspace(low, high, units, dtype=np.float32)
        steepness = np.full(units, units / (high - low), np.float32)
        self.centres = dl.tensor(centres, requires_grad=True)
        self.steepness = dl.tensor(steepness, requires_grad=True)

    def forward(self, x):
        """Maps (batch, 1) to (batch, units)."""
        return bumps(x, self.centres, self.steepness)


def forgiving(y_hat, y, reduction="mean", dl=dl):
    """Pseudo-Huber: √(1 + e²) - 1, about e²/2 for a small error e and |e| for a large.

    `fit` hands the targets over as a NumPy array, a tensor makes them one of the twin.
    With reduction="none" it goes together with class_weight too.
    """
    error = y_hat - dl.tensor(y, dtype=y_hat.dtype)
    losses = dl.sqrt(error * error + 1.0) - 1.0
    return losses.mean() if reduction == "mean" else losses


def model_of(seed=0):
    """Returns bumps and what adds them up."""
    return dl.Sequential(Bumps(-3, 3, units=16), dl.Dense(16, 1, seed=seed))


# Against differences, in float64, with inputs that are in no way special. MXNet needs
# no such check: it takes the derivatives of the same functions.
rng = np.random.default_rng(0)
check_gradients(
    lambda x, c, s: bumps(x, c, s, dl=scratch),
    *(rng.normal(size=(5, 1)), rng.normal(size=4), rng.normal(size=4)),
)
targets = rng.normal(size=(5, 1))
check_gradients(
    lambda y_hat: forgiving(y_hat, targets, dl=scratch), rng.normal(size=(5, 1))
)
print("the derivatives of bumps and of the loss are right")

# A sine with noise. One measurement in ten has failed and is far too high.
x = rng.uniform(-3, 3, (400, 1)).astype(np.float32)
truth = np.sin(2 * x)
y = truth + rng.normal(0, 0.1, x.shape).astype(np.float32)
y[::10] += 8

for name, loss in (("squares", dl.mse), ("forgives", forgiving)):
    model = model_of()
    dl.fit(
        model,
        (x, y),
        loss=loss,
        optimizer=dl.Adam(model.parameters(), lr=0.02),
        epochs=150,
        batch_size=50,
    )
    error = np.abs(dl.predict(model, x) - truth).mean()
    print(f"{name}: {error:.2f} from the truth on average")

print(dl.summary(model, x[:1]))
model.save("bumps.npz")
again = model_of(seed=1)
again.load("bumps.npz")
print("loaded again:", np.array_equal(dl.predict(again, x), dl.predict(model, x)))
