"""A table: which customers will leave?

From a CSV file to a model that another program can load. The table has numbers of
different size, a column of words, and few rows of the class that matters; there are
columns to standardise, rows to hold out, classes to weigh and an end to find.

    python table.py                     # writes customers.csv, learns, saves, loads
    python table.py --twin mx           # the same on MXNet
    python table.py --table mine.csv    # a table of yours: see COLUMNS and read below
"""

import argparse
import csv
from importlib import import_module
from pathlib import Path

import numpy as np

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("--twin", choices=("scratch", "mx"), default="scratch")
parser.add_argument("--table", type=Path, default=Path("customers.csv"))
options = parser.parse_args()
dl = import_module(f"d2lib.{options.twin}")

COLUMNS = ("months", "calls", "spent", "contract")  # of the model, in this order


def invent(path, rows=1500, seed=0):
    """Writes a table of customers who were made up; one in eight leaves."""
    rng = np.random.default_rng(seed)
    months, calls = rng.integers(1, 72, rows), rng.poisson(2, rows)
    spent, yearly = rng.normal(900, 250, rows).round(2), rng.random(rows) < 0.4
    logit = -1.6 - 0.06 * months + 0.9 * calls - 2.0 * yearly + rng.normal(0, 0.5, rows)
    contract = np.where(yearly, "yearly", "monthly")
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow((*COLUMNS, "left"))
        columns = (months, calls, spent, contract, 1 * (logit > 0))
        table.writerows(zip(*columns, strict=True))


def read(path):
    """Returns the rows x, float32, and the labels y, whole numbers."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["contract"] = row["contract"] == "yearly"  # of two words, 1 is one
    x = [[float(row[name]) for name in COLUMNS] for row in rows]
    return np.array(x, np.float32), np.array([int(row["left"]) for row in rows])


class Leaves(dl.Module):
    """An MLP that knows the mean and the spread of each column.

    They are no parameters, since nothing trains them, and no constants, since another
    table has others. As buffers they are saved and loaded with the weights, so nobody
    can feed this model with numbers that were prepared for another.
    """

    def __init__(self, columns, seed=0):
        super().__init__()
        self.mean = dl.Buffer(np.zeros(columns))
        self.spread = dl.Buffer(np.ones(columns))
        self.answer = dl.MLP([columns, 32, 2], dropout=0.1, seed=seed)

    def standardise(self, x):
        """Takes mean and spread from the rows to learn from, and no other."""
        self.mean.value, self.spread.value = x.mean(axis=0), x.std(axis=0)

    def forward(self, x):
        """Maps rows of the table as they are to two logits: stays, leaves."""
        return self.answer((x - self.mean.value) / self.spread.value)


def found(y_hat, y):
    """Of those who leave, the share that is found (also called recall)."""
    return float((y_hat.argmax(axis=1) == 1)[y == 1].mean())


if not options.table.exists():
    invent(options.table)
x, y = read(options.table)
order = np.random.default_rng(1).permutation(len(x))
train, held_out = order[len(x) // 4 :], order[: len(x) // 4]
print(f"{len(x)} customers, of whom {y.mean():.0%} leave")

model = Leaves(x.shape[1])
model.standardise(x[train])
history = dl.fit(
    model,
    (x[train], y[train]),
    loss=dl.cross_entropy,
    optimizer=dl.Adam(model.parameters(), lr=0.01),
    epochs=100,
    batch_size=64,
    validation=(x[held_out], y[held_out]),
    metrics={"accuracy": dl.accuracy, "found": found},
    class_weight="balanced",  # the few who leave weigh as much as the many who stay
    callbacks=[dl.EarlyStopping(patience=10)],
)
answers = dl.predict(model, x[held_out])
print(f"stopped after {len(history.loss)} epochs, with the best weights")
print(f"right: {dl.accuracy(answers, y[held_out]):.2f}", end=", ")
print(f"and of those who leave: {found(answers, y[held_out]):.2f}")

# Another program needs the class, the file, and rows as they stand in the table.
model.save("leaves.npz")
again = Leaves(x.shape[1])
again.load("leaves.npz")
same = np.array_equal(dl.predict(again, x[held_out]), answers)
print(f"loaded again, it answers the same: {same}")
newcomer = np.array([[3, 6, 850.0, 0]], np.float32)  # 3 months, 6 calls, monthly
answer = ("stays", "leaves")[dl.predict(again, newcomer).argmax()]
print(f"a new customer who called six times in three months {answer}")
