"""Two processes, side by side: one prints a square, the other a cube."""
import multiprocessing


def print_square(number):
    print(f"Square: {number * number}")


def print_cube(number):
    print(f"Cube: {number * number * number}")


if __name__ == "__main__":
    p1 = multiprocessing.Process(target=print_square, args=(10,))
    p2 = multiprocessing.Process(target=print_cube, args=(10,))
    p1.start()
    p2.start()
    p1.join()
    p2.join()
    print("Done!")
