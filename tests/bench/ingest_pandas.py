"""pandas' C reader on one file, in a process of its own: seconds of read_csv, and memory."""
import json
import resource
import sys
import time

import pandas

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
times = []
for _ in range(int(sys.argv[2])):
    begin = time.perf_counter()
    frame = pandas.read_csv(sys.argv[1], engine="c")
    times.append(time.perf_counter() - begin)
    rows = len(frame)
    del frame
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
json.dump({"version": pandas.__version__, "rows": rows, "seconds": times,
           "memory": 1024 * (peak - before)}, sys.stdout)
