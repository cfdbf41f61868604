"""Processes do not share memory: the child fills its own copy of the list."""
import multiprocessing

result = []


def square_list(numbers):
    for number in numbers:
        result.append(number * number)
    print(f"Result (in process p1): {result}")


if __name__ == "__main__":
    p1 = multiprocessing.Process(target=square_list, args=([1, 2, 3, 4],))
    p1.start()
    p1.join()
    print(f"Result (in main program): {result}")
