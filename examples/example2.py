"""Who is who: the ids of the main process and of two workers, and whether they are alive."""
import multiprocessing
import os
import time


def worker1():
    print(f"ID of process running worker1: {os.getpid()}")
    time.sleep(1)


def worker2():
    print(f"ID of process running worker2: {os.getpid()}")
    time.sleep(1)


if __name__ == "__main__":
    print(f"ID of main process: {os.getpid()}")
    p1 = multiprocessing.Process(target=worker1)
    p2 = multiprocessing.Process(target=worker2)
    p1.start()
    p2.start()
    print(f"ID of process p1: {p1.pid}")
    print(f"ID of process p2: {p2.pid}")
    print(f"Process p1 is alive: {p1.is_alive()}")
    print(f"Process p2 is alive: {p2.is_alive()}")

    p1.join()
    p2.join()
    print("Both processes finished execution!")
    print(f"Process p1 is alive: {p1.is_alive()}")
    print(f"Process p2 is alive: {p2.is_alive()}")
