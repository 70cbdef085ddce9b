"""Arrays as NumPy writes them, for check_reader: python3 tests/golden/make_npy.py

Writes npy_golden.h beside itself. Each file holds the same small table where its type can hold
it: x is 3 rows of 2 columns, row i and column j being 2 i + j (times a half in floats), y is
0, 1, 0. The times that a zip keeps are NumPy's own constant, so the bytes never change.
"""
import io
import os
import numpy as np

x = np.arange(6).reshape(3, 2)
y = np.array([0, 1, 0])


def npy(a, **how):
    out = io.BytesIO()
    if how:
        np.lib.format.write_array(out, a, **how)
    else:
        np.save(out, a)
    return out.getvalue()


def npz(save, **arrays):
    out = io.BytesIO()
    save(out, **arrays)
    return out.getvalue()


files = {}
for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
    for order in "<>":
        files[f"{'le' if order == '<' else 'be'}_{kind}"] = npy(x.astype(order + kind))
for kind in ["f2", "f4", "f8"]:
    for order in "<>":
        files[f"{'le' if order == '<' else 'be'}_{kind}"] = npy((x / 2).astype(order + kind))
files["fortran"] = npy(np.asfortranarray(x / 2))
files["fortran_cube"] = npy(np.asfortranarray(np.arange(12.0).reshape(2, 2, 3)))
files["cube"] = npy(np.arange(12.0).reshape(2, 2, 3))
files["version_2"] = npy(x / 2, version=(2, 0))
files["version_3"] = npy(x / 2, version=(3, 0))
files["flat"] = npy(y)
files["bools"] = npy(x % 2 == 0)
files["texts_s"] = npy(np.array([["a", "bc"], ["", "0"], ["a", "\u00e9"]]).astype("U")
                       .view(np.ndarray).astype("U2"))
files["texts_be"] = npy(np.array([["a", "bc"], ["", "0"], ["a", "\u00e9"]]).astype(">U2"))
files["bytes_s"] = npy(np.array([[b"a", b"bc"], [b"", b"0"], [b"a", b"d"]]))
files["nan"] = npy(np.array([[0.0, np.nan], [1.0, 3.0]]))
files["inf"] = npy(np.array([[0.0, 1.0], [1.0, -np.inf]]))
files["objects"] = npy(np.array([{"a": 1}, None], dtype=object))
files["records"] = npy(np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
files["complex"] = npy(np.array([[1j]]))
files["dates"] = npy(np.array(["2020-01-01"], dtype="M8[D]"))
files["scalar"] = npy(np.array(3.0))
files["empty"] = npy(np.zeros((0, 2)))
files["no_columns"] = npy(np.zeros((2, 0)))
files["npz"] = npz(np.savez, x=x / 2, y=y)
files["npz_deflated"] = npz(np.savez_compressed, x=np.asfortranarray(x / 2), y=y)
files["npz_y_first"] = npz(np.savez, y=y, x=x / 2)
out = io.BytesIO()
np.savez(out, x / 2, y)
files["npz_unnamed"] = out.getvalue()

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "npy_golden.h"), "w") as f:
    f.write("/* Made by make_npy.py with NumPy %s; see there. */\n" % np.__version__)
    f.write("#ifndef MLPD_TESTS_NPY_GOLDEN_H\n#define MLPD_TESTS_NPY_GOLDEN_H\n\n")
    for name, content in files.items():
        f.write("static const unsigned char npy_%s[] = {" % name)
        for i, b in enumerate(content):
            f.write(("\n    " if i % 18 == 0 else " ") + "%d," % b)
        f.write("\n};\n")
    f.write("\nstatic const struct {\n    const char *name;\n    const unsigned char *bytes;\n"
            "    unsigned long len;\n} npy_golden[] = {\n")
    for name in files:
        f.write("    {\"%s\", npy_%s, sizeof npy_%s},\n" % (name, name, name))
    f.write("};\n\n#endif\n")
