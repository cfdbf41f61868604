"""The same work on threads and on processes. Threads share everything; processes only what lies in
shared memory. In C both use all processors; in Python threads take turns."""
import multiprocessing
import os
import threading
import time

own_counter = 0


def count_primes(limit):
    """Something to do: count the primes below a limit the slow way."""
    count = 0
    for number in range(2, limit):
        divisor = 2
        while divisor * divisor <= number and number % divisor != 0:
            divisor += 1
        count += divisor * divisor > number
    return count


def work(number, main_process, shared_counter, lock):
    global own_counter
    primes = count_primes(100000)
    in_main = os.getpid() == main_process
    print(f"Worker {number}, in the main process: {in_main}, found {primes} primes")
    with lock:  # it works between threads and between processes
        own_counter += 1
        shared_counter.value += 1


def report(title, shared_counter, start):
    seconds = time.monotonic() - start
    print(f"{title}: own counter {own_counter}, shared counter {shared_counter.value}, "
          f"took {seconds:.3f} s")


if __name__ == "__main__":
    shared_counter = multiprocessing.Value("i")
    lock = multiprocessing.Lock()
    args = (os.getpid(), shared_counter, lock)

    start = time.monotonic()
    threads = [threading.Thread(target=work, args=(number, *args)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report("Threads", shared_counter, start)

    start = time.monotonic()
    processes = [multiprocessing.Process(target=work, args=(number, *args)) for number in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    report("Processes", shared_counter, start)
