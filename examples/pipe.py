"""A Pipe: two processes talk to each other, each at its end."""
import multiprocessing


def asker(end):
    for message in ["hello", "how are you?", "END"]:
        end.send(message)
        print(f"Sent: {message}. The answer: {end.recv()}")


def answerer(end):
    message = ""
    while message != "END":
        message = end.recv()
        print(f"Received the message: {message}")
        end.send(f"you said {message}")


if __name__ == "__main__":
    end1, end2 = multiprocessing.Pipe()
    p1 = multiprocessing.Process(target=asker, args=(end1,))
    p2 = multiprocessing.Process(target=answerer, args=(end2,))
    p1.start()
    p2.start()
    p1.join()
    p2.join()
    end1.close()
    end2.close()
