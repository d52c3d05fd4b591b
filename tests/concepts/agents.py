"""Rows of what acts: returns, tables, memories, and agents of both twins."""

import numpy as np

from tests.concepts.row import Build, Row, Wrong, normal

F = np.float32
NAN = float("nan")
IN = ("twins/test_agents.py",)
AT = "reinforcement/test_"
GAMMA = r"gamma must lie in \(0, 1\], got "
APART = {"nan": "the target and the chosen network have no part in Q"}
COMMON = {
    "no inputs": ("inputs", 0, ValueError, "inputs must be a whole number >= 1, got 0"),
    "half an action": ("actions", 0.5, TypeError, "actions must be a whole number"),
    "gamma 0": ("gamma", 0, ValueError, GAMMA + "0: 0.99 looks some hundred steps"),
    "gamma 1.1": ("gamma", 1.1, ValueError, GAMMA + "1.1"),
    "gamma NaN": ("gamma", NAN, ValueError, GAMMA + "nan"),
    "gamma of text": ("gamma", "0.9", TypeError, r"gamma must be a number in \(0, 1\]"),
    "hidden": ("hidden", "64", TypeError, "hidden must be a list of whole numbers"),
    "no width": ("hidden", (8, 0), ValueError, "each width of hidden must be a whole"),
    "activation": ("activation", "softmax", ValueError, "activation must be one of"),
    "two scales": (
        "scale",
        (1, 2),
        TypeError,
        "scale must be a number, or one for eac",
    ),
    "lr": ("lr", -1, ValueError, "lr must be a finite number > 0, got -1"),
    "seed": ("seed", -1, ValueError, "seed must be a whole number >= 0"),
}


def mistakes(name, **more):
    """What no arguments of an agent are, and what it does not act upon."""

    def agent(dl, **options):
        given = {"inputs": 3, "actions": 2, "hidden": (4,), "seed": 0} | options
        return getattr(dl, name)(**given)

    return {
        **{
            what: Wrong(lambda dl, o={argument: value}: agent(dl, **o), error, pattern)
            for what, (argument, value, error, pattern) in {**COMMON, **more}.items()
        },
        **{
            f"{what} to {method}": Wrong(
                lambda dl, m=method, x=x: getattr(agent(dl), m)(x), error, pattern
            )
            for method in ("act", "explore")
            for what, x, error, pattern in (
                ("two numbers", [1.0, 2.0], ValueError, r"\(3,\) or \(n, 3\), got"),
                ("NaN", [[1.0, NAN, 0.0]], ValueError, "observations must be finite"),
                ("words", [["a", "b", "c"]], TypeError, "observations must hold numb"),
                ("nothing", np.ones((0, 3), F), ValueError, r"got \(0, 3\)"),
            )
        },
        "whole numbers": Wrong(
            lambda dl: agent(dl)(np.ones((2, 3), int)),
            TypeError,
            "observations must hold floating-point numbers",
        ),
        "no batch": Wrong(
            lambda dl: agent(dl).update([1, 2]), TypeError, "batch must hold steps"
        ),
    }


def wrong_returns(name):
    def call(dl, rewards, **options):
        zeros = () if name == "discounted_returns" else ([0.0], [0.0])
        return getattr(dl, name)(rewards, *zeros, **options)

    return {
        "gamma 0": Wrong(lambda dl: call(dl, [1.0], gamma=0), ValueError, GAMMA + "0"),
        "gamma 2": Wrong(lambda dl: call(dl, [1.0], gamma=2), ValueError, GAMMA + "2"),
        "NaN": Wrong(lambda dl: call(dl, [NAN]), ValueError, "rewards must be finite"),
        "no steps": Wrong(lambda dl: call(dl, []), ValueError, "at least one step"),
        "words": Wrong(
            lambda dl: call(dl, ["a"]), TypeError, "rewards must be numbers"
        ),
        "two ends": Wrong(
            lambda dl: call(dl, [1.0], terminated=[True, False]),
            ValueError,
            r"terminated must have the shape of the rewards, \(1,\), got \(2,\)",
        ),
        "half an end": Wrong(
            lambda dl: call(dl, [1.0], truncated=[0.5]),
            TypeError,
            "truncated must be True or False for each step",
        ),
    }


