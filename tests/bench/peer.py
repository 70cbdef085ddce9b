"""One peer in a process of its own: python peer.py sklearn|torch THREADS

Reads a task in JSON per line (x, y: .npy files; classes, hidden, batch, epochs, learning_rate,
seed), trains, and answers with a line {"seconds": [...], "losses": [...]}, an item per epoch.
The first line says who answers. The caller sets OMP_NUM_THREADS and its kin.
"""
import json
import re
import sys
import warnings
from time import perf_counter

import numpy as np


class Scikit:
    def __init__(self, threads):
        import sklearn
        import sklearn.neural_network as nn
        import threadpoolctl

        def clocked(base):
            class Clocked(base):
                """Asked once an epoch whether it still improves, it notes the time instead."""
                def _update_no_improvement_count(self, *_args, **_kwargs):
                    self.marks.append(perf_counter())
            return Clocked

        warnings.filterwarnings("ignore")
        self.classifier, self.regressor = clocked(nn.MLPClassifier), clocked(nn.MLPRegressor)
        pools = threadpoolctl.threadpool_info()
        blas = next((p for p in pools if p["user_api"] == "blas" and "numpy" in p["filepath"]), {})
        self.info = {"name": "scikit-learn", "version": sklearn.__version__,
                     "blas": " ".join(str(blas.get(k)) for k in
                                      ("internal_api", "version", "architecture"))}

    def train(self, task, x, y):
        make = self.classifier if task["classes"] else self.regressor
        net = make(hidden_layer_sizes=task["hidden"], activation="relu", solver="adam", alpha=0,
                   batch_size=task["batch"], learning_rate_init=task["learning_rate"],
                   max_iter=task["epochs"], tol=0, random_state=task["seed"])
        net.marks = [perf_counter()]
        net.fit(x, y)
        halves = 1 if task["classes"] else 2  # its squared loss has a factor of one half
        return {"seconds": np.diff(net.marks).tolist(),
                "losses": [halves * float(loss) for loss in net.loss_curve_]}


class Torch:
    # All the same update; the fastest of them on a case is the one that is compared.
    ADAMS = {"Adam": {}, "Adam(foreach)": {"foreach": True}, "Adam(fused)": {"fused": True}}

    def __init__(self, threads):
        import torch

        self.torch = torch
        torch.set_num_threads(threads)
        config = torch.__config__.show()
        parts = {"MKL": r"Math Kernel Library Version (\S+?)-", "oneDNN": r"MKL-DNN v(\S+)",
                 "OpenBLAS": r"BLAS_INFO=open()", "": r"CPU capability usage: (\S+)"}
        found = [(name, re.search(pattern, config)) for name, pattern in parts.items()]
        self.info = {"name": "PyTorch", "version": torch.__version__,
                     "blas": ", ".join(f"{name} {m[1]}".strip() for name, m in found if m)}
        self.fastest = {}

    def train(self, task, x, y):
        case = task["x"]
        if case not in self.fastest:
            tries = {name: min(self.run(task, x, y, name, min(task["epochs"], 3))["seconds"])
                     for name in self.ADAMS}
            self.fastest[case] = min(tries, key=tries.get)
        return self.run(task, x, y, self.fastest[case], task["epochs"])

    def run(self, task, x, y, adam, epochs):
        torch, nn = self.torch, self.torch.nn
        torch.manual_seed(task["seed"])
        x, y, classes = torch.from_numpy(x), torch.from_numpy(y), task["classes"]
        if classes <= 2:
            y = y.float().unsqueeze(1)
        widths = [x.shape[1], *task["hidden"], classes if classes > 2 else 1]
        layers = []
        for n_in, n_out in zip(widths, widths[1:]):
            linear = nn.Linear(n_in, n_out)
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.ReLU()]
        net = nn.Sequential(*layers[:-1])
        loss_of = {0: nn.MSELoss, 2: nn.BCEWithLogitsLoss}.get(classes, nn.CrossEntropyLoss)()
        optimizer = torch.optim.Adam(net.parameters(), lr=task["learning_rate"], **self.ADAMS[adam])
        seconds, losses, rows, batch = [], [], len(x), task["batch"]
        for _ in range(epochs):
            start, total = perf_counter(), 0.0
            order = torch.randperm(rows)
            for i in range(0, rows, batch):
                at = order[i:i + batch]
                optimizer.zero_grad()
                loss = loss_of(net(x[at]), y[at])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(at)
            seconds.append(perf_counter() - start)
            losses.append(total / rows)
        return {"seconds": seconds, "losses": losses, "variant": adam}


def main():
    peer = {"sklearn": Scikit, "torch": Torch}[sys.argv[1]](int(sys.argv[2]))
    print(json.dumps(peer.info), flush=True)
    files, x, y = None, None, None
    for line in sys.stdin:
        task = json.loads(line)
        if files != (task["x"], task["y"]):
            files = task["x"], task["y"]
            x, y = np.load(files[0]), np.load(files[1])
        print(json.dumps(peer.train(task, x, y)), flush=True)


main()
