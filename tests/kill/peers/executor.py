"""What the two executors have in common: scenes for a class of that interface."""

import threading

import trial as frame


def results(executor, count):
    """How many tasks failed."""
    failed = 0
    waiting = []
    for number in range(count):
        try:
            waiting.append(executor.submit(frame.task, number))
        except Exception:  # it takes no more tasks
            failed += 1
    for future in waiting:
        try:
            future.result()
        except Exception:  # whatever it says of it
            failed += 1
    return failed


def kill_worker(trial):
    trial.words.wait("worker")
    trial.kill(trial.words["worker"])


def scenes(new):
    """`new(trial)` makes an executor with two workers whose tasks see the trial's words."""

    def worker_busy(trial):
        executor = new(trial)
        killer = threading.Thread(target=kill_worker, args=(trial,))
        killer.start()
        failed = results(executor, frame.TASKS)
        killer.join()
        return {"failed": failed, "tasks": frame.TASKS, "unusable": results(executor, 4) > 0}

    def worker_idle(trial):
        executor = new(trial)
        results(executor, 4)
        kill_worker(trial)
        failed = results(executor, frame.TASKS)
        return {"failed": failed, "tasks": frame.TASKS, "unusable": results(executor, 4) > 0}

    def own(trial):
        executor = new(trial)
        while not trial.words["stop"]:
            results(executor, frame.TASKS)
        executor.shutdown()

    def owner(trial):
        victim = trial.start(own, trial)
        trial.words.wait("worker")
        trial.kill(victim)
        frame.join(victim)

    return {"worker busy": worker_busy, "worker idle": worker_idle, "owner": owner}