ROWS = [
    Row(
        "discounted_returns",
        wrong=wrong_returns("discounted_returns"),
        known={
            # Exercise 3.8 of Sutton & Barto, 2018.
            "Sutton & Barto": (
                lambda dl: dl.discounted_returns([-1, 2, 6, 3, 2], 0.5).astype(F),
                [2, 6, 8, 4, 2],
            ),
            "left, and over": (
                lambda dl: dl.discounted_returns(
                    [1, 1], 0.5, [0, 1], [1, 0], [8, 8]
                ).astype(F),
                [5, 1],
            ),
        },
        tested_in=(f"{AT}returns.py",),
    ),
    Row(
        "generalized_advantages",
        wrong=wrong_returns("generalized_advantages"),
        known={
            # Surprises 1 + 0.5 * 4 - 2 = 1 and, over, 3 - 4 = -1; 1 + 0.5 * 0.5 * -1.
            "by hand": (
                lambda dl: dl.generalized_advantages(
                    [1, 3], [2, 4], [4, 9], 0.5, 0.5, [0, 1]
                ).astype(F),
                [0.75, -1],
            ),
        },
        tested_in=(f"{AT}returns.py",),
    ),
    Row("value_iteration", tested_in=(f"{AT}tabular.py",)),
    Row("q_learning", tested_in=(f"{AT}tabular.py",)),
    Row(
        "ReplayBuffer",
        wrong={
            "more than it holds": Wrong(
                lambda dl: dl.ReplayBuffer(9, 2).sample(1),
                ValueError,
                "the buffer holds 0 steps, got batch_size=1: add more before you draw",
            ),
            "no capacity": Wrong(
                lambda dl: dl.ReplayBuffer(0, 2), ValueError, "capacity must be a whole"
            ),
        },
        tested_in=(f"{AT}replay.py",),
    ),
    Row("rollout", source=False, tested_in=(f"{AT}environments.py",)),
    Row("evaluate", source=False, tested_in=(f"{AT}environments.py",)),
    Row(
        "DQN",
        {
            "small": Build(
                lambda dl, seed: dl.DQN(3, 2, hidden=(4,), seed=seed),
                normal(0, 5, 3),
                exempt=APART,
            ),
            "scaled": Build(
                lambda dl, seed: dl.DQN(
                    3, 2, hidden=(4, 3), activation="tanh", scale=(1, 2, 0.5), seed=seed
                ),
                normal(1, 5, 3),
                exempt=APART,
            ),
        },
        mistakes(
            "DQN",
            epsilon=("epsilon", 1.5, ValueError, r"epsilon must lie in \[0, 1\]"),
            loss=("loss", "mse", ValueError, "loss must be one of 'squared', 'huber'"),
            target=("target", "none", ValueError, "target must be one of 'soft', 'har"),
            tau=("tau", 1.1, ValueError, r"tau must lie in \[0, 1\], got 1.1"),
            double=("double", 1, TypeError, "double must be True or False, got 1"),
            capacity=(
                "capacity",
                0,
                ValueError,
                "capacity must be a whole number >= 1",
            ),
            huge=("capacity", 2**30, ValueError, r"capacity \* inputs must be at most"),
        ),
        tested_in=IN,
    ),
    Row(
        "PolicyGradient",
        {
            "small": Build(
                lambda dl, seed: dl.PolicyGradient(3, 2, hidden=4, seed=seed),
                normal(0, 5, 3),
            ),
        },
        mistakes(
            "PolicyGradient",
            credit=(
                "credit",
                "togo",
                ValueError,
                "credit must be one of 'to go', 'tot",
            ),
            baseline=(
                "baseline",
                "value",
                ValueError,
                "baseline must be one of None, 'm",
            ),
            normalize=("normalize", None, TypeError, "normalize must be True or False"),
        ),
        tested_in=IN,
    ),
    Row(
        "GaussianPolicy",
        {
            "small": Build(
                lambda dl, seed: dl.GaussianPolicy(3, 2, hidden=(4,), seed=seed),
                normal(0, 5, 3),
                exempt={
                    "nan": "what is expected of a state has no part in the actions",
                    "float64": "MXNet does not cast a tensor that is a parameter",
                },
            ),
        },
        mistakes(
            "GaussianPolicy",
            sigma=("sigma", 0, ValueError, "sigma must be a finite number > 0, got 0"),
            clip=("clip", -0.2, ValueError, "clip must be a finite number > 0"),
            lam=("lam", 1.5, ValueError, r"lam must lie in \[0, 1\], got 1.5"),
            epochs=("epochs", 0, ValueError, "epochs must be a whole number >= 1"),
        ),
        tested_in=IN,
    ),
]
