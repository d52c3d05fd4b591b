"""A two-armed bandit: the probabilities of a policy move, play by play."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from d2lib import scratch
from explore._case import Case


def update(z: list[float], a: int, weight: float, lr: float) -> list[float]:
    """One step down the slope of the weighted cross-entropy, by the library."""
    scores = scratch.tensor([z], dtype=np.float64, requires_grad=True)
    sgd = scratch.SGD([scores], lr=lr)
    with scratch.record():
        loss = scratch.cross_entropy(scores, [a], reduction="none") * weight
    loss.backward()
    sgd.step()
    return scores.data[0].tolist()


def probabilities(z: list[float]) -> np.ndarray:
    """The softmax of the scores, in float64."""
    return scratch.softmax(scratch.tensor([z], dtype=np.float64)).data[0]


def play(draws: list, pays: tuple, lr: float, baseline: bool) -> list[float]:
    """The probability of arm A before each play and after the last one.

    A draw is a number that chooses the arm, and one that is added to what it pays. The
    baseline is the mean of what was paid before.
    """
    z, paid, course = [0.0, 0.0], [], []
    for u, noise in draws:
        p = probabilities(z)[0]
        course.append(float(p))
        a = int(u >= p)
        reward = pays[a] + noise
        b = sum(paid) / len(paid) if baseline and paid else 0
        z = update(z, a, reward - b, lr)
        paid.append(reward)
    return [*course, float(probabilities(z)[0])]


def luck(plays: int, seed: int) -> list:
    """The numbers that chance decides by."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.random(plays), rng.normal(0, 0.5, plays)], axis=1).tolist()


def golden() -> list[Case]:
    """Single updates, and courses of many plays with given luck."""
    cases = [Case("probabilities", (z,), probabilities(z)) for z in ([0, 0], [3, -40])]
    for z, a, weight, lr in (([0, 0], 0, 2, 0.1), ([1, -2], 1, -3.5, 0.5)):
        cases.append(Case("update", (z, a, weight, lr), update(z, a, weight, lr)))
    for baseline in (False, True):
        for pays in ((2.0, 3.0), (-1.0, -1.0)):
            draws = luck(60, seed=1)
            course = play(draws, pays, 0.1, baseline)
            cases.append(Case("play", (draws, pays, 0.1, baseline), course))
    return cases


def picture() -> Figure:
    """Ten courses of 150 plays each, without and with the baseline."""
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3), sharey=True)
    for ax, baseline in zip(axes, (False, True), strict=True):
        for seed in range(10):
            ax.plot(play(luck(150, seed), (2.0, 3.0), 0.6, baseline), "-", lw=1)
        ax.set(title="with the baseline" if baseline else "without", xlabel="play")
    axes[0].set(ylabel="P(arm A, pays 2)", ylim=(0, 1))
    return fig
