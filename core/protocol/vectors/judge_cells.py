"""Judges the cells of paths against h3 and shapely, which know nothing of the code they judge.

    python3 -m pip install h3 shapely
    python3 core/protocol/vectors/judge_cells.py CELLS_OF [DATA]
    python3 core/protocol/vectors/judge_cells.py --vectors > core/protocol/vectors/cells.json

CELLS_OF is the built example `cells_of`; DATA the folder of recordings (drive-sf, drive-101), left out where absent.
Each leg is projected gnomonically at its midpoint, where great circles are straight lines; a cell counts when the leg
meets its open interior. One cell or one quadrant of difference fails.
"""

import csv
import json
import math
import pathlib
import random
import subprocess
import sys

import h3
import shapely

RESOLUTION = 12
METRES_PER_DEGREE = 111_195
EARTH_RADIUS_M = 6_371_008.8
SPAN_MIN_M = 3


def unit(lat, lon):
    lat, lon = math.radians(lat), math.radians(lon)
    return (math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat))


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def cross(a, b):
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def normal(v):
    length = math.sqrt(dot(v, v))
    return tuple(x / length for x in v)


def projection(centre):
    """Gnomonic, in metres, about a unit vector."""
    pole = (0.0, 0.0, 1.0) if abs(centre[2]) < 0.9 else (1.0, 0.0, 0.0)
    east = normal(cross(pole, centre))
    north = cross(centre, east)
    scale = EARTH_RADIUS_M

    def project(lat, lon):
        point = unit(lat, lon)
        depth = dot(point, centre)
        return (scale * dot(point, east) / depth, scale * dot(point, north) / depth)

    return project


def cells_of_leg(a, b):
    middle = normal(tuple(x + y for x, y in zip(unit(*a), unit(*b))))
    project = projection(middle)
    leg = shapely.LineString([project(*a), project(*b)])
    reach = 2 + math.ceil(leg.length / 15)
    middle_deg = (math.degrees(math.asin(middle[2])), math.degrees(math.atan2(middle[1], middle[0])))
    found = set()
    for cell in h3.grid_disk(h3.latlng_to_cell(*middle_deg, RESOLUTION), reach):
        hexagon = shapely.Polygon([project(*corner) for corner in h3.cell_to_boundary(cell)])
        # DE-9IM: the line's interior meets the polygon's interior along a line.
        if shapely.relate_pattern(leg, hexagon, "1********"):
            found.add(cell)
    return found


def judged(path):
    degrees = [(lat / 1e7, lon / 1e7) for lat, lon in path]
    found = set()
    for a, b in zip(degrees, degrees[1:]):
        if a != b:
            found |= cells_of_leg(a, b)
    return sorted(found or {h3.latlng_to_cell(*degrees[0], RESOLUTION)})


def e7(lat, lon):
    lon = (lon + 180) % 360 - 180
    return (round(lat * 1e7), round(lon * 1e7))


def walks(name, lat, lon, count, seed):
    """Random paths of up to 60 m about a place, over the pole and the antimeridian too."""
    rng = random.Random(f"{name}{seed}")
    for _ in range(count):
        north, east = rng.uniform(-200, 200), rng.uniform(-200, 200)
        heading, path = rng.uniform(0, 2 * math.pi), []
        for _ in range(rng.randint(1, 8)):
            path.append(place(lat, lon, north, east))
            step = rng.uniform(0.5, 14)
            heading += rng.uniform(-0.6, 0.6)
            north, east = north + step * math.cos(heading), east + step * math.sin(heading)
        yield name, path


def place(lat, lon, north, east):
    """A point so many metres north and east, by the tangent plane."""
    up = unit(lat, lon)
    to_east = normal(cross((0, 0, 1), up)) if abs(up[2]) < 0.999999999 else (0.0, 1.0, 0.0)
    to_north = cross(up, to_east)
    r = EARTH_RADIUS_M
    x, y, z = normal(tuple(u + to_n * north / r + to_e * east / r for u, to_n, to_e in zip(up, to_north, to_east)))
    return e7(math.degrees(math.asin(z)), math.degrees(math.atan2(y, x)))


