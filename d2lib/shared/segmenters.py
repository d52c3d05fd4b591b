"""A fully convolutional network, composed of the layers of either twin."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from d2lib._checks import (
    as_array,
    as_generator,
    check_batch,
    check_choice,
    check_filters,
    check_flag,
    check_images,
    check_pixels,
    check_positive,
    check_positive_int,
)
from d2lib._types import Array
from d2lib.shared.detectors import layers_of

__all__ = ["Segmenter"]


class Segmenter:
    """What ``FCN`` is in both twins."""

    twin: str
    _as_tensor: Any

    def __init__(
        self,
        classes: int,
        channels: int = 1,
        filters: Sequence[int] = (16, 32, 64),
        upsampling: str = "bilinear",
        skips: bool = True,
        seed: Any = None,
    ) -> None:
        dl = importlib.import_module(self.twin)
        generator = as_generator(seed)
        self.classes = check_positive_int(classes, "classes")
        self.channels = check_positive_int(channels, "channels")
        check_choice(upsampling, ("bilinear", "nearest", "transposed"), "upsampling")
        self.upsampling, self.skips = upsampling, check_flag(skips, "skips")
        _, b, c = check_filters(filters)
        self.backbone = layers_of(dl, channels, filters, generator)
        self.deeper = dl.Sequential(
            dl.MaxPool2D(2),
            dl.Conv2D(c, c, 3, padding=1, bias=False, seed=generator),
            dl.BatchNorm(c, "relu"),
        )
        # A score for each class and cell, of the maps at stride 8, 4 and 2.
        self.score8 = dl.Conv2D(c, classes, 1, seed=generator)
        if skips:
            self.score4 = dl.Conv2D(c, classes, 1, seed=generator)
            self.score2 = dl.Conv2D(b, classes, 1, seed=generator)
        if upsampling == "transposed":
            self.up8, self.up4, self.up2 = (
                dl.ConvTranspose2D(classes, classes, 4, 2, 1, seed=generator)
                for _ in range(3)
            )

    def forward(self, images: Any) -> Any:
        """Maps (batch, channels, height, width) to scores (batch, classes, ...).

        Height and width must be multiples of 8; the scores are logits, one for each
        class and pixel.
        """
        images = self._as_tensor(images, name="images")
        check_images(images.shape, self.channels, type(self).__name__, multiple=8)
        x, fine = images, []
        for layer in self.backbone.layers:
            if type(layer).__name__ == "MaxPool2D":
                fine.append(x)  # what is known before it is made coarser
            x = layer(x)
        z = self.score8(self.deeper(x))  # (batch, classes, height / 8, width / 8)
        z = self._twice(z, 8)
        z = self._twice(z + self.score4(x) if self.skips else z, 4)
        return self._twice(z + self.score2(fine[1]) if self.skips else z, 2)

    def _twice(self, z: Any, stride: int) -> Any:
        """Makes the maps at this stride twice as high and wide."""
        if self.upsampling == "transposed":
            return getattr(self, f"up{stride}")(z)
        return importlib.import_module(self.twin).upsample(z, 2, self.upsampling)

    def loss(self, images: Any, pixels: Any, background: float = 0.3) -> Any:
        """The cross-entropy of all pixels, those of the background counting for less.

        Args:
            images: shape (batch, channels, height, width).
            pixels: the class of each pixel, 0 for the background, whole numbers, shape
                (batch, height, width).
            background: how much a pixel of class 0 counts.

        Returns:
            A scalar tensor: the mean, weighted.

        Raises:
            ValueError: shapes that do not go together, or classes that are not there.
            TypeError: an argument of a wrong type, such as images of whole numbers.
        """
        dl = importlib.import_module(self.twin)
        background = check_positive(background, "background")
        images = self._as_tensor(images, name="images")
        check_batch(images.shape, f"{type(self).__name__}.loss", "images")
        z = self.forward(images)
        truth = as_array(pixels, "pixels")
        check_pixels(truth, (z.shape[0], *z.shape[2:]), self.classes)
        rows = z.transpose(0, 2, 3, 1).reshape(-1, self.classes)
        each = dl.cross_entropy(rows, truth.reshape(-1), reduction="none")
        weight = np.where(truth.reshape(-1) == 0, background, 1.0)
        return (each * dl.tensor(weight / weight.sum(), z.dtype)).sum()

    def segment(self, images: Any) -> Array:
        """The class of each pixel, int64, shape (batch, height, width)."""
        dl = importlib.import_module(self.twin)
        with dl.no_grad():
            classes: Array = dl.to_numpy(self.forward(images)).argmax(axis=1)
        return classes
