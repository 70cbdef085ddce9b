#!/usr/bin/env python3
"""Write rides.csv: 400 invented taxi rides with a column of every sort and gaps in some.

    python3 make_rides.py [FOLDER]

How long a ride takes depends on its distance, the hour, the weekday and the city; the note and the
ride's number say nothing. Only the standard library is used, so the file is the same everywhere.
"""
import csv
import math
import os
import random
import sys

random.seed(20261123)
cities = ["Oslo"] * 9 + ["Rome"] * 7 + ["Lyon"] * 5 + ["Graz"] * 3 + ["Bath", "Pisa", "Turku"]
slow = {"Oslo": 0.0, "Rome": 0.5, "Lyon": 0.2, "Graz": -0.1}
notes = ["wants a window seat, please", "two bags and a child", "comes from the late train",
         "no music during the ride", "pays with a voucher of the hotel"]

with open(os.path.join(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)),
                       "rides.csv"), "w", newline="", encoding="utf-8") as f:
    out = csv.writer(f, lineterminator="\n")
    out.writerow(["ride", "started", "city", "member", "distance_km", "passengers", "note", "minutes"])
    for i in range(400):
        month, day, hour = random.randint(1, 12), random.randint(1, 28), random.randint(0, 23)
        city, distance = random.choice(cities), math.exp(random.gauss(1.3, 0.8))
        rush = 0.4 * math.cos((hour - 17) / 24 * 2 * math.pi)
        minutes = distance * 2.5 * math.exp(rush + slow.get(city, 0.0) + random.gauss(0, 0.1)) + 2
        out.writerow([
            f"R{i + 1000}", f"2025-{month:02}-{day:02}T{hour:02}:{random.randint(0, 59):02}:00Z",
            "" if random.random() < 0.05 else city, random.choice(["yes", "no", "no"]),
            "" if random.random() < 0.08 else f"{distance:.2f}",
            "" if random.random() < 0.1 else random.choice([1, 1, 1, 2, 2, 3, 4]),
            f"{random.choice(notes)}, number {random.randint(1, 400)}", f"{minutes:.1f}"])
