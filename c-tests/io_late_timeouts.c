/* Threads that get the processor back when their time is over, and what they wait for came before that: it is theirs. */
#include "net.h"
#include <sched.h>
#include <sys/resource.h>

enum { READERS = 300, HOGS = 16, TIMEOUT_MS = 400, BEFORE_MS = 3, ROUNDS = 6 };

static int ends[READERS][2];
static struct timespec begun;
static cpu_set_t all;
static int ready[2];

static void *receive(void *argument)
{
	return (void *)recv(ends[(long)argument][0], &(char){0}, 1, 0);
}

static struct timespec after_begin(long ms)
{
	struct timespec at = begun;
	at.tv_nsec += ms * NS_PER_MS;
	at.tv_sec += at.tv_nsec / NS_PER_S;
	at.tv_nsec %= NS_PER_S;
	return at;
}

/* Takes the processor from the others. */
static pid_t start_hog(void)
{
	pid_t child = check_fork();
	if (child != 0)
		return child;
	for (;;)
		;
}

/* Brings all something when their time is nearly over, and says whether it is in time. */
static pid_t start_bringer(void)
{
	pid_t child = check_fork();
	if (child != 0)
		return child;
	CHECK_OK(sched_setaffinity(0, sizeof all, &all));
	sleep_ms(1);
	write_exactly(ready[0], "x", 1);
	struct timespec at = after_begin(TIMEOUT_MS - BEFORE_MS), end = after_begin(TIMEOUT_MS), now;
	CHECK_OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL));
	for (int i = 0; i < READERS; i++)
		CHECK_EQ(send(ends[i][1], "x", 1, 0), 1);
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
	_exit(now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec > end.tv_nsec));
}

int main(void)
{
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	pipe_pair(ready);
	struct timeval timeout = {.tv_usec = TIMEOUT_MS * 1000};
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	CHECK_OK(sched_getaffinity(0, sizeof all, &all));
	if (CPU_COUNT(&all) > 1)
		CPU_XOR(&all, &all, &one);
	CHECK_OK(sched_setaffinity(0, sizeof one, &one));
	for (int i = 0; i < READERS; i++) {
		unix_pair(ends[i]);
		CHECK_OK(setsockopt(ends[i][0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout));
	}
	for (int round = 0; round < ROUNDS; round++) {
		pthread_t readers[READERS];
		pid_t hogs[HOGS];
		CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &begun));
		for (long i = 0; i < READERS; i++)
			readers[i] = check_start(receive, (void *)i);
		sleep_ms(TIMEOUT_MS / 4);
		pid_t bringer = start_bringer();
		read_exactly(ready[1], &(char){0}, 1);
		for (int i = 0; i < HOGS; i++)
			hogs[i] = start_hog();
		int missed = 0, late;
		for (int i = 0; i < READERS; i++)
			missed += check_join(readers[i]) != (void *)1;
		for (int i = 0; i < HOGS; i++) {
			CHECK_OK(kill(hogs[i], SIGKILL));
			CHECK_EQ(waitpid(hogs[i], NULL, 0), hogs[i]);
		}
		CHECK_EQ(waitpid(bringer, &late, 0), bringer);
		if (late == 0)
			CHECK_EQ(missed, 0);
		for (int i = 0; i < READERS; i++)
			(void)!recv(ends[i][0], &(char){0}, 1, MSG_DONTWAIT);
	}
	return 0;
}
