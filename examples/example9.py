"""All at once: the squares of a list, by a Pool of workers."""
import multiprocessing
import os


def square(number):
    print(f"Worker process id for {number}: {os.getpid()}")
    return number * number


if __name__ == "__main__":
    numbers = [1, 2, 3, 4, 5]
    pool = multiprocessing.Pool()
    result = pool.map(square, numbers)
    pool.close()
    pool.join()
    print(f"Squares: {result}")
