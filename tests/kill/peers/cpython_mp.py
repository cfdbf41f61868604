"""multiprocessing: Queue, Lock, Condition, Barrier, Pool. See trial.py."""

import multiprocessing as mp
import os
import threading
import time

import trial as frame

LAST = None


def stream(trial, queue, message):
    while not trial.words["stop"]:
        queue.put(message)
        trial.words["put"] += 1
    queue.close()
    queue.join_thread()


def last_word(trial, queue):
    trial.words.wait("dead")
    queue.put(LAST)
    queue.close()
    queue.join_thread()


def producer(size):
    """A bounded queue, as those have who stream; another producer, and a consumer."""

    def scene(trial):
        queue = mp.Queue(8)
        message = bytes([7]) * size
        got = 0
        victim = trial.start(stream, trial, queue, message)
        other = trial.start(last_word, trial, queue)
        trial.kill_meanwhile(victim)
        while (found := queue.get()) is not LAST:
            if found != message:
                return {"torn": "a message is not as it was put"}
            got += 1
        frame.join(other)
        return {"lost": max(0, trial.words["put"] - got)}

    return scene


def take(trial, queue, who):
    while queue.get() is not LAST:
        trial.words[f"got_{who}"] += 1


def consumer(trial):
    """Two take, the first dies."""
    queue = mp.Queue()
    put = 0
    victim = trial.start(take, trial, queue, "victim")
    survivor = trial.start(take, trial, queue, "survivor")
    trial.kill_meanwhile(victim)
    while not (trial.words["dead"] or trial.words["stop"]) or put < 200:
        queue.put(bytes(100))
        put += 1
        time.sleep(0.0002)
    queue.put(LAST)
    queue.put(LAST)
    frame.join(survivor)
    return {"lost": put - trial.words["got_victim"] - trial.words["got_survivor"]}


def take_one(trial, queue):
    queue.get()
    trial.words["ready_victim"] = 1
    trial.words.wait("stop")
    queue.task_done()


def taker(trial):
    """It has one of three messages, and is not done with it."""
    queue = mp.JoinableQueue()
    for _ in range(3):
        queue.put(bytes(100))
    victim = trial.start(take_one, trial, queue)
    trial.words.wait("ready_victim")
    trial.kill(victim)
    for _ in range(2):
        queue.get()
        queue.task_done()
    queue.join()


def hold(trial, lock):
    with lock:
        trial.words["ready_victim"] = 1
        trial.words.wait("stop")


def lock_holder(trial):
    lock = mp.Lock()
    victim = trial.start(hold, trial, lock)
    trial.words.wait("ready_victim")
    trial.kill(victim)
    with lock:
        pass


def use(trial, lock):
    while not trial.words["stop"]:
        with lock:
            pass


def lock_user(trial):
    """It takes it and gives it back, again and again, without any work in between."""
    lock = mp.Lock()
    victim = trial.start(use, trial, lock)
    trial.kill(victim)
    with lock:
        pass


def wait_in(trial, condition, who):
    with condition:
        trial.words[f"ready_{who}"] = 1
        condition.wait()


def condition_waiter(trial):
    condition = mp.Condition()
    victim = trial.start(wait_in, trial, condition, "victim")
    other = trial.start(wait_in, trial, condition, "survivor")
    trial.words.wait("ready_victim")
    trial.words.wait("ready_survivor")
    with condition:
        pass
    trial.kill(victim)
    with condition:
        condition.notify_all()
    frame.join(other)


def come(barrier, seconds):
    """True if it is told to be broken."""
    try:
        barrier.wait(seconds)
    except threading.BrokenBarrierError:
        return True
    return False


def barrier_waiter(trial):
    """One of three waits and dies; the two others come, with a timeout."""
    barrier = mp.Barrier(3)
    victim = trial.start(come, barrier, None)
    while barrier.n_waiting < 1:
        time.sleep(0.0002)
    trial.kill(victim)
    other = trial.start(come, barrier, 1)
    told = come(barrier, 1)
    frame.join(other)
    return {"told": told}


def results(pool, count):
    """How many tasks failed."""
    failed = 0
    for waiting in [pool.apply_async(frame.task, (number,)) for number in range(count)]:
        try:
            waiting.get()
        except Exception:  # whatever the pool says of it
            failed += 1
    return failed


def worker_busy(trial):
    pool = mp.Pool(2)
    killer = threading.Thread(target=kill_worker, args=(trial,))
    killer.start()
    failed = results(pool, frame.TASKS)
    killer.join()
    return {"failed": failed, "tasks": frame.TASKS, "unusable": results(pool, 4) > 0}


def kill_worker(trial):
    trial.words.wait("worker")
    trial.kill(trial.words["worker"])


def worker_idle(trial):
    pool = mp.Pool(2)
    results(pool, 4)
    kill_worker(trial)
    failed = results(pool, frame.TASKS)
    return {"failed": failed, "tasks": frame.TASKS, "unusable": results(pool, 4) > 0}


def own_pool(trial):
    with mp.Pool(2) as pool:
        while not trial.words["stop"]:
            results(pool, frame.TASKS)


def owner(trial):
    """Who made the pool dies; the caller looks for what it leaves."""
    victim = trial.start(own_pool, trial)
    trial.words.wait("worker")
    trial.kill(victim)
    frame.join(victim)


if __name__ == "__main__":
    frame.main({
        "producer 100 B": producer(100),
        "producer 60 kB": producer(60000),
        "producer 1 MB": producer(1000000),
        "consumer": consumer,
        "taker": taker,
        "lock holder": lock_holder,
        "lock user": lock_user,
        "condition waiter": condition_waiter,
        "barrier waiter": barrier_waiter,
        "worker busy": worker_busy,
        "worker idle": worker_idle,
        "owner": owner,
    })