def recorded(data):
    frames = sorted((data / "drive-sf").glob("*.json"))
    track = [json.loads(frame.read_text()) for frame in frames]
    yield from segments("drive-sf", [e7(fix["lat"], fix["lon"]) for fix in track], 2)
    with open(data / "drive-101" / "gnss_ublox.csv", newline="") as rows:
        track = [e7(float(row["latitude_deg"]), float(row["longitude_deg"])) for row in csv.DictReader(rows)]
    yield from segments("drive-101", track, 8)


def segments(name, track, vertices):
    for start in range(0, len(track) - 1, vertices - 1):
        yield name, track[start : start + vertices]


PLACES = {"antimeridian": (-17.5, 180.0), "north pole": (90.0, 0.0), "south pole": (-90.0, 0.0), "city": (47.0, 7.4),
          "equator": (0.0, 0.0), "pentagon": h3.cell_to_latlng(h3.get_pentagons(RESOLUTION)[3])}


def quadrant(path):
    """N, E, S, W = 0..3 of the initial bearing from first to last vertex; none where they are less than 3 m apart."""
    (lat_a, lon_a), (lat_b, lon_b) = [tuple(math.radians(x / 1e7) for x in path[i]) for i in (0, -1)]
    chord = math.dist(unit(math.degrees(lat_a), math.degrees(lon_a)), unit(math.degrees(lat_b), math.degrees(lon_b)))
    if 2 * EARTH_RADIUS_M * math.asin(chord / 2) < SPAN_MIN_M:
        return None
    east = math.sin(lon_b - lon_a) * math.cos(lat_b)
    north = math.cos(lat_a) * math.sin(lat_b) - math.sin(lat_a) * math.cos(lat_b) * math.cos(lon_b - lon_a)
    return int((math.degrees(math.atan2(east, north)) % 360 + 45) // 90) % 4


def standing():
    """A phone that turns on the spot, and ways a hand's breadth shorter and longer than the least that has a direction."""
    lat, lon = PLACES["city"]
    for reach in (0.011, 1.5, SPAN_MIN_M - 0.1, SPAN_MIN_M + 0.1):
        for north, east in ((reach, 0), (0, reach), (-reach, 0), (0, -reach)):
            yield "standing", [place(lat, lon, 0, 0), place(lat, lon, north, east)]


def vectors():
    """A few paths of each place, for readers in all languages."""
    paths = [path for name, (lat, lon) in PLACES.items() for path in walks(name, lat, lon, 12, 2)]
    paths += standing()
    rows = [json.dumps({"place": name, "path": path, "cells": judged(path), "quadrant": quadrant(path)}) for name, path in paths]
    print("[\n" + ",\n".join(rows) + "\n]")


def main():
    if sys.argv[1:] == ["--vectors"]:
        return vectors()
    program, data = sys.argv[1], pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    paths = [path for name, (lat, lon) in PLACES.items() for path in walks(name, lat, lon, 150, 1)]
    paths += standing()
    if data and (data / "drive-sf").is_dir():
        paths += recorded(data)
    else:
        print("skipped: the recordings are absent", file=sys.stderr)
    lines = "".join(" ".join(f"{lat},{lon}" for lat, lon in path) + "\n" for _, path in paths)
    answer = subprocess.run([program], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    if len(answer) != len(paths):
        sys.exit(f"{len(paths)} paths, {len(answer)} answers")
    counts, wrong = {}, 0
    for (name, path), line in zip(paths, answer):
        (*found, direction), expected = line.split(), judged(path)
        counts[name] = counts.get(name, 0) + len(expected)
        number = quadrant(path)
        if found != expected or direction != ("-" if number is None else str(number)):
            wrong += 1
            print(f"{name}: {path}: {found} {direction} instead of {expected} {number}", file=sys.stderr)
    print(", ".join(f"{name} {count} cells" for name, count in counts.items()))
    print(f"{len(paths) - wrong} passed, {wrong} failed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
