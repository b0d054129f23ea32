/* Threads that take a kernel thread for themselves, one after the other, with nobody beside them who runs: each gets it. For
 * every one another has to be started that takes over, although the one that the thread has left waits for work meanwhile:
 * on one CPU, and with nobody preempted for the sake of who was woken, it does whenever that is decided. */
#include "check.h"
#include <sched.h>

enum { THREADS = 100 };

static sem_t end;

static void *wait_for_end(void *unused)
{
	check_await(&end);
	return unused;
}

/* The process, before there are others than the caller: the CPU. */
static cpu_set_t take_turns_on_one_cpu(void)
{
	cpu_set_t cpus;
	CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
	int one = 0;
	while (!CPU_ISSET(one, &cpus))
		one++;
	CPU_ZERO(&cpus);
	CPU_SET(one, &cpus);
	CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
	struct sched_param none = {.sched_priority = 0};
	CHECK_OK(sched_setscheduler(0, SCHED_BATCH, &none));
	return cpus;
}

int main(int argc, char **argv)
{
	long threads = size_argument(argc, argv, 1, THREADS);
	CHECK_OK(sem_init(&end, 0, 0));
	cpu_set_t cpus = take_turns_on_one_cpu();
	for (long i = 0; i < threads; i++) {
		pthread_t thread = check_start(wait_for_end, NULL);
		CHECK_OK(pthread_setaffinity_np(thread, sizeof cpus, &cpus));
		CHECK_OK(sem_post(&end));
		check_join(thread);
	}
	return 0;
}
