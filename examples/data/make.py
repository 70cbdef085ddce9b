#!/usr/bin/env python3
"""Write the example tables from the copies that the scikit-learn package carries.

    pip install scikit-learn && python3 make.py [FOLDER]

The files are in the repository already; this is how they came about. Nothing is scaled,
dropped or shuffled: the rows are in scikit-learn's order, the numbers are its numbers in
their shortest exact form, and classes go by their names.
"""
import csv
import os
import sys

from sklearn import datasets


def number(value):
    """The shortest text that reads back as the same double, integers without a point."""
    value = float(value)
    return str(int(value)) if value.is_integer() else repr(value)


def snake(name):
    return name.replace(" (cm)", "_cm").replace(" ", "_")


def write(folder, name, features, rows, target, labels):
    with open(os.path.join(folder, name), "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow([*features, target])
        for row, label in zip(rows, labels):
            out.writerow([*map(number, row), label])


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))

    d = datasets.load_iris()
    write(folder, "iris.csv", [n.replace(" (cm)", "").replace(" ", "_") for n in d.feature_names],
          d.data, "species", [d.target_names[t] for t in d.target])

    d = datasets.load_digits()
    write(folder, "digits.csv", d.feature_names, d.data, "digit", list(d.target))

    d = datasets.load_breast_cancer()
    write(folder, "breast_cancer.csv", [snake(n) for n in d.feature_names], d.data, "diagnosis",
          [d.target_names[t] for t in d.target])

    # The columns s1..s6 are blood measurements; the names are those of scikit-learn's description.
    d = datasets.load_diabetes(scaled=False)
    names = dict(s1="total_cholesterol", s2="ldl", s3="hdl", s4="cholesterol_hdl_ratio",
                 s5="log_triglycerides", s6="glucose", bp="blood_pressure")
    write(folder, "diabetes.csv", [names.get(n, n) for n in d.feature_names], d.data,
          "progression", [number(t) for t in d.target])


if __name__ == "__main__":
    main()
