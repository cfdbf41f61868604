"""A Queue: one process puts squares in, another prints them until it is empty."""
import multiprocessing


def square_list(queue):
    for number in range(1, 5):
        queue.put(number * number)


def print_queue(queue):
    print("Queue elements:")
    while not queue.empty():
        print(queue.get())
    print("Queue is now empty!")


if __name__ == "__main__":
    queue = multiprocessing.Queue()
    p1 = multiprocessing.Process(target=square_list, args=(queue,))
    p1.start()
    p1.join()
    p2 = multiprocessing.Process(target=print_queue, args=(queue,))
    p2.start()
    p2.join()
