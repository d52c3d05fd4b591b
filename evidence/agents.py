"""What is trained for Lecture 4: agents by value and by policy, and what breaks them.

Each function trains one agent from one seed, and measures it on 100 episodes that
neither its training nor its validation saw, in Gymnasium's own environments. ``chosen``
is the mean total reward of the weights that were best in validation, ``last`` that of
the last ones; where nothing is chosen they are the same.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

from d2lib.reinforcement import (
    CartPole,
    MountainCarContinuous,
    Pendulum,
    evaluate,
)
from d2lib.schedules import linear

#: What is told with a result, beside NumPy and MXNet.
PACKAGES = ("gymnasium",)
EPISODES = 100  # to measure on
COPIES = 16
STEPS = 40_000  # of DQN, at most
ABLATED_STEPS = 24_000
ITERATIONS = {"policy": 100, "pendulum": 80, "mountain_car": 30}

Measures = dict[str, Any]

# Learning by value --------------------------------------------------------------------

#: CartPole's numbers come near 1, and so do its values: 0.02 / (1 - 0.99) = 2.
DQN = {"scale": (1.25, 1, 15, 1), "reward_scale": 0.02}
#: What changes DQN, and with it how it learns: arguments of the agent, and of `learn`.
DQNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "": ({}, {}),
    "full": ({}, {}),
    "textbook": (
        {"scale": 1.0, "reward_scale": 1.0, "loss": "huber", "target": "hard"},
        {},
    ),
    "no target": ({"target": None}, {}),
    "no replay": ({"capacity": 64, "warmup": 64}, {}),
    "no double": ({"double": False}, {}),
    "truncation ends": ({}, {"bootstrap": False}),
}


def dqn(twin: str, seed: int, variant: str) -> Measures:
    """A deep Q network on CartPole, at most 40,000 steps; ablations all take 24,000."""
    dl = importlib.import_module(f"d2lib.{twin}")
    changed, way = DQNS[variant]
    agent = dl.DQN(4, 2, seed=seed, **(DQN | changed))
    if variant:
        steps, stop = ABLATED_STEPS, None
    else:
        steps, stop = STEPS, 490.0
    seconds = timed(lambda: agent.learn("CartPole-v1", steps, stop=stop, **way))
    found = measured(agent, "CartPole-v1", seconds)
    return found | {"q": agent.progress.numbers["q"][-1]}


# Learning a policy --------------------------------------------------------------------

POLICIES: dict[str, dict[str, Any]] = {
    "": {},
    "baseline per time": {"baseline": "time"},
    "no baseline": {"baseline": None},
    "total": {"credit": "total"},
    "total, no baseline": {"credit": "total", "baseline": None},
}


def policy(twin: str, seed: int, variant: str) -> Measures:
    """The policy gradient on CartPole, 100 times 16 episodes."""
    dl = importlib.import_module(f"d2lib.{twin}")
    agent = dl.PolicyGradient(4, 2, seed=seed, **POLICIES[variant])
    n = ITERATIONS["policy"]
    seconds = timed(lambda: agent.learn(CartPole(COPIES), n, episodes=COPIES))
    found = measured(agent, "CartPole-v1", seconds)
    drawn = evaluate(agent, "CartPole-v1", EPISODES, explore=True)
    return found | {"drawn": float(drawn.mean())}


# Continuous actions -------------------------------------------------------------------

PENDULUM = {
    "scale": (1, 1, 0.25),
    "reward_scale": 0.1,
    "gamma": 0.9,
    "batch_size": 320,
    "lr": linear(1e-3, steps=8_000, end=5e-5),
}
PENDULUMS: dict[str, dict[str, Any]] = {"": {}, "no clip": {"clip": None}}
#: With 1.65 one seed of eight never met the top, and learnt to do nothing.
MOUNTAIN_CAR = {"sigma": 2.0, "reward_scale": 0.1, "batch_size": 1_000}
MOUNTAIN_CARS: dict[str, dict[str, Any]] = {"": {}, "sigma 0.5": {"sigma": 0.5}}


def pendulum(twin: str, seed: int, variant: str) -> Measures:
    """The clipped policy gradient on Pendulum, 80 times 16 episodes."""
    dl = importlib.import_module(f"d2lib.{twin}")
    agent = dl.GaussianPolicy(3, 1, seed=seed, **(PENDULUM | PENDULUMS[variant]))
    n = ITERATIONS["pendulum"]
    seconds = timed(lambda: agent.learn(Pendulum(COPIES), n, steps=Pendulum.limit))
    found = measured(agent, "Pendulum-v1", seconds)
    return found | {"sigma": float(agent.sigma[0])}


def mountain_car(twin: str, seed: int, variant: str) -> Measures:
    """The clipped policy gradient on MountainCarContinuous, 30 times 16,000 steps."""
    dl = importlib.import_module(f"d2lib.{twin}")
    settings = MOUNTAIN_CAR | MOUNTAIN_CARS[variant]
    agent = dl.GaussianPolicy(2, 1, seed=seed, **settings)
    n, steps = ITERATIONS["mountain_car"], MountainCarContinuous.limit
    env = MountainCarContinuous(COPIES)
    seconds = timed(lambda: agent.learn(env, n, steps=steps))
    found = measured(agent, "MountainCarContinuous-v0", seconds)
    return found | {"sigma": float(agent.sigma[0])}


# All of them --------------------------------------------------------------------------


def timed(work: Callable[[], object]) -> float:
    """Seconds of one processor."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measured(agent: Any, env: str, seconds: float) -> Measures:
    """What an agent reaches on episodes that it never saw."""
    chosen, last = (
        float(evaluate(agent, env, EPISODES, last=last).mean())
        for last in (False, True)
    )
    return {"chosen": chosen, "last": last, "steps": agent.steps, "seconds": seconds}


SEEDS = (0, 1, 2, 3, 4)
RUNS = {
    "dqn": (dqn, {"scratch": tuple(DQNS), "mx": ("",)}, SEEDS),
    "policy": (policy, {"scratch": tuple(POLICIES), "mx": ("",)}, SEEDS),
    "pendulum": (pendulum, {"scratch": tuple(PENDULUMS), "mx": ("",)}, SEEDS),
    "mountain_car": (
        mountain_car,
        {"scratch": tuple(MOUNTAIN_CARS), "mx": ("",)},
        SEEDS,
    ),
}
