"""Pi by throwing darts: the share of random points in a square that hit the quarter circle."""
import argparse
import math
import multiprocessing
import os
import random
import time

BLOCK = 2**18


def throw_block(seed, block, points):
    rng = random.Random(f"{seed}, {block}")  # each block has its own points, always the same
    inside = 0
    for _ in range(points):
        x, y = rng.random(), rng.random()
        inside += x * x + y * y < 1
    return inside


def whole_number(text):
    value = float(text)
    if value < 1 or value != int(value):
        raise ValueError(text)
    return int(value)


if __name__ == "__main__":
    default_workers = int(os.environ.get("HAYFORK_WORKERS") or len(os.sched_getaffinity(0)))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=whole_number, default=1_000_000)
    parser.add_argument("--workers", type=whole_number, default=default_workers)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    start = time.monotonic()

    blocks = [(options.seed, first // BLOCK, min(BLOCK, options.points - first))
              for first in range(0, options.points, BLOCK)]
    with multiprocessing.Pool(options.workers) as pool:
        inside = pool.starmap(throw_block, blocks, chunksize=1)

    estimate = 4 * sum(inside) / options.points
    seconds = time.monotonic() - start
    if options.json:
        print(f'{{"estimate": {estimate:.17g}, "error": {estimate - math.pi:.17g}, '
              f'"seconds": {seconds:.9f}, "per_second": {options.points / seconds:.9g}, '
              f'"workers": {options.workers}}}')
    else:
        print(f"estimate  {estimate:.17g}")
        print(f"error     {estimate - math.pi:.17g}")
        print(f"seconds   {seconds:.6f}")
        print(f"points    {options.points / seconds:.4g} per second")
        print(f"workers   {options.workers}")
