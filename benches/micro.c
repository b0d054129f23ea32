/* Microbenchmarks of threads, locks and blocking calls.
 *
 *   micro --list         the names, one per line
 *   micro NAME...        runs those, one JSON line each: name, nanoseconds
 *
 * The same binary runs natively and preloaded. "Round trip" is there and back:
 * two wake-ups and two switches. Where several threads work at once, the time
 * is wall-clock time divided by the operations of all of them. A name that
 * ends in _unthreaded must run in a process of its own, before any thread was
 * made; a name with _cold likewise, since a process reuses finished threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CALIBRATION_SECONDS 0.05
#define MEASURED_SECONDS 0.3

enum { COLD_THREADS = 4000, SMALL_STACK = 65536 };

static void check(int ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pthread_t start_with_stack(void *(*run)(void *), void *argument, size_t stack) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (stack)
        pthread_attr_setstacksize(&attributes, stack);
    errno = pthread_create(&thread, &attributes, run, argument);
    check(errno == 0, "pthread_create");
    pthread_attr_destroy(&attributes);
    return thread;
}

static pthread_t start(void *(*run)(void *), void *argument) {
    return start_with_stack(run, argument, 0);
}

static void join(pthread_t thread) {
    errno = pthread_join(thread, NULL);
    check(errno == 0, "pthread_join");
}

/* ---- yield ------------------------------------------------------------ */

struct yielders {
    pthread_barrier_t all_started;
    long each;
};

static void *yielder(void *argument) {
    struct yielders *shared = argument;
    pthread_barrier_wait(&shared->all_started);
    for (long i = 0; i < shared->each; i++)
        sched_yield();
    return NULL;
}

static double yield_among(int threads, long operations) {
    struct yielders shared = {.each = operations / threads + 1};
    pthread_t ids[8];
    pthread_barrier_init(&shared.all_started, NULL, (unsigned)threads + 1);
    for (int i = 0; i < threads; i++)
        ids[i] = start(yielder, &shared);
    pthread_barrier_wait(&shared.all_started);
    double began = now();
    for (int i = 0; i < threads; i++)
        join(ids[i]);
    double elapsed = now() - began;
    pthread_barrier_destroy(&shared.all_started);
    return elapsed;
}

static double yield_2_threads(long operations) { return yield_among(2, operations); }
static double yield_8_threads(long operations) { return yield_among(8, operations); }

/* ---- round trips ------------------------------------------------------ */

/* Runs `operations` round trips of `here` against `there` in a thread. */
static double round_trips(void *(*there)(void *), void (*here)(void *, long), void *shared,
                          long operations, long *count_there) {
    *count_there = operations + 1;
    pthread_t partner = start(there, shared);
    here(shared, 1); /* the partner is up */
    double began = now();
    here(shared, operations);
    double elapsed = now() - began;
    join(partner);
    return elapsed;
}

struct cond_pair {
    pthread_mutex_t mutex;
    pthread_cond_t here, there;
    int turn_is_there;
    long count;
};

static void *cond_there(void *argument) {
    struct cond_pair *pair = argument;
    pthread_mutex_lock(&pair->mutex);
    for (long i = 0; i < pair->count; i++) {
        while (!pair->turn_is_there)
            pthread_cond_wait(&pair->there, &pair->mutex);
        pair->turn_is_there = 0;
        pthread_cond_signal(&pair->here);
    }
    pthread_mutex_unlock(&pair->mutex);
    return NULL;
}

static void cond_here(void *argument, long count) {
    struct cond_pair *pair = argument;
    pthread_mutex_lock(&pair->mutex);
    for (long i = 0; i < count; i++) {
        pair->turn_is_there = 1;
        pthread_cond_signal(&pair->there);
        while (pair->turn_is_there)
            pthread_cond_wait(&pair->here, &pair->mutex);
    }
    pthread_mutex_unlock(&pair->mutex);
}

static double cond_round_trip(long operations) {
    struct cond_pair pair = {
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .here = PTHREAD_COND_INITIALIZER,
        .there = PTHREAD_COND_INITIALIZER,
    };
    return round_trips(cond_there, cond_here, &pair, operations, &pair.count);
}

struct sem_pair {
    sem_t here, there;
    long count;
};

static void *sem_there(void *argument) {
    struct sem_pair *pair = argument;
    for (long i = 0; i < pair->count; i++) {
        sem_wait(&pair->there);
        sem_post(&pair->here);
    }
    return NULL;
}

static void sem_here(void *argument, long count) {
    struct sem_pair *pair = argument;
    for (long i = 0; i < count; i++) {
        sem_post(&pair->there);
        sem_wait(&pair->here);
    }
}

