"""A user's program with types: a type checker has nothing to say against it."""

from __future__ import annotations

import numpy as np

from d2lib import mx as dl
from d2lib.mx import Module, Tensor


class Net(Module):
    """Modules of one's own take what they like."""

    def __init__(self, units: int) -> None:
        self.hidden = dl.Dense(4, units, "relu", seed=0)
        self.out = dl.Dense(units, 2, seed=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.hidden(x))


class Shifted(Module):
    def __init__(self) -> None:
        self.net = Net(8)

    def forward(self, x: Tensor, shift: float = 0.0) -> Tensor:
        return self.net(x) + shift


class Pair(Module):
    def __init__(self) -> None:
        self.nets = [Net(2), Net(3)]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self.nets
        return first(x), second(x)


def main() -> float:
    x, y = np.ones((3, 4), np.float32), np.array([0, 1, 0])
    model = Shifted().train()
    called: Tensor = model(dl.tensor(x), shift=1.0)
    first, second = Pair()(dl.tensor(x))
    adam = dl.Adam([{"params": model.net.parameters(), "lr": 0.1}], lr=0.01)
    history = dl.fit(model, (x, y), loss=dl.cross_entropy, optimizer=adam)
    assert called.shape == first.shape == second.shape == (3, 2)
    return history.loss[-1]


if __name__ == "__main__":
    print(main())
