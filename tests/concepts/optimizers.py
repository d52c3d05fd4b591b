"""Rows of `optimizers.py`."""

from tests.concepts.row import Row, Train, Wrong

NAN = float("nan")


def weights(dl):
    return [dl.tensor([1.0], requires_grad=True)]


def optimizer(name, samples, refused, wrong=None):
    """A row; ``refused`` are pairs of a setting and a value."""
    refused = [*refused, *[("lr", lr) for lr in (-0.1, 0, NAN)]]
    return Row(
        name,
        samples,
        {
            f"{setting} {value}": Wrong(
                lambda dl, s=setting, v=value: getattr(dl, name)(weights(dl), **{s: v}),
                ValueError,
                "lr must be a finite number > 0, got"
                if setting == "lr"
                else f"{setting} must .*, got {value}",
            )
            for setting, value in refused
        }
        | (wrong or {}),
    )


ROWS = [
    optimizer(
        "SGD",
        {
            "lr": Train(lr=0.1),
            "decay": Train(lr=0.1, weight_decay=0.1),
            "as it comes": Train(),
        },
        [("weight_decay", -1)],
        {
            "lr that is text": Wrong(
                lambda dl: dl.SGD(weights(dl), lr="0.1"),
                TypeError,
                "lr must be a number, got '0.1'",
            ),
            "no parameters": Wrong(
                lambda dl: dl.SGD([]), ValueError, "at least one parameter"
            ),
            "no parameter": Wrong(
                lambda dl: dl.SGD([dl.tensor([1.0])]),
                TypeError,
                r"requires_grad=True, got .*: pass model\.parameters\(\)",
                alike=20,  # then it names the twin's type
            ),
            "step without backward": Wrong(
                lambda dl: dl.SGD(dl.Dense(3, 2).parameters()).step(),
                ValueError,
                r"step\(\) needs gradients.*loss\.backward\(\) first",
            ),
        },
    ),
    optimizer(
        "Momentum",
        {
            "lr": Train(lr=0.1),
            "all": Train(lr=0.1, momentum=0.5, weight_decay=0.1),
            "as it comes": Train(),
        },
        [("momentum", 1.0), ("weight_decay", -1)],
    ),
    optimizer(
        "Adagrad",
        {"lr": Train(lr=0.1), "eps": Train(lr=0.1, eps=0.5), "as it comes": Train()},
        [("eps", 0)],
    ),
    optimizer(
        "RMSProp",
        {
            "lr": Train(lr=0.01),
            "all": Train(lr=0.01, rho=0.5, eps=0.5),
            "as it comes": Train(),
        },
        [("rho", 1), ("eps", 0)],
    ),
    optimizer(
        "Adadelta",
        {"as it comes": Train(), "all": Train(lr=0.5, rho=0.5, eps=0.5)},
        [("rho", -0.1), ("eps", 0)],
    ),
    # A large eps shows where it stands: outside the root, after the correction.
    optimizer(
        "Adam",
        {
            "lr": Train(lr=0.01),
            "eps": Train(lr=0.1, eps=0.5),
            "all": Train(lr=0.1, beta1=0.5, beta2=0.7, eps=0.1, weight_decay=0.1),
            "as it comes": Train(),
        },
        [("beta1", 1.0), ("beta2", 1.0), ("eps", -1), ("weight_decay", -1)],
        {
            "lr set later": Wrong(
                lambda dl: setattr(dl.Adam(weights(dl)), "lr", -1),
                ValueError,
                "lr must be a finite number > 0, got -1",
            ),
        },
    ),
    optimizer(
        "AdamW",
        {
            "lr": Train(lr=0.01),
            "eps": Train(lr=0.1, eps=0.5),
            "all": Train(lr=0.1, beta1=0.5, beta2=0.7, eps=0.1, weight_decay=0.5),
            "no decay": Train(lr=0.01, weight_decay=0.0),
            "as it comes": Train(),
        },
        [("beta1", 1.0), ("beta2", 1.0), ("eps", -1), ("weight_decay", -1)],
    ),
    Row(
        "clip_gradients",
        wrong={
            "max_norm": Wrong(
                lambda dl: dl.clip_gradients(weights(dl), 0),
                ValueError,
                "max_norm must be a finite number > 0, got 0",
            ),
        },
        tested_in=("twins/test_training.py", "twins/test_edges.py"),
    ),
]
