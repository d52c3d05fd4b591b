"""Data sets as NumPy arrays, for both twins, and the batches to train on.

Nothing is downloaded: what is small enough ships inside the package, and the rest is
drawn from a seed.
"""

from d2lib.data.augment import flip, noise, shift
from d2lib.data.batches import minibatches
from d2lib.data.coco import Pictures, load_coco
from d2lib.data.faces import Faces, load_faces
from d2lib.data.grammar import context_windows, sentences
from d2lib.data.idx import DataError, read_idx
from d2lib.data.mnist import MNIST, load_mnist
from d2lib.data.photographs import PHOTOGRAPHS, load_photograph
from d2lib.data.scenes import Scenes, digit_scenes
from d2lib.data.toy import (
    WILL_I_PASS_BEFORE,
    WILL_I_PASS_X,
    WILL_I_PASS_Y,
    moons,
    noisy_sine,
    rings,
    spirals,
    will_i_pass,
    xor,
)
from d2lib.data.tunes import STOP, Tunes, load_tunes
from d2lib.data.vocabulary import Vocabulary

__all__ = [
    "MNIST",
    "PHOTOGRAPHS",
    "STOP",
    "WILL_I_PASS_BEFORE",
    "WILL_I_PASS_X",
    "WILL_I_PASS_Y",
    "DataError",
    "Faces",
    "Pictures",
    "Scenes",
    "Tunes",
    "Vocabulary",
    "context_windows",
    "digit_scenes",
    "flip",
    "load_coco",
    "load_faces",
    "load_mnist",
    "load_photograph",
    "load_tunes",
    "minibatches",
    "moons",
    "noise",
    "noisy_sine",
    "read_idx",
    "rings",
    "sentences",
    "shift",
    "spirals",
    "will_i_pass",
    "xor",
]
