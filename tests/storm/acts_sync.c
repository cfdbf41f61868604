/* Acts on locks, semaphores, conditions, events and barriers. */
#include "storm.h"

static hay_time deadline_of(unsigned patience)
{
        return patience ? hay_in_ms(patience) : HAY_FOREVER;
}

/* Under a lock: it guards what it guards. */
static void use_pair(struct storm_record *record, struct storm_pair *pair, int r, const char *what)
{
        record->id = pair->holder;
        if (r == 0 && (pair->first != pair->second || pair->holder))
                storm_complain("%s %u: %lu and %lu, holder %lu, and nobody said that an owner died",
                               what, record->object, (unsigned long)pair->first,
                               (unsigned long)pair->second, (unsigned long)pair->holder);
        record->result = r;
        storm_got(record);
        __atomic_store_n(&pair->holder, (uint64_t)storm_me(), __ATOMIC_RELEASE);
        pair->second = pair->first;
        __atomic_store_n(&pair->first, pair->first + 1, __ATOMIC_RELEASE);
        storm_hold();
        __atomic_store_n(&pair->second, pair->second + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&pair->holder, 0ull, __ATOMIC_RELEASE);
        storm_leave(record);
}

/* Taking a lock failed for another reason than its deadline. */
static bool is_wrong(int r, const char *what)
{
        if (r >= 0 || r == -ETIMEDOUT)
                return false;
        storm_complain("%s: %s", what, strerror(-r));
        return true;
}

static unsigned some_patience(void)
{
        static const unsigned patience[] = { 0, 0, 0, 2000, 100, 20 };
        return storm_me() ? patience[storm_below(6)] : 3000; /* the driver never waits for ever */
}

static void released(struct storm_record *record, int r, const char *what)
{
        int result = record->result;
        if (r < 0)
                storm_complain("%s %u: release: %s", what, record->object, strerror(-r));
        storm_end(record, result);
}

static void use_lock(unsigned object)
{
        bool tries = storm_me() && storm_below(8) == 0;
        struct storm_record *record = storm_begin(STORM_LOCK, object, tries ? 1 : some_patience());
        hay_lock *lock = &storm_objects->locks[object].lock;
        int r = hay_lock_acquire(lock, tries ? HAY_NOWAIT : deadline_of(record->patience));
        if (r < 0) {
                is_wrong(r, "lock");
                storm_end(record, r);
                return;
        }
        use_pair(record, &storm_objects->locks[object].pair, r, "lock");
        released(record, hay_lock_release(lock), "lock");
}

static void use_rlock_of(enum storm_act act, unsigned object)
{
        hay_array *array = storm_objects->arrays[object];
        bool is_array = act == STORM_ARRAY;
        hay_rlock *rlock = is_array ? hay_array_lock(array) : &storm_objects->rlocks[object].rlock;
        struct storm_pair *pair =
                is_array ? hay_array_data(array) : &storm_objects->rlocks[object].pair;
        struct storm_record *record = storm_begin(act, object, some_patience());
        int r = hay_rlock_acquire(rlock, deadline_of(record->patience));
        if (r < 0) {
                is_wrong(r, "rlock");
                storm_end(record, r);
                return;
        }
        unsigned depth = storm_below(3);
        for (unsigned i = 0; i < depth; i++)
                if (hay_rlock_acquire(rlock, HAY_NOWAIT) != 0)
                        storm_complain("rlock %u: not mine though I hold it", object);
        use_pair(record, pair, r, storm_act_name(act));
        for (unsigned i = 0; i < depth; i++)
                hay_rlock_release(rlock);
        released(record, hay_rlock_release(rlock), "rlock");
}

static void use_permit(unsigned object)
{
        hay_semaphore *semaphore = &storm_objects->permits[object];
        struct storm_record *record = storm_begin(STORM_PERMIT, object, some_patience());
        int r = hay_semaphore_acquire(semaphore, deadline_of(record->patience));
        if (r < 0) {
                is_wrong(r, "permit");
                storm_end(record, r);
                return;
        }
        storm_got(record);
        storm_hold();
        int value = hay_semaphore_value(semaphore);
        if (value < 0 || value >= (int)storm_permits_of(object))
                storm_complain("semaphore %u: %d permits are free while one is held", object,
                               value);
        storm_leave(record);
        released(record, hay_semaphore_release(semaphore), "semaphore");
}

static void use_counter(void)
{
        unsigned object = storm_below(STORM_COUNTERS);
        hay_semaphore *semaphore = &storm_objects->counters[object];
        /* The dead took some with them; they must not run out. */
        bool raises = hay_semaphore_value(semaphore) < (int)storm_below(2 * STORM_RAISED);
        if (raises) {
                struct storm_record *record = storm_begin(STORM_RAISE, object, 1);
                storm_end(record, hay_semaphore_release(semaphore));
                return;
        }
        struct storm_record *record = storm_begin(STORM_LOWER, object, storm_patience(50));
        int r = hay_semaphore_acquire(semaphore, hay_in_ms(record->patience));
        is_wrong(r, "counter");
        storm_end(record, r);
}

/* Taking a station's lock from the dead: what they did is unknown, so all shall look again. */
static int enter(struct storm_station *station, bool is_rlock)
{
        int r = is_rlock ? hay_rlock_acquire(&station->rlock, HAY_FOREVER)
                         : hay_lock_acquire(&station->lock, HAY_FOREVER);
        if (r == HAY_OWNER_DIED) {
                station->pair.second = station->pair.first;
                station->since = hay_now();
                hay_condition_notify_all(&station->condition);
        } else if (r == 0 && station->pair.first != station->pair.second) {
                storm_complain("station: torn, and nobody said that an owner died");
        }
        return r;
}

