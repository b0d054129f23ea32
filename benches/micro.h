/* What the files of the micro program share: see micro.c. */
#ifndef MICRO_H
#define MICRO_H

#include <pthread.h>
#include <stddef.h>

enum { COLD_THREADS = 4000, SMALL_STACK = 65536 };

/* Each runs so many operations and says how many seconds that took. */
double yield_2_threads(long operations);
double yield_8_threads(long operations);
double cond_round_trip(long operations);
double sem_round_trip(long operations);
double pipe_round_trip(long operations);
double socketpair_round_trip(long operations);
double create_cold(long operations);
double create_join_cold(long operations);
double create_join_warm(long operations);
double mutex_uncontended(long operations);
double mutex_contended_4_threads(long operations);
double rwlock_read_uncontended(long operations);
double getpid_unthreaded(long operations);
double read_zero_unthreaded(long operations);
double read_zero_threaded(long operations);
double recv_eagain_unthreaded(long operations);
double recv_eagain_threaded(long operations);

/* Runs `body` while another thread is alive, parked: a process with one thread
 * only has short cuts in glibc that no server gets. */
double beside_parked_thread(double (*body)(long), long operations);

/* Exits, naming `what` and errno, unless ok. */
void check(int ok, const char *what);

double now(void);

/* With the default attributes, or with a stack of so many bytes. */
pthread_t start(void *(*run)(void *), void *argument);
pthread_t start_with_stack(void *(*run)(void *), void *argument, size_t stack);
void join(pthread_t thread);

#endif
