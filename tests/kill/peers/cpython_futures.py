"""concurrent.futures.ProcessPoolExecutor. See executor.py."""

from concurrent.futures import ProcessPoolExecutor

import executor
import trial as frame

if __name__ == "__main__":
    frame.main(executor.scenes(lambda trial: ProcessPoolExecutor(2)))