static double sem_round_trip(long operations) {
    struct sem_pair pair;
    sem_init(&pair.here, 0, 0);
    sem_init(&pair.there, 0, 0);
    double elapsed = round_trips(sem_there, sem_here, &pair, operations, &pair.count);
    sem_destroy(&pair.here);
    sem_destroy(&pair.there);
    return elapsed;
}

struct byte_pair {
    int here_reads, here_writes, there_reads, there_writes;
    long count;
};

static void *byte_there(void *argument) {
    struct byte_pair *pair = argument;
    char byte;
    for (long i = 0; i < pair->count; i++) {
        check(read(pair->there_reads, &byte, 1) == 1, "read");
        check(write(pair->there_writes, &byte, 1) == 1, "write");
    }
    return NULL;
}

static void byte_here(void *argument, long count) {
    struct byte_pair *pair = argument;
    char byte = 'x';
    for (long i = 0; i < count; i++) {
        check(write(pair->here_writes, &byte, 1) == 1, "write");
        check(read(pair->here_reads, &byte, 1) == 1, "read");
    }
}

static double pipe_round_trip(long operations) {
    int out[2], back[2];
    check(pipe(out) == 0 && pipe(back) == 0, "pipe");
    struct byte_pair pair = {
        .here_reads = back[0], .here_writes = out[1], .there_reads = out[0], .there_writes = back[1],
    };
    double elapsed = round_trips(byte_there, byte_here, &pair, operations, &pair.count);
    for (int i = 0; i < 2; i++) {
        close(out[i]);
        close(back[i]);
    }
    return elapsed;
}

static double socketpair_round_trip(long operations) {
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    struct byte_pair pair = {
        .here_reads = ends[0], .here_writes = ends[0], .there_reads = ends[1], .there_writes = ends[1],
    };
    double elapsed = round_trips(byte_there, byte_here, &pair, operations, &pair.count);
    close(ends[0]);
    close(ends[1]);
    return elapsed;
}

/* ---- thread creation -------------------------------------------------- */

static void *nothing(void *argument) { return argument; }

static double create_join_warm(long operations) {
    double began = now();
    for (long i = 0; i < operations; i++)
        join(start(nothing, NULL));
    return now() - began;
}

struct crowd {
    sem_t all_started, go;
    atomic_int started;
};

static void *join_crowd(void *argument) {
    struct crowd *crowd = argument;
    if (atomic_fetch_add(&crowd->started, 1) + 1 == COLD_THREADS)
        sem_post(&crowd->all_started);
    sem_wait(&crowd->go);
    return NULL;
}

/* COLD_THREADS threads, all alive at once, so that none reuses another. */
static double cold_crowd(double *until_all_started) {
    static pthread_t threads[COLD_THREADS];
    struct crowd crowd = {.started = 0};
    sem_init(&crowd.all_started, 0, 0);
    sem_init(&crowd.go, 0, 0);
    double began = now();
    for (int i = 0; i < COLD_THREADS; i++)
        threads[i] = start_with_stack(join_crowd, &crowd, SMALL_STACK);
    sem_wait(&crowd.all_started);
    *until_all_started = now() - began;
    for (int i = 0; i < COLD_THREADS; i++)
        sem_post(&crowd.go);
    for (int i = 0; i < COLD_THREADS; i++)
        join(threads[i]);
    return now() - began;
}

static double create_cold(long operations) {
    double until_all_started;
    (void)operations;
    cold_crowd(&until_all_started);
    return until_all_started;
}

static double create_join_cold(long operations) {
    double until_all_started;
    (void)operations;
    return cold_crowd(&until_all_started);
}

/* ---- locks ------------------------------------------------------------ */

/* A process with one thread only has short cuts in glibc that no server gets,
 * so another thread is alive, parked, while `body` runs. */
static double beside_parked_thread(double (*body)(long), long operations) {
    struct sem_pair pair = {.count = 1};
    sem_init(&pair.here, 0, 0);
    sem_init(&pair.there, 0, 0);
    pthread_t parked = start(sem_there, &pair);
    double elapsed = body(operations);
    sem_post(&pair.there);
    join(parked);
    return elapsed;
}

static double lock_unlock(long operations) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    double began = now();
    for (long i = 0; i < operations; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    return now() - began;
}

static double mutex_uncontended(long operations) {
    return beside_parked_thread(lock_unlock, operations);
}

static double read_lock_unlock(long operations) {
    static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    double began = now();
    for (long i = 0; i < operations; i++) {
        pthread_rwlock_rdlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
    }
    return now() - began;
}

static double rwlock_read_uncontended(long operations) {
    return beside_parked_thread(read_lock_unlock, operations);
}

struct contenders {
    pthread_barrier_t all_started;
    pthread_mutex_t mutex;
    long each, total;
};

static void *contender(void *argument) {
    struct contenders *shared = argument;
    pthread_barrier_wait(&shared->all_started);
    for (long i = 0; i < shared->each; i++) {
        pthread_mutex_lock(&shared->mutex);
        shared->total++;
        pthread_mutex_unlock(&shared->mutex);
    }
    return NULL;
}

