"""Your own pictures: a folder for each class, read from the disk batch by batch.

The pictures need not fit in memory. Stop the program with Ctrl-C whenever you like: it
ends after the step that it takes, and the same command goes on from there, bit for bit.

    python own_pictures.py                      # draws a few shapes, and learns them
    python own_pictures.py --folder my/pictures # cats/*.png, dogs/*.jpg, ...
    python own_pictures.py --twin mx            # the same on MXNet
"""

import argparse
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw  # pillow, which comes with matplotlib

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("--twin", choices=("scratch", "mx"), default="scratch")
parser.add_argument("--folder", type=Path, default=Path("shapes"))
parser.add_argument("--epochs", type=int, default=12)
options = parser.parse_args()
dl = import_module(f"d2lib.{options.twin}")

SIDE = 24  # pixels, to which each picture is scaled


def draw(folder, each=80, seed=0):
    """Draws discs, squares and triangles of any size and grey, anywhere."""
    rng = np.random.default_rng(seed)
    for name in ("disc", "square", "triangle"):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            picture = Image.new("L", (32, 32), int(rng.integers(0, 90)))
            pen, grey = ImageDraw.Draw(picture), int(rng.integers(140, 256))
            r = int(rng.integers(6, 12))
            x, y = (int(n) for n in rng.integers(r, 32 - r, 2))
            if name == "disc":
                pen.ellipse((x - r, y - r, x + r, y + r), fill=grey)
            elif name == "square":
                pen.rectangle((x - r, y - r, x + r, y + r), fill=grey)
            else:
                pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=grey)
            picture.save(folder / name / f"{i:03}.png")


def read(file):
    """Returns a picture as (1, SIDE, SIDE), float32, about 0; "RGB" makes it 3."""
    with Image.open(file) as picture:
        pixels = np.asarray(picture.convert("L").resize((SIDE, SIDE)), np.float32)
    return pixels[None] / 127.5 - 1


class Pictures(dl.Callback):
    """Batches of pictures, in another order in each epoch.

    `fit` goes through them once an epoch. They are a callback too, to be told which
    epoch it is: an order that depends on that alone is the same after an interruption.
    """

    def __init__(self, files, classes, batch_size=32):
        self.files, self.classes, self.batch_size = files, classes, batch_size
        self.epoch = 0

    def on_start(self, run):
        """Hears at which epoch the training begins, or goes on."""
        self.epoch = run.epoch

    on_epoch = on_start  # and which one is next

    def __len__(self):
        return -(-len(self.files) // self.batch_size)  # for the progress bar

    def __iter__(self):
        order = np.random.default_rng([0, self.epoch]).permutation(len(self.files))
        for start in range(0, len(order), self.batch_size):
            files = [self.files[i] for i in order[start : start + self.batch_size]]
            labels = [self.classes.index(file.parent.name) for file in files]
            yield np.stack([read(file) for file in files]), np.array(labels)


if not options.folder.exists():
    draw(options.folder)
files = sorted(f for f in options.folder.glob("*/*") if f.suffix in {".png", ".jpg"})
classes = sorted({file.parent.name for file in files})
train = Pictures([f for i, f in enumerate(files) if i % 4], classes)
held_out = Pictures(files[::4], classes)  # every fourth of each class

rows = (SIDE // 2) // 2  # two poolings halve the sides
model = dl.Sequential(
    dl.Conv2D(1, 8, 3, padding=1, activation="relu", seed=0),
    dl.MaxPool2D(2),
    dl.Conv2D(8, 16, 3, padding=1, activation="relu", seed=1),
    dl.MaxPool2D(2),
    dl.Flatten(),
    dl.Dense(16 * rows * rows, len(classes), seed=2),
)
print(f"{len(train.files)} pictures to learn from, of {', '.join(classes)}", flush=True)
history = dl.fit(
    model,
    train,
    loss=dl.cross_entropy,
    optimizer=dl.Adam(model.parameters(), lr=0.01),
    epochs=options.epochs,
    validation=held_out,
    metrics={"accuracy": dl.accuracy},
    callbacks=[train, dl.CSVLogger("log.csv")],
    checkpoint="training.npz",  # after each epoch, on Ctrl-C,
    checkpoint_seconds=60,  # and once a minute
    resume=True,
    progress=True,
)
if history.interrupted is None:
    model.save("shapes.npz")
    print(f"right about {history['accuracy'][-1]:.0%} of {len(held_out.files)} others")
    answer = classes[dl.predict(model, read(files[0])[None]).argmax()]
    print(f"{files[0].as_posix()} looks like a {answer}")
