"""The tables of `scripts/bench accuracy`: where each comes from, what is learnt of it, how it is split.

A set with a goal belongs to the table of docs/PERFORMANCE.md. The others have none: there the recipe is
held against another preset, over all shapes of tables that there are.
"""
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Set:
    files: tuple                # the table, and perhaps another that tests
    target: str
    metric: str                 # of the test part
    split: dict = field(default_factory=dict)   # of data.split
    exclude: tuple = ()
    header: str = ""            # a file without names gets these
    goals: tuple = ()           # without options, with them
    options: dict = field(default_factory=dict)

    @property
    def published(self):
        return bool(self.goals)

    @property
    def higher(self):
        return self.metric not in ("rmse", "error")


def columns(n, *last):
    return ",".join([*(f"x{i}" for i in range(n - len(last))), *last])


BOUNDARY = "mlpd-bench-of-accuracy"
EXAMPLES = Path(__file__).parents[2] / "examples/data"
IMAGES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
          "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


def pictures(units, dropout, augment, epochs, **training):
    """Options for rows that change from epoch to epoch: wide, slow to stop, then all rows."""
    layer = {"units": units, "dropout": dropout}
    return {"architecture": {"hidden": [layer, layer]},
            "training": {"augment": augment, "epochs": epochs, "refit": True,
                         "early_stopping": {"patience": 40}, **training}}


SETS = {
    "california": Set(("california-housing/california.csv",), "MedHouseVal", "rmse",
                      {"column": "split"}, goals=(0.48, 0.465),
                      options={"training": {"refit": True, "batch_size": 128, "epochs": 40,
                                            "early_stopping": {"patience": 40}}}),
    "adult": Set(("adult/adult.csv",), "income", "accuracy", {"column": "split"},
                 goals=(0.857, 0.859),
                 options={"training": {"refit": True}, "optimizer": {"weight_decay": 0.2}}),
    "mnist": Set(tuple(f"mnist/{f}" for f in IMAGES), "label", "error", goals=(1.8, 0.90),
                 options=pictures(1024, 0.4, {"shift": 2, "rotate": 12, "zoom": 0.12}, 50,
                                  precision="bfloat16")),
    "fashion-mnist": Set(tuple(f"fashion-mnist/{f}" for f in IMAGES), "label", "accuracy",
                         goals=(0.893, 0.905),
                         options=pictures(1024, 0.4, {"mirror": True}, 60, precision="bfloat16")),
    "optdigits": Set(("optdigits/train.csv", "optdigits/test.csv"), "digit", "accuracy",
                     header=columns(65, "digit"), goals=(0.975, 0.982),
                     options={**pictures(512, 0.4, {"shift": 1}, 200),
                              "preprocess": {"numeric": "standardize_together"}}),
    # ---- no goals: is a recipe better than another? ----
    "wine-red": Set(("wine-quality/winequality-red.csv",), "y", "accuracy",
                    header=columns(12, "y")),
    "wine-white": Set(("wine-quality/winequality-white.csv",), "y", "accuracy",
                      header=columns(12, "y")),
    "bike": Set(("bike-sharing/hour.csv",), "cnt", "rmse",
                exclude=("casual", "registered", "instant", "dteday")),
    "geron": Set(("housing-geron/housing.csv",), "median_house_value", "rmse"),
    "abalone": Set(("small-tabular/abalone.csv",), "y", "rmse", header=columns(9, "y")),
    "banknote": Set(("small-tabular/banknote_authentication.csv",), "y", "accuracy",
                    header=columns(5, "y")),
    "german": Set(("small-tabular/german.csv",), "y", "accuracy", header=columns(21, "y")),
    "ionosphere": Set(("small-tabular/ionosphere.csv",), "y", "accuracy", header=columns(35, "y")),
    "mammography": Set(("small-tabular/mammography.csv",), "y", "roc_auc", header=columns(7, "y")),
    "mpg": Set(("small-tabular/mpg.csv",), "mpg", "rmse", exclude=("name",)),
    "penguins": Set(("small-tabular/penguins.csv",), "species", "accuracy"),
    "phoneme": Set(("small-tabular/phoneme.csv",), "y", "accuracy", header=columns(6, "y")),
    "pima": Set(("small-tabular/pima-indians-diabetes.csv",), "y", "accuracy",
                header=columns(9, "y")),
    "sonar": Set(("small-tabular/sonar.csv",), "y", "accuracy", header=columns(61, "y")),
    "tips": Set(("small-tabular/tips.csv",), "tip", "rmse"),
    "titanic": Set(("small-tabular/titanic.csv",), "survived", "accuracy",
                   exclude=("alive",)),
    "iris": Set((EXAMPLES / "iris.csv",), "species", "accuracy"),
    "digits": Set((EXAMPLES / "digits.csv",), "digit", "accuracy"),
    "diabetes": Set((EXAMPLES / "diabetes.csv",), "progression", "rmse"),
    "cancer": Set((EXAMPLES / "breast_cancer.csv",), "diagnosis", "accuracy"),
}


def form(**files):
    """Several files as one upload."""
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; '
             f'filename="{path.name}"\r\n\r\n'.encode() + path.read_bytes() + b"\r\n"
             for name, path in files.items()]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def uploads(folder, which):
    """One table, or two: their bytes as they are published, and the media type."""
    paths = [Path(folder) / f for f in which.files]
    if "idx" in paths[0].name:
        media = f"multipart/form-data; boundary={BOUNDARY}"
        return [(form(images=images, labels=labels), media)
                for images, labels in (paths[:2], paths[2:])]
    head = which.header.encode() + b"\n" if which.header else b""
    return [(head + p.read_bytes(), "text/csv") for p in paths]