static double mutex_contended_4_threads(long operations) {
    enum { THREADS = 4 };
    struct contenders shared = {.mutex = PTHREAD_MUTEX_INITIALIZER, .each = operations / THREADS + 1};
    pthread_t ids[THREADS];
    pthread_barrier_init(&shared.all_started, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        ids[i] = start(contender, &shared);
    pthread_barrier_wait(&shared.all_started);
    double began = now();
    for (int i = 0; i < THREADS; i++)
        join(ids[i]);
    double elapsed = now() - began;
    pthread_barrier_destroy(&shared.all_started);
    if (shared.total != shared.each * THREADS) {
        fprintf(stderr, "micro: the mutex lost updates: %ld of %ld\n", shared.total,
                shared.each * THREADS);
        exit(1);
    }
    return elapsed;
}

/* ---- calls that do not block ------------------------------------------ */

/* Not hooked: what the kernel entry alone costs here. */
static double getpid_unthreaded(long operations) {
    double began = now();
    for (long i = 0; i < operations; i++)
        getpid();
    return now() - began;
}

static double read_zero(long operations) {
    char byte;
    int fd = open("/dev/zero", O_RDONLY);
    check(fd >= 0, "open /dev/zero");
    double began = now();
    for (long i = 0; i < operations; i++)
        check(read(fd, &byte, 1) == 1, "read /dev/zero");
    double elapsed = now() - began;
    close(fd);
    return elapsed;
}

static double read_zero_unthreaded(long operations) { return read_zero(operations); }

static double read_zero_threaded(long operations) {
    return beside_parked_thread(read_zero, operations);
}

static double recv_nothing(long operations) {
    char byte;
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "socketpair");
    double began = now();
    for (long i = 0; i < operations; i++)
        check(recv(ends[0], &byte, 1, 0) == -1 && errno == EAGAIN, "recv should say EAGAIN");
    double elapsed = now() - began;
    close(ends[0]);
    close(ends[1]);
    return elapsed;
}

static double recv_eagain_unthreaded(long operations) { return recv_nothing(operations); }

static double recv_eagain_threaded(long operations) {
    return beside_parked_thread(recv_nothing, operations);
}

/* ---- the table -------------------------------------------------------- */

static const struct benchmark {
    const char *name;
    double (*run)(long operations);
    long fixed_operations; /* 0: as many as fill MEASURED_SECONDS */
} benchmarks[] = {
    {"yield_2_threads", yield_2_threads, 0},
    {"yield_8_threads", yield_8_threads, 0},
    {"cond_round_trip", cond_round_trip, 0},
    {"sem_round_trip", sem_round_trip, 0},
    {"pipe_round_trip", pipe_round_trip, 0},
    {"socketpair_round_trip", socketpair_round_trip, 0},
    {"create_cold", create_cold, COLD_THREADS},
    {"create_join_cold", create_join_cold, COLD_THREADS},
    {"create_join_warm", create_join_warm, 0},
    {"mutex_uncontended", mutex_uncontended, 0},
    {"mutex_contended_4_threads", mutex_contended_4_threads, 0},
    {"rwlock_read_uncontended", rwlock_read_uncontended, 0},
    {"getpid_unthreaded", getpid_unthreaded, 0},
    {"read_zero_unthreaded", read_zero_unthreaded, 0},
    {"read_zero_threaded", read_zero_threaded, 0},
    {"recv_eagain_unthreaded", recv_eagain_unthreaded, 0},
    {"recv_eagain_threaded", recv_eagain_threaded, 0},
};

enum { BENCHMARKS = sizeof benchmarks / sizeof *benchmarks };

static double nanoseconds(const struct benchmark *b) {
    long operations = b->fixed_operations;
    if (operations == 0) {
        double elapsed;
        operations = 100;
        while ((elapsed = b->run(operations)) < CALIBRATION_SECONDS)
            operations *= 4;
        operations = (long)((double)operations * MEASURED_SECONDS / elapsed) + 1;
    }
    return b->run(operations) / (double)operations * 1e9;
}

static const struct benchmark *find(const char *name) {
    for (int i = 0; i < BENCHMARKS; i++)
        if (strcmp(benchmarks[i].name, name) == 0)
            return &benchmarks[i];
    fprintf(stderr, "micro: no benchmark is called %s\n", name);
    exit(2);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: micro --list | NAME...\n");
        return 2;
    }
    if (strcmp(argv[1], "--list") == 0) {
        for (int i = 0; i < BENCHMARKS; i++)
            puts(benchmarks[i].name);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        const struct benchmark *b = find(argv[i]);
        printf("{\"name\": \"%s\", \"ns\": %.2f}\n", b->name, nanoseconds(b));
        fflush(stdout);
    }
    return 0;
}
