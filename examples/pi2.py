"""Pi by adding up: the integral of 4 / (1 + x*x) from 0 to 1, by the midpoint rule."""
import argparse
import math
import multiprocessing
import os
import time

BLOCK = 2**18


def add_block(first, steps, width):
    total = 0.0
    for step in range(first, first + steps):
        x = (step + 0.5) * width
        total += 4 / (1 + x * x)
    return total


def whole_number(text):
    value = float(text)
    if value < 1 or value != int(value):
        raise ValueError(text)
    return int(value)


if __name__ == "__main__":
    default_workers = int(os.environ.get("HAYFORK_WORKERS") or len(os.sched_getaffinity(0)))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=whole_number, default=1_000_000)
    parser.add_argument("--workers", type=whole_number, default=default_workers)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    start = time.monotonic()

    blocks = [(first, min(BLOCK, options.steps - first), 1 / options.steps)
              for first in range(0, options.steps, BLOCK)]
    with multiprocessing.Pool(options.workers) as pool:
        sums = pool.starmap(add_block, blocks, chunksize=1)

    estimate = math.fsum(sums) / options.steps
    seconds = time.monotonic() - start
    if options.json:
        print(f'{{"estimate": {estimate:.17g}, "error": {estimate - math.pi:.17g}, '
              f'"seconds": {seconds:.9f}, "per_second": {options.steps / seconds:.9g}, '
              f'"workers": {options.workers}}}')
    else:
        print(f"estimate  {estimate:.17g}")
        print(f"error     {estimate - math.pi:.17g}")
        print(f"seconds   {seconds:.6f}")
        print(f"steps     {options.steps / seconds:.4g} per second")
        print(f"workers   {options.workers}")
