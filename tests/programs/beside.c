/* A library for LD_PRELOAD that has the program run beside a thread: one that sleeps again and again, and at the end
 * says how often, if that is often enough for a thread that nobody holds up. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TICK_MICROSECONDS = 1000, OFTEN = 10 };

static pid_t process;
static int ticks;

static void *tick(void *unused)
{
	for (;;) {
		usleep(TICK_MICROSECONDS);
		__atomic_fetch_add(&ticks, 1, __ATOMIC_RELAXED);
	}
	return unused;
}

/* For programs that end without destructors, too. */
static void tell(void)
{
	if (getpid() == process && __atomic_load_n(&ticks, __ATOMIC_RELAXED) < OFTEN)
		dprintf(STDERR_FILENO, "only %d ticks\n", ticks);
}

__attribute__((constructor)) static void begin(void)
{
	pthread_t thread;
	/* Not for what it starts. */
	unsetenv("LD_PRELOAD");
	process = getpid();
	if (pthread_create(&thread, NULL, tick, NULL) != 0 || atexit(tell) != 0)
		abort();
}
