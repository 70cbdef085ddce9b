"""The tables of `scripts/bench ingest`: each a file, and how it is uploaded and read by pandas.

All are made from a seed with nothing but Python. A block of different rows is made once and
written until the file has its size: what a reader does with a row does not depend on whether a
row like it came some 20 MB ago.
"""
import array
import gzip
import json
import random
import struct
from dataclasses import dataclass
from pathlib import Path

BLOCK_CELLS = 1_000_000
WORDS = ("north", "south", "east", "west", "upper", "lower", "old", "new")


@dataclass(frozen=True)
class Table:
    path: Path
    media: str
    rows: int
    columns: int
    plain_bytes: int        # uncompressed
    pandas: bool            # pandas.read_csv can read it
    what: str


def numbers_row(r):
    """What measurements look like: a few whole numbers, most of 4 to 7 digits."""
    return ([f"{r.gauss(0, 1):.6f}" for _ in range(10)]
            + [f"{r.gauss(500, 120):.2f}" for _ in range(5)]
            + [str(r.randrange(10000)) for _ in range(5)])


def digits_row(r):
    """As programs print doubles: every digit there is."""
    return [repr(r.gauss(0, 1)) for _ in range(10)]


def mixed_row(r):
    year, month, day = r.randrange(1990, 2026), r.randrange(1, 13), r.randrange(1, 29)
    gone = "" if r.random() < 0.02 else str(r.randrange(1000))
    return ([f"{r.gauss(0, 1):.4f}" for _ in range(4)] + [gone] + [str(r.randrange(100)) for _ in range(2)]
            + [r.choice(WORDS), r.choice(WORDS), f"city {r.randrange(500)}",
               "yes" if r.random() < 0.3 else "no", f"{year}-{month:02}-{day:02}"])


def wide_row(r):
    return [f"{r.gauss(0, 1):.4f}" for _ in range(1000)]


def csv_block(make, columns, seed=1):
    r = random.Random(seed)
    rows = max(1, BLOCK_CELLS // columns)
    text = "".join(",".join(make(r)) + "\n" for _ in range(rows))
    return text.encode(), rows


def csv_head(columns):
    return (",".join(f"c{i}" for i in range(columns)) + "\n").encode()


def repeat(path, head, block, rows, most_bytes, opener=open):
    """The file; its rows, and its bytes before they were compressed."""
    times = max(1, most_bytes // len(block))
    with opener(path, "wb") as out:
        out.write(head)
        for _ in range(times):
            out.write(block)
    return times * rows, len(head) + times * len(block)


def csv_table(make, columns, what, compressed=False):
    def write(folder, name, most_bytes):
        path = folder / (name + (".csv.gz" if compressed else ".csv"))
        block, rows = csv_block(make, columns)
        opener = (lambda p, mode: gzip.open(p, mode, 6)) if compressed else open
        n, size = repeat(path, csv_head(columns), block, rows, most_bytes, opener)
        return Table(path, "text/csv", n, columns, size, True, what)
    return write


def ndjson(folder, name, most_bytes):
    block, rows = csv_block(mixed_row, 12)
    keys = [f"c{i}" for i in range(12)]
    lines = []
    for line in block.decode().splitlines():
        cells = [c if i > 6 else float(c) if c else None
                 for i, c in enumerate(line.split(","))]
        lines.append(json.dumps(dict(zip(keys, cells))) + "\n")
    path = folder / f"{name}.ndjson"
    n, size = repeat(path, b"", "".join(lines).encode(), rows, most_bytes)
    return Table(path, "application/x-ndjson", n, 12, size, False, "the mixed table as objects")


def npy_head(rows, columns, fortran):
    head = str({"descr": "<f4", "fortran_order": fortran, "shape": (rows, columns)}).encode()
    head += b" " * (117 - len(head)) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def npy_array(fortran):
    def write(folder, name, most_bytes):
        r, columns = random.Random(1), 20
        n = max(1000, most_bytes // (4 * columns))
        block = array.array("f", (r.gauss(0, 1) for _ in range(BLOCK_CELLS))).tobytes()
        path = folder / f"{name}.npy"
        left = 4 * n * columns
        with open(path, "wb") as out:
            out.write(npy_head(n, columns, fortran))
            while left > 0:
                left -= out.write(block[:left])
        order = "in Fortran's order" if fortran else "row by row"
        return Table(path, "application/x-npy", n, columns, path.stat().st_size, False,
                     f"float32, {order}")
    return write


def libsvm(folder, name, most_bytes):
    r, rows = random.Random(1), 20000
    lines = []
    for _ in range(rows):
        places = sorted(r.sample(range(1, 1001), 20))
        cells = " ".join(f"{p}:{r.gauss(0, 1):.4f}" for p in places)
        lines.append(f"{r.randrange(2)} {cells}\n")
    path = folder / f"{name}.svm"
    # 1,001 columns a row: a tenth of the text is as many cells as a table of numbers has
    n, size = repeat(path, b"", "".join(lines).encode(), rows, most_bytes // 10)
    return Table(path, "text/x-libsvm", n, 1001, size, False, "20 of 1,000 features a row")


TABLES = {
    "numbers": csv_table(numbers_row, 20, "20 columns of 4 to 7 digits"),
    "digits": csv_table(digits_row, 10, "10 columns of 16 to 18 digits"),
    "mixed": csv_table(mixed_row, 12, "7 numbers (one with gaps), 3 categories, a boolean, a date"),
    "wide": csv_table(wide_row, 1000, "1,000 columns of 5 digits"),
    "gzip": csv_table(numbers_row, 20, "the first table, gzip -6", compressed=True),
    "ndjson": ndjson,
    "npy": npy_array(False),
    "npy-fortran": npy_array(True),
    "libsvm": libsvm,
}


def wide_array(total, columns):
    """The pieces of a .npy of float32, about `total` bytes, with `columns` columns; their length,
    the rows."""
    r = random.Random(1)
    block = array.array("f", (r.gauss(0, 1) for _ in range(BLOCK_CELLS // columns * columns)))
    times = max(1, total // len(block.tobytes()))
    n = times * len(block) // columns
    head = npy_head(n, columns, False)
    pieces = (piece for piece in [head] + [block.tobytes()] * times)
    return pieces, len(head) + times * len(block.tobytes()), n


def endless(total):
    """A CSV text of about `total` bytes, piece by piece; no file holds it."""
    block, _ = csv_block(numbers_row, 20)
    yield csv_head(20)
    for _ in range(max(1, total // len(block))):
        yield block
