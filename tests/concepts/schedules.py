"""Rows of `d2lib.schedules`, which both twins have: steps taken with each are alike."""

import numpy as np

from tests.concepts.row import Call, Row, Wrong, normal


def six_steps(dl, schedule, start):
    """Where Momentum gets to, downhill on a parabola."""
    w = dl.tensor(start, requires_grad=True)
    optimizer = dl.Momentum([w], lr=schedule)
    for _ in range(6):
        optimizer.zero_grad()
        with dl.record():
            loss = (w * w).sum()
        loss.backward()
        optimizer.step()
    return w


def schedule(name, settings, wrong, known):
    """A row; ``settings`` are arguments after lr, and ``known`` the rates of some."""
    source, given, rates = known
    return Row(
        name,
        {
            f"{options}": Call(
                lambda dl, w, o=options: six_steps(dl, getattr(dl, name)(0.1, **o), w),
                constants=(normal(0, 3),),
                batch=None,
            )
            for options in settings
        },
        {
            f"{setting} {value}": Wrong(
                lambda dl, s=setting, v=value: getattr(dl, name)(
                    **{"lr": 0.1, **settings[0], s: v}
                ),
                error,
                pattern,
            )
            for setting, value, error, pattern in (
                ("lr", 0, ValueError, "lr must be a finite number > 0, got 0"),
                ("lr", "0.1", TypeError, "lr must be a number, got '0.1'"),
                *wrong,
            )
        },
        {
            source: (
                lambda dl: np.float32(
                    [getattr(dl, name)(1.0, **given)(t) for t in range(len(rates))]
                ),
                rates,
            )
        },
        exempt={"gradient": "an optimiser's steps are not recorded"},
    )


ROWS = [
    schedule(
        "warmup",
        [{"steps": 3}],
        [("steps", 0, ValueError, "steps must be a whole number >= 1, got 0")],
        (
            "Goyal et al., 2017, section 2.2: equal steps up to the learning rate",
            {"steps": 4},
            [0.25, 0.5, 0.75, 1, 1],
        ),
    ),
    schedule(
        "step_decay",
        [{"every": 2}, {"every": 2, "factor": 0.5, "warmup": 2}],
        [
            ("every", 0, ValueError, "every must be a whole number >= 1, got 0"),
            ("factor", 0, ValueError, "factor must be a finite number > 0, got 0"),
        ],
        (
            "He et al., 2016, section 3.4: divided by 10 again and again",
            {"every": 2},
            [1, 1, 0.1, 0.1, 0.01, 0.01],
        ),
    ),
    schedule(
        "exponential",
        [{"factor": 0.8}, {"factor": 0.8, "warmup": 2}],
        [("factor", -1, ValueError, "factor must be a finite number > 0, got -1")],
        ("by hand", {"factor": 0.5}, [1, 0.5, 0.25, 0.125]),
    ),
    schedule(
        "cosine",
        [{"steps": 8, "warmup": 2}, {"steps": 4, "end": 0.05}],
        [
            ("steps", 0, ValueError, "steps must be a whole number >= 1, got 0"),
            (
                "warmup",
                8,
                ValueError,
                "warmup must be shorter than the training, got 8 of 8 steps",
            ),
            ("end", -1, ValueError, "end must be a finite number >= 0, got -1"),
        ],
        (
            "Loshchilov & Hutter, 2017, equation 5: half a wave; its middle is a half",
            {"steps": 6, "warmup": 2},
            [0.5, 1, 1, 0.5 + 0.125**0.5, 0.5, 0.5 - 0.125**0.5, 0, 0],
        ),
    ),
    schedule(
        "linear",
        [{"steps": 8, "warmup": 2}, {"steps": 4, "end": 0.05}],
        [
            ("steps", 0, ValueError, "steps must be a whole number >= 1, got 0"),
            (
                "warmup",
                9,
                ValueError,
                "warmup must be shorter than the training, got 9 of 8 steps",
            ),
            ("end", -1, ValueError, "end must be a finite number >= 0, got -1"),
        ],
        ("by hand", {"steps": 4, "end": 0.2}, [1, 0.8, 0.6, 0.4, 0.2, 0.2]),
    ),
]
