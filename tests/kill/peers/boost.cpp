// Boost.Interprocess: the mutex, the condition and the message_queue of Debian's Boost, with the
// compiler's usual settings. Victims as in hayfork.c.
#include "scene.h"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>

#include <atomic>
#include <new>
#include <string>
#include <unistd.h>
#include <vector>

namespace ipc = boost::interprocess;

namespace
{

constexpr std::size_t LAST = 1; // the size of the message after which the survivor asks no more

struct state {
        ipc::interprocess_mutex mutex;
        ipc::interprocess_condition condition;
        std::atomic<int> ready, stop, got;
        int first, second, went;
};
state *shared;
ipc::message_queue *queue;
std::vector<char> message;

void fresh()
{
        shared = new (scene_shared(sizeof(state))) state();
}

void wait_for(const std::atomic<int> &word, int value)
{
        while (word < value)
                usleep(100);
}

// Its name is gone before anybody is forked; the mapping is inherited.
void messages_of(std::size_t bytes)
{
        fresh();
        std::string name = "hayfork-peer-" + std::to_string(getpid());
        queue = new ipc::message_queue(ipc::create_only, name.c_str(), 8, bytes);
        ipc::message_queue::remove(name.c_str());
        message.assign(bytes, 7);
}

template <std::size_t bytes> void of()
{
        messages_of(bytes);
}

void put()
{
        queue->send(message.data(), message.size(), 0);
        shared->went = 1;
}

void get_until_last()
{
        std::vector<char> buffer(message.size());
        ipc::message_queue::size_type bytes = 0;
        unsigned priority;
        while (bytes != LAST) {
                queue->receive(buffer.data(), buffer.size(), bytes, priority);
                shared->got += bytes == buffer.size();
                if (bytes != LAST && (bytes != buffer.size() || buffer != message))
                        scene_torn("a message is not as it was put");
        }
}

void put_last()
{
        queue->send(message.data(), LAST, 0);
}

void survive_producer()
{
        pid_t other = scene_start(put_last);
        get_until_last();
        scene_join(other);
        scene_verdict.lost = shared->went && !shared->got;
}

void three_messages()
{
        messages_of(100);
        for (int i = 0; i < 3; i++)
                put();
}

void get()
{
        static char buffer[100];
        ipc::message_queue::size_type bytes;
        unsigned priority;
        queue->receive(buffer, sizeof(buffer), bytes, priority);
        shared->first = 1;
}

void survive_consumer()
{
        put_last();
        get_until_last();
        scene_verdict.lost = 3 - shared->first - shared->got;
}

void hold()
{
        ipc::scoped_lock<ipc::interprocess_mutex> lock(shared->mutex);
        shared->ready++;
        wait_for(shared->stop, 1);
}

void is_held()
{
        wait_for(shared->ready, 1);
}

void stop()
{
        shared->stop = 1;
}

void take_and_give()
{
        ipc::scoped_lock<ipc::interprocess_mutex> lock(shared->mutex);
        shared->first++;
        shared->second++;
}

void survive_lock()
{
        ipc::scoped_lock<ipc::interprocess_mutex> lock(shared->mutex);
        if (shared->first != shared->second)
                scene_torn("half done, and not told");
}

void wait_in_condition()
{
        ipc::scoped_lock<ipc::interprocess_mutex> lock(shared->mutex);
        shared->ready++;
        shared->condition.wait(lock);
}

pid_t other_waiter;

void two_wait()
{
        other_waiter = scene_start(wait_in_condition);
        wait_for(shared->ready, 2);
        ipc::scoped_lock<ipc::interprocess_mutex> lock(shared->mutex);
}

void survive_condition()
{
        {
                ipc::scoped_lock<ipc::interprocess_mutex> lock(shared->mutex);
                shared->condition.notify_all();
        }
        scene_join(other_waiter);
}

scene led(const char *name, void (*prepare)(), void (*victim)(), void (*survive)())
{
        return { name, prepare, victim, survive, nullptr, 0, nullptr, nullptr, nullptr };
}

} // namespace

int main(int argc, char **argv)
{
        const scene scenes[] = {
                led("producer 100 B", of<100>, put, survive_producer),
                led("producer 60 kB", of<60000>, put, survive_producer),
                led("producer 1 MB", of<1000000>, put, survive_producer),
                led("consumer", three_messages, get, survive_consumer),
                { "lock holder", fresh, hold, survive_lock, nullptr, 20, is_held, stop, nullptr },
                led("lock user", fresh, take_and_give, survive_lock),
                { "condition waiter", fresh, wait_in_condition, survive_condition, nullptr, 20,
                  two_wait, nullptr, nullptr },
        };
        return scene_main(argc, argv, scenes, sizeof(scenes) / sizeof(*scenes));
}