static void go(struct storm_station *station, bool is_rlock)
{
        int r = is_rlock ? hay_rlock_release(&station->rlock) : hay_lock_release(&station->lock);
        if (r < 0)
                storm_complain("station: release: %s", strerror(-r));
}

static void bump(struct storm_pair *pair)
{
        __atomic_store_n(&pair->first, pair->first + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&pair->second, pair->second + 1, __ATOMIC_RELEASE);
}

static void make_ticket(unsigned object)
{
        struct storm_station *station = &storm_objects->stations[object];
        struct storm_record *record = storm_begin(STORM_TICKET, object, 0);
        int r = enter(station, object == 1);
        if (r >= 0) {
                bump(&station->pair);
                if (!station->tickets++)
                        station->since = hay_now();
                hay_condition_notify(&station->condition, 1);
                go(station, object == 1);
        }
        storm_end(record, r);
}

static bool has_ticket(void *arg)
{
        return ((struct storm_station *)arg)->tickets > 0;
}

static int wait_for_ticket(struct storm_station *station, bool is_rlock, hay_time deadline)
{
        if (!is_rlock)
                return hay_condition_wait_for(&station->condition, &station->lock, has_ticket,
                                              station, deadline);
        while (!station->tickets) {
                int r = hay_condition_wait_rlock(&station->condition, &station->rlock, deadline);
                if (r)
                        return r;
        }
        return 0;
}

static void ride(unsigned object)
{
        struct storm_station *station = &storm_objects->stations[object];
        struct storm_record *record =
                storm_begin(STORM_RIDE, object, storm_patience(storm_below(8) ? 30 : 1500));
        hay_time deadline = hay_in_ms(record->patience);
        int r = enter(station, object == 1);
        if (r >= 0) {
                r = wait_for_ticket(station, object == 1, deadline);
                if (r == HAY_OWNER_DIED) {
                        station->pair.second = station->pair.first;
                        station->since = hay_now();
                        hay_condition_notify_all(&station->condition);
                }
                is_wrong(r, "condition");
                /* How long it was there while this one waited; see check_sync.c. */
                record->id = (uint64_t)station->since;
                if (station->tickets) {
                        bump(&station->pair);
                        station->tickets--;
                        station->since = hay_now();
                        record->count = 1;
                }
                go(station, object == 1);
        }
        storm_end(record, r);
}

static void use_station(void)
{
        unsigned object = storm_below(STORM_STATIONS);
        if (storm_objects->stations[object].tickets > 64 || storm_below(2))
                ride(object);
        else
                make_ticket(object);
}

static void use_event(void)
{
        unsigned object = storm_below(STORM_EVENTS);
        hay_event *event = &storm_objects->events[object];
        struct storm_record *record;
        /* The second one stays set for long, and cleared for long. */
        unsigned chance = storm_below(object ? 600 : 6);
        if (chance <= 1) {
                record = storm_begin(chance ? STORM_SET : STORM_CLEAR, object, 1);
                storm_end(record, chance ? hay_event_set(event) : hay_event_clear(event));
                return;
        }
        record = storm_begin(STORM_AWAIT, object, storm_patience(storm_below(16) ? 20 : 1500));
        int r = hay_event_wait(event, hay_in_ms(record->patience));
        is_wrong(r, "event");
        storm_end(record, r);
}

static void meet(void)
{
        unsigned object = storm_below(STORM_BARRIERS);
        unsigned patience = storm_is_hasty() ? 3 : 40;
        hay_barrier *barrier = &storm_objects->barriers[object];
        struct storm_record *record = storm_begin(STORM_MEET, object, patience);
        unsigned index = STORM_PARTIES;
        int r = hay_barrier_wait(barrier, hay_in_ms(patience), &index);
        record->count = index;
        if (r == 0 && index >= STORM_PARTIES)
                storm_complain("barrier %u: party %u of %u", object, index, STORM_PARTIES);
        if (r < 0 && r != -EPIPE)
                is_wrong(r, "barrier");
        storm_end(record, r);
        if (r < 0)
                hay_barrier_reset(barrier);
}

void storm_act_sync(void)
{
        switch (storm_below(12)) {
        case 0:
        case 1:
        case 2:
                use_lock(storm_below(STORM_LOCKS));
                break;
        case 3:
                use_rlock_of(STORM_RLOCK, storm_below(STORM_RLOCKS));
                break;
        case 4:
                use_rlock_of(STORM_ARRAY, storm_below(STORM_ARRAYS));
                break;
        case 5:
        case 6:
                use_permit(storm_below(STORM_PERMITS));
                break;
        case 7:
                use_counter();
                break;
        case 8:
        case 9:
                use_station();
                break;
        case 10:
                use_event();
                break;
        default:
                meet();
        }
}

void storm_settle_sync(void)
{
        for (unsigned i = 0; i < STORM_LOCKS; i++)
                use_lock(i);
        for (unsigned i = 0; i < STORM_RLOCKS; i++)
                use_rlock_of(STORM_RLOCK, i);
        for (unsigned i = 0; i < STORM_ARRAYS; i++)
                use_rlock_of(STORM_ARRAY, i);
        for (unsigned i = 0; i < STORM_PERMITS; i++)
                use_permit(i);
}
