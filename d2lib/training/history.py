"""What happened in a training, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from d2lib._checks import short

__all__ = ["History", "NonFiniteLossError"]


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite: training stopped at the step it names.

    Example:
        >>> from d2lib import scratch as dl
        >>> def broken(y_hat, y):
        ...     return dl.mse(y_hat, y) * float("nan")
        >>> model = dl.Dense(1, 1, seed=0)
        >>> sgd = dl.SGD(model.parameters())
        >>> try:
        ...     dl.fit(model, ([[1.0]], [[2.0]]), loss=broken, optimizer=sgd)
        ... except dl.NonFiniteLossError as error:
        ...     print(error)
        the loss became nan at step 1 of epoch 1...
    """


@dataclass
class History:
    """What happened in each epoch.

    Attributes:
        loss: the mean training loss of each epoch.
        val_loss: the validation loss after each epoch, if there is validation data.
        metrics: by name, the metrics after each epoch.
        interrupted: the signal that ended the training, such as "SIGINT", or None.

    Raises:
        TypeError: losses that are no lists, or metrics that are no dict.

    Example:
        >>> history = History(loss=[0.9, 0.4], metrics={"accuracy": [0.6, 0.8]})
        >>> history["accuracy"]
        [0.6, 0.8]
    """

    loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    interrupted: str | None = None

    def __post_init__(self) -> None:
        for name in ("loss", "val_loss"):
            if not isinstance(getattr(self, name), list):
                raise TypeError(
                    f"{name} must be a list with a number for each epoch, got "
                    f"{short(getattr(self, name))}"
                )
        if not isinstance(self.metrics, dict):
            raise TypeError(
                f"metrics must be a dict of lists by name, got {short(self.metrics)}"
            )

    @property
    def epochs(self) -> list[int]:
        """The numbers of the epochs, from 1."""
        return list(range(1, len(self.loss) + 1))

    def __getitem__(self, name: str) -> list[float]:
        if name in ("loss", "val_loss"):
            losses: list[float] = getattr(self, name)
            return losses
        if not isinstance(name, str) or name not in self.metrics:
            known = ["loss", "val_loss", *self.metrics]
            raise KeyError(f"the history has {', '.join(known)}, not {name!r}")
        return self.metrics[name]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain lists, fit for JSON."""
        return {
            "loss": list(self.loss),
            "val_loss": list(self.val_loss),
            "metrics": {name: list(values) for name, values in self.metrics.items()},
        }

    def plot(self, ax: Any = None) -> Any:
        """Draws the losses against the epochs and returns the matplotlib axes."""
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots()
        ax.plot(self.epochs, self.loss, marker="o", label="training")
        if self.val_loss:
            ax.plot(self.epochs, self.val_loss, marker="s", ls="--", label="validation")
        ax.set(xlabel="epoch", ylabel="loss")
        ax.legend()
        return ax
