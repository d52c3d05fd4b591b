"""Faster R-CNN, composed of the layers of either twin.

Two questions are asked of the same feature maps. The region proposal network asks at
every cell: is there something here, and how must an anchor be moved to hold it? The box
head asks of each region that was proposed: what is it, and where exactly? What decides
(which anchor is to find which box, which regions go on) is no function to
differentiate, and is the same code for both twins.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from d2lib._checks import (
    as_entries,
    as_generator,
    check_batch,
    check_boxes,
    check_filters,
    check_images,
    check_lengths,
    check_overlap,
    check_pair,
    check_positive_int,
    check_proposed,
    check_truths,
)
from d2lib._types import Array
from d2lib.metrics import Detections
from d2lib.shared.boxes import anchors, match_anchors, overlaps, sample

__all__ = ["Detector", "Proposer", "layers_of"]

MOST_CLASSES = 4096
MOST_CELLS = 64  # rows and columns of what is cut out
LEAST = 1.0  # pixels, the least width and height of a proposal


class Proposer:
    """What ``RegionProposalNetwork`` is in both twins."""

    twin: str
    _as_tensor: Any

    def __init__(
        self,
        channels: int,
        stride: int,
        scales: Sequence[float] = (10, 16, 24),
        ratios: Sequence[float] = (1.2, 2.8),
        seed: Any = None,
    ) -> None:
        dl = importlib.import_module(self.twin)
        generator = as_generator(seed)
        self.stride = check_positive_int(stride, "stride")
        self.scales = tuple(check_lengths(scales, "scales").tolist())
        self.ratios = tuple(check_lengths(ratios, "ratios").tolist())
        shapes = len(self.scales) * len(self.ratios)
        self.look = dl.Conv2D(
            channels, channels, 3, padding=1, activation="relu", seed=generator
        )
        self.objectness = dl.Conv2D(
            channels, shapes, 1, initializer="normal", seed=generator
        )
        self.refine = dl.Conv2D(
            channels, 4 * shapes, 1, initializer="normal", seed=generator
        )

    def forward(self, features: Any) -> tuple[Any, Any]:
        """Maps (batch, channels, rows, columns) to a score and a code for each anchor.

        Returns:
            Scores (logits: is there something?), shape (batch, anchors), and codes,
            shape (batch, anchors, 4), in the order of `anchors`.
        """
        features = self._as_tensor(features, name="features")
        seen = self.look(features)
        # (batch, rows, columns, shapes), the order of the anchors
        score = self.objectness(seen).transpose(0, 2, 3, 1)
        code = self.refine(seen).transpose(0, 2, 3, 1)
        n, *cells = score.shape
        return score.reshape(n, prod(cells)), code.reshape(n, prod(cells), 4)

    def anchors(self, rows: int, columns: int) -> Array:
        """The anchors of a feature map of that size, (rows * columns * shapes, 4)."""
        check_positive_int(rows, "rows")
        check_positive_int(columns, "columns")
        return anchors((rows, columns), self.stride, self.scales, self.ratios)

    def losses(
        self,
        score: Any,
        code: Any,
        base: Array,
        boxes: Sequence[Array],
        seed: Any = None,
        n: int = 64,
    ) -> tuple[Any, Any]:
        """How wrong the scores and the codes are, over n anchors of each image.

        Args:
            score: shape (batch, anchors).
            code: shape (batch, anchors, 4).
            base: the anchors, shape (anchors, 4).
            boxes: for each image what is in it, shape (m, 4).
            seed: draws the anchors, at most half of which are to find something: an int
                or a ``numpy.random.Generator``.
            n: how many.

        Returns:
            The cross-entropy of the scores, and the smooth L1 loss of the codes.

        Raises:
            ValueError: shapes that do not go together, or boxes that are upside down,
                not finite or without an area.
            TypeError: an argument of a wrong type.
        """
        dl = importlib.import_module(self.twin)
        rng = as_generator(seed)
        n = check_positive_int(n, "n")
        score = self._as_tensor(score, name="score")
        code = self._as_tensor(code, name="code")
        base = check_proposed(score.shape, code.shape, base)
        check_batch(score.shape, f"{type(self).__name__}.losses", "score")
        boxes = [check_boxes(there) for there in as_entries(boxes, "boxes", len(score))]
        rows, truth, found, wanted, near = [], [], [], [], []
        for i, there in enumerate(boxes):
            label, which = match_anchors(base, there, high=0.5, low=0.3)
            yes, no = sample(label, n, 0.5, rng)
            both = np.concatenate([yes, no])
            rows.append(both + i * len(base))
            truth.append(np.arange(len(both)) < len(yes))
            found.append(yes + i * len(base))
            if len(yes):
                wanted.append(there[which[yes]])
                near.append(base[yes])
        asked = np.concatenate(rows)
        J_score = dl.binary_cross_entropy_with_logits(
            score.reshape(-1)[asked], np.concatenate(truth).astype(np.float32)
        )
        J_code = code_loss(
            dl, code.reshape(-1, 4), np.concatenate(found), wanted, near, len(asked)
        )
        return J_score, J_code

    def propose(
        self,
        score: Any,
        code: Any,
        base: Array,
        size: tuple[int, int],
        most: int = 50,
        before: int = 300,
        overlap: float = 0.7,
    ) -> list[Array]:
        """The regions that are worth a second look, for each image the best first.

        Args:
            score: shape (batch, anchors).
            code: shape (batch, anchors, 4).
            base: the anchors, shape (anchors, 4).
            size: height and width of the images.
            most: how many regions go on.
            before: how many of the best are looked at before `nms`.
            overlap: the largest intersection over union of two that go on.

        Returns:
            For each image boxes inside it, shape (k, 4). They are no function of the
            network's weights any more: no gradient passes.

        Raises:
            ValueError: shapes that do not go together.
            TypeError: an argument of a wrong type.
        """
        dl = importlib.import_module(self.twin)
        score = self._as_tensor(score, name="score")
        code = self._as_tensor(code, name="code")
        base = check_proposed(score.shape, code.shape, base)
        height, width = check_pair(size, "size")
        most = check_positive_int(most, "most")
        before = check_positive_int(before, "before")
        overlap = check_overlap(overlap, "overlap")
        scores, codes = dl.to_numpy(score), dl.to_numpy(code)
        if not len(scores):
            return []
        best = np.argsort(-scores, axis=1, kind="stable")[:, :before]  # (batch, best)
        codes = np.take_along_axis(codes, best[:, :, None], axis=1)
        moved = dl.decode_boxes(codes.reshape(-1, 4), base[best].reshape(-1, 4))
        boxes = clipped(dl.to_numpy(moved), (height, width)).reshape(*best.shape, 4)
        regions = []
        ranked = np.take_along_axis(scores, best, axis=1)
        for row, mine in zip(ranked, boxes, strict=True):
            large = (mine[:, 2:] - mine[:, :2] >= LEAST).all(axis=1)
            mine, row = mine[large], row[large]
            regions.append(mine[dl.nms(mine, row, overlap)[:most]])
        return regions


class Detector:
    """What ``FasterRCNN`` is in both twins."""

    twin: str
    _as_tensor: Any

    def __init__(
        self,
        classes: int,
        channels: int = 1,
        filters: Sequence[int] = (16, 32, 64),
        scales: Sequence[float] = (10, 16, 24),
        ratios: Sequence[float] = (1.2, 2.8),
        units: int = 128,
        roi_size: int = 6,
        seed: Any = None,
    ) -> None:
        dl = importlib.import_module(self.twin)
        generator = as_generator(seed)
        self.classes = check_positive_int(classes, "classes", MOST_CLASSES)
        self.channels = check_positive_int(channels, "channels")
        self.roi_size = check_positive_int(roi_size, "roi_size", MOST_CELLS)
        _, _, c = check_filters(filters)
        self.stride = 4
        self.backbone = layers_of(dl, channels, filters, generator)
        self.rpn = dl.RegionProposalNetwork(c, 4, scales, ratios, generator)
        self.hidden = dl.Dense(c * roi_size * roi_size, units, "relu", seed=generator)
        self.classify = dl.Dense(
            units, classes + 1, initializer="normal", seed=generator
        )
        self.refine = dl.Dense(units, 4 * classes, initializer="normal", seed=generator)

    def losses(
        self,
        images: Any,
        boxes: Sequence[Any],
        classes: Sequence[Any],
        seed: Any = None,
        regions: int = 32,
    ) -> dict[str, Any]:
        """How wrong the network is on some images: four losses, whose sum to minimise.

        Args:
            images: shape (batch, channels, height, width).
            boxes: for each image the boxes of what is in it, shape (m, 4); there may be
                none, and they may reach beyond its edges.
            classes: for each image what they are, whole numbers, shape (m,).
            seed: draws anchors and regions: an int or a ``numpy.random.Generator``.
            regions: how many regions of each image are looked at.

        Returns:
            Scalar tensors: "objectness" and "anchor" of the proposals, "class" and
            "box" of the regions.

        Raises:
            ValueError: not one entry for each image, shapes that do not go together, or
                boxes that are upside down, not finite, without an area, or that lie
                wholly outside of their image.
            TypeError: an argument of a wrong type, such as images of whole numbers.
        """
        dl = importlib.import_module(self.twin)
        rng = as_generator(seed)
        regions = check_positive_int(regions, "regions")
        images = self._as_tensor(images, name="images")
        check_images(images.shape, self.channels, type(self).__name__)
        check_batch(images.shape, f"{type(self).__name__}.losses", "images")
        truths = check_truths(boxes, classes, images.shape, self.classes)
        there = [boxes for boxes, _ in truths]
        features = self.backbone(images)
        score, code = self.rpn(features)
        base = self.rpn.anchors(*features.shape[2:])
        J_score, J_anchor = self.rpn.losses(score, code, base, there, rng)
        with dl.no_grad():
            proposals = self.rpn.propose(score, code, base, images.shape[2:])
        rois, of, names, found, wanted, near = [], [], [], [], [], []
        count = 0
        for i, (proposed, (mine, kinds)) in enumerate(
            zip(proposals, truths, strict=True)
        ):
            mine = mine.astype(np.float32)
            all_of = np.concatenate([proposed, mine])  # the truth is a good proposal
            label, which = np.zeros(len(all_of), np.int64), None
            if len(mine):
                shared = overlaps(all_of, mine)
                which = shared.argmax(axis=1)
                label = (shared.max(axis=1) >= 0.5).astype(np.int64)
            yes, no = sample(label, regions, 0.5, rng)
            chosen = np.concatenate([yes, no])
            rois.append(all_of[chosen])
            of.append(np.full(len(chosen), i))
            kind = np.zeros(len(chosen), np.int64)
            if which is not None and len(yes):
                kind[: len(yes)] = 1 + kinds[which[yes]]
                wanted.append(mine[which[yes]])
                near.append(all_of[yes])
            names.append(kind)
            # Of the codes, those of the right class: row * classes + class.
            found.append(
                (count + np.arange(len(yes))) * self.classes + kind[: len(yes)] - 1
            )
            count += len(chosen)
        z, moves = self._regions(features, np.concatenate(rois), np.concatenate(of))
        J_name = dl.cross_entropy(z, np.concatenate(names))
        J_box = code_loss(
            dl, moves.reshape(-1, 4), np.concatenate(found), wanted, near, count
        )
        return {
            "objectness": J_score,
            "anchor": J_anchor,
            "class": J_name,
            "box": J_box,
        }

    def _regions(self, features: Any, rois: Any, of: Any) -> tuple[Any, Any]:
        """Looks at regions: logits (k, classes + 1) and codes (k, 4 * classes)."""
        dl = importlib.import_module(self.twin)
        cut = dl.roi_align(features, rois, of, self.roi_size, 1 / self.stride)
        h = self.hidden(cut.reshape(len(rois), -1))
        return self.classify(h), self.refine(h)

    def forward(self, images: Any) -> Any:
        """Feature maps, (batch, filters, height / 4, width / 4)."""
        images = self._as_tensor(images, name="images")
        check_images(images.shape, self.channels, type(self).__name__)
        return self.backbone(images)

    def detect(
        self,
        images: Any,
        least: float = 0.05,
        overlap: float = 0.4,
        most: int = 20,
        regions: int = 50,
    ) -> list[Detections]:
        """Finds what is in images.

        Args:
            images: shape (batch, channels, height, width).
            least: the least score of what is returned.
            overlap: the largest intersection over union of two of one class.
            most: how many there are at most in each image.
            regions: how many proposals are looked at.

        Returns:
            For each image `Detections`, the surest first.

        Raises:
            ValueError: images of another shape, or thresholds outside of [0, 1].
            TypeError: an argument of a wrong type, such as images of whole numbers.
        """
        dl = importlib.import_module(self.twin)
        images = self._as_tensor(images, name="images")
        check_images(images.shape, self.channels, type(self).__name__)
        least, overlap = (
            check_overlap(least, "least"),
            check_overlap(overlap, "overlap"),
        )
        most = check_positive_int(most, "most")
        regions = check_positive_int(regions, "regions")
        size = images.shape[2:]
        if not len(images):
            return []
        with dl.no_grad():
            features = self.backbone(images)
            score, code = self.rpn(features)
            base = self.rpn.anchors(*features.shape[2:])
            proposals = self.rpn.propose(score, code, base, size, regions)
            rois = np.concatenate(proposals)
            of = np.repeat(np.arange(len(proposals)), [len(p) for p in proposals])
            z, moves = self._regions(features, rois, of)
            p = dl.to_numpy(dl.softmax(z))[:, 1:]  # (k, classes)
            spread = np.repeat(rois, self.classes, axis=0)
            boxes = dl.to_numpy(dl.decode_boxes(moves.reshape(-1, 4), spread))
        boxes = clipped(boxes, size).reshape(len(rois), self.classes, 4)
        found = []
        for i in range(len(proposals)):
            rows, kinds = np.nonzero((of == i)[:, None] & (p >= least))
            mine, sure = boxes[rows, kinds], p[rows, kinds]
            # Apart for each class: no box of one reaches those of another.
            apart = mine + 2 * max(size) * kinds[:, None].astype(mine.dtype)
            keep = dl.nms(apart, sure, overlap)[:most]
            found.append(Detections(mine[keep], kinds[keep], sure[keep]))
        return found


def code_loss(
    dl: Any, codes: Any, rows: Any, wanted: list[Array], near: list[Array], share: int
) -> Any:
    """The smooth L1 loss of some rows of codes, summed, over all that were asked.

    Each of the rows should be the code of a box that is wanted, for one that is near.
    """
    if not len(rows):
        return codes.sum() * 0.0
    target = dl.encode_boxes(np.concatenate(wanted), np.concatenate(near))
    return dl.smooth_l1(codes[rows], target, reduction="sum") * (1.0 / share)


def clipped(boxes: Array, size: tuple[int, int]) -> Array:
    """Boxes, as far as they lie in an image of that height and width."""
    height, width = size
    return boxes.clip(0, np.array([width, height, width, height], boxes.dtype))


def layers_of(dl: Any, channels: int, filters: Sequence[int], generator: Any) -> Any:
    """The backbone: four convolutions of 3 x 3, the first two with a pooling behind.

    Args:
        dl: the twin.
        channels: of the images.
        filters: of the first, the second, and the last two convolutions.
        generator: draws the weights.

    Returns:
        A ``Sequential`` that makes maps of a quarter of the height and width.
    """
    first, second, third = check_filters(filters)
    depths = [channels, first, second, third, third]
    layers: list[Any] = []
    for k, (inputs, outputs) in enumerate(pairwise(depths)):
        # No bias: batch normalisation would take it away again.
        layers.append(
            dl.Conv2D(inputs, outputs, 3, padding=1, bias=False, seed=generator)
        )
        layers.append(dl.BatchNorm(outputs, "relu"))
        if k < 2:
            layers.append(dl.MaxPool2D(2))
    return dl.Sequential(*layers)
