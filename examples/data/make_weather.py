#!/usr/bin/env python3
"""Write weather.csv: 300 invented days at five stations, with three things that may have happened.

    python3 make_weather.py [FOLDER]

Rain comes with low pressure and damp air, fog with damp air and no wind, frost with the months and
the station's height; several can come on one day. Stations are numbers that are names. Only the
standard library is used, so the file is the same everywhere.
"""
import csv
import math
import os
import random
import sys

random.seed(20261124)
height = {101: 0.0, 205: 1.5, 33: 0.5, 47: 3.0, 1208: -1.0}

with open(os.path.join(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)),
                       "weather.csv"), "w", newline="", encoding="utf-8") as f:
    out = csv.writer(f, lineterminator="\n")
    out.writerow(["station", "month", "pressure", "humidity", "wind", "rain", "fog", "frost"])
    for i in range(300):
        station, month = random.choice(list(height)), random.randint(1, 12)
        pressure, humidity = random.gauss(1013, 8), min(100, max(20, random.gauss(70, 15)))
        wind = math.exp(random.gauss(1.2, 0.6))
        cold = 4 * math.cos((month - 1) / 12 * 2 * math.pi) + height[station]
        happens = (1013 - pressure + (humidity - 70) / 2, humidity - 75 + 8 * (2.5 - wind), cold - 2.5)
        out.writerow([station, month, f"{pressure:.1f}", f"{humidity:.0f}", f"{wind:.1f}"] +
                     ["yes" if h + random.gauss(0, 1) > 0 else "no" for h in happens])
