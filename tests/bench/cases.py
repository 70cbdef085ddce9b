"""The cases of `scripts/bench train`, and their data.

The same numbers go to everybody: float32 arrays to the peers, and their decimal text as CSV to
mlpd. Every value is a multiple of a step, so that its text is short and the text's nearest
float32 is the array's value.

Labels and targets carry noise that no network can learn. Without it the loss would fall
towards zero, where it depends on the seed more than on the implementation, and comparing
losses would say nothing.
"""
import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Case:
    rows: int
    inputs: int
    classes: int            # 0: regression
    hidden: tuple
    batch: int
    epochs: int
    seeds: int = 1          # trainings of a run; few rows make the loss depend on chance
    spread: float = 1.0     # how far apart the clouds of the classes lie, times their radius
    wrong: float = 0.1      # share of labels drawn anew
    learning_rate: float = 0.001
    ratio: float = 0        # goal: samples/s over the best peer's, equal threads
    share: float = 0        # goal: share of the machine's peak
    images: bool = False    # --data FOLDER replaces its rows

    @property
    def outputs(self):
        """Two classes are told apart by one logit, in mlpd as in scikit-learn."""
        return self.classes if self.classes > 2 else 1

    @property
    def flops(self):
        """Of one sample: three products a weight, two where no gradient is passed on."""
        widths = [self.inputs, *self.hidden, self.outputs]
        products = [a * b for a, b in zip(widths, widths[1:])]
        return 2.0 * (3 * sum(products) - products[0])

    def __str__(self):
        what = f"{self.classes} classes" if self.classes else "regression"
        return (f"{self.rows:,} x {self.inputs}, {what}; hidden {'-'.join(map(str, self.hidden))}, "
                f"batch {self.batch}, {self.epochs} epochs")


CASES = {
    "A": Case(60000, 784, 10, (128,), 128, 5, spread=6, ratio=2.0, share=0.72, images=True),
    "B": Case(60000, 784, 10, (512, 512), 128, 3, spread=6, ratio=1.2, share=0.80, images=True),
    "C": Case(20640, 8, 0, (64, 64), 32, 20, ratio=12),
    "D": Case(48842, 100, 2, (256, 256), 256, 4, spread=4, wrong=0.3, ratio=1.2, share=0.72),
    "E": Case(150, 4, 3, (16,), 16, 250, seeds=10, wrong=0, ratio=50),
}


@dataclass
class Table:
    """Rows as whole numbers of steps: x = x_steps / per_unit, as float32."""
    x_steps: np.ndarray
    per_unit: int
    y: np.ndarray           # class numbers, or float32

    @property
    def x(self):
        return (self.x_steps / self.per_unit).astype(np.float32)

    def csv(self):
        """Columns x0.., y; made by looking texts up, for printing 47 million numbers takes long."""
        low, high = int(self.x_steps.min()), int(self.x_steps.max())
        texts = np.array([f"{s / self.per_unit:.8g},".encode() for s in range(low, high + 1)])
        if self.y.dtype == np.float32:
            ends = np.array([f"{v:.9g}\n".encode() for v in self.y])
        else:
            ends = np.array([b"c%d\n" % v for v in range(int(self.y.max()) + 1)])[self.y]
        names = [f"x{i}" for i in range(self.x_steps.shape[1])]
        parts = [",".join([*names, "y\n"]).encode()]
        for i in range(0, len(ends), 10000):
            cells = texts[self.x_steps[i:i + 10000] - low]
            width = cells.shape[1] * cells.dtype.itemsize
            lines = np.hstack([cells.view(np.uint8).reshape(-1, width),
                               np.ascontiguousarray(ends[i:i + 10000]).view(np.uint8)
                               .reshape(-1, ends.dtype.itemsize)])
            parts.append(lines.tobytes().translate(None, b"\0"))  # texts are padded with NULs
        return b"".join(parts)


def quantised(x, y, per_unit=100):
    return Table(np.rint(x * per_unit).astype(np.int16), per_unit, y)


def class_table(case, rng):
    """Each class some round clouds; some labels wrong."""
    clouds = (4 if case.rows > 1000 else 1) * case.classes
    centres = rng.normal(0, case.spread / np.sqrt(case.inputs), (clouds, case.inputs))
    cloud = rng.integers(0, clouds, case.rows)
    x = centres[cloud] + rng.normal(0, 1, (case.rows, case.inputs))
    y = cloud % case.classes
    wrong = rng.random(case.rows) < case.wrong
    y[wrong] = rng.integers(0, case.classes, wrong.sum())
    return quantised(x, y)


def number_table(case, rng):
    """A smooth function of all features, and noise of half its size."""
    x = rng.normal(0, 1, (case.rows, case.inputs))
    a, b = rng.normal(0, 1 / np.sqrt(case.inputs), (2, case.inputs))
    y = np.sin(2 * (x @ a)) + (x @ b) + rng.normal(0, 0.6, case.rows)
    return quantised(x, y.astype(np.float32))


def idx(path):
    data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(data[3])]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def image_table(folder, part):
    """part: "train" or "t10k". Pixels from 0 to 1."""
    files = [list(Path(folder).glob(f"{part}-{kind}-idx*")) for kind in ("images", "labels")]
    if not all(files):
        raise SystemExit(f"bench: {folder} lacks {part}-images-idx3-ubyte or its labels")
    pixels, labels = (idx(found[0]) for found in files)
    return Table(np.rint(pixels.reshape(len(pixels), -1) / 255.0 * 1000).astype(np.int16), 1000,
                 labels.astype(np.int64))


def make(name, case, images=None):
    """The case, with the rows it really has, and its table."""
    if case.images and images:
        table = image_table(images, "train")
        return replace(case, rows=table.x_steps.shape[0], inputs=table.x_steps.shape[1]), table
    rng = np.random.default_rng(sum(name.encode()))
    return case, (class_table if case.classes else number_table)(case, rng)
