"""A real mlpd, started on a free port with a state folder of its own, and asked over HTTP."""
import json
import subprocess
import time
import urllib.error
import urllib.request


class Refused(Exception):
    """What the daemon said no to, in its own words."""


class Daemon:
    def __init__(self, binary, state, workers, *options):
        self.log = open(f"{state}.log", "a")
        self.process = subprocess.Popen(
            [binary, "--listen", "127.0.0.1:0", "--state", state, "--workers", str(workers),
             *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if " listening on " not in line:
            raise SystemExit(f"bench: {binary} did not start; its log is {self.log.name}")
        self.version, self.url = line.split()[1], line.split()[-1]
        self.http = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def api(self, method, path, body=None, media="application/json"):
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {"Content-Type": media} if data is not None else {}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with self.http.open(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            details = [f"{e.get('pointer', '')} {e['detail']}" for e in problem.get("errors", [])]
            raise Refused("; ".join(details) or problem.get("detail", problem["title"])) from None

    def upload(self, name, csv):
        self.api("POST", f"/datasets?name={name}", csv, "text/csv")

    def wait(self, job):
        pause = 0.01
        while True:
            now = self.api("GET", f"/jobs/{job}")
            if now["state"] == "succeeded":
                return now
            if now["state"] not in ("queued", "running"):
                raise SystemExit(f"bench: job {job} {now['state']}: {now['error']}")
            time.sleep(pause)
            pause = min(2 * pause, 0.3)  # asking takes a moment of a core that may be training

    def train(self, configs):
        """Jobs side by side; of each its epochs, as a peer tells them."""
        jobs = [self.api("POST", "/train", config) for config in configs]
        return [self.result(job) for job in jobs]

    def result(self, job):
        done = self.wait(job["id"])
        points = self.api("GET", f"/jobs/{job['id']}/curve")["points"]
        return {"seconds": [p["seconds"] for p in points],
                "losses": [p["training_loss"] for p in points],
                "model_id": job["model_id"], "job": done}

    def memory(self, key):
        """VmRSS, VmHWM or RssAnon in bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            line = next(line for line in status if line.startswith(key + ":"))
        return 1024 * int(line.split()[1])


def config(name, case, seed, threads=1, precision="float32", test=None):
    """The job: plain, every row trains, nothing stops it early."""
    split = {"validation": 0, "test": 0, "test_dataset": test} if test else None
    training = {"epochs": case.epochs, "batch_size": case.batch, "seed": seed,
                "early_stopping": None}
    if threads != 1:
        training["threads"] = threads
    if precision != "float32":
        training["precision"] = precision
    return {"preset": "simple",
            "data": {"dataset": name, "target": "y", "split": split,
                     "target_type": "classes" if case.classes else "numeric"},
            "preprocess": {"numeric": "none", **({} if case.classes else {"target": "none"})},
            "architecture": {"hidden": list(case.hidden), "activation": "relu",
                             "init": "glorot_uniform"},
            "optimizer": {"type": "adam", "learning_rate": case.learning_rate},
            "training": training}
