"""What is shared on purpose: an Array and a Value, filled by the child, read by the parent."""
import multiprocessing

numbers = [1, 2, 3, 4]


def square_list(result, square_sum):
    for i, number in enumerate(numbers):
        result[i] = number * number
        square_sum.value += result[i]
    print(f"Result (in process p1): {result[:]}")
    print(f"Sum of squares (in process p1): {square_sum.value}")


if __name__ == "__main__":
    result = multiprocessing.Array("i", 4)
    square_sum = multiprocessing.Value("i")
    p1 = multiprocessing.Process(target=square_list, args=(result, square_sum))
    p1.start()
    p1.join()
    print(f"Result (in main program): {result[:]}")
    print(f"Sum of squares (in main program): {square_sum.value}")
