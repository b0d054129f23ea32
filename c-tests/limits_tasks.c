/* As many threads as the limit on kernel threads allows, or nearly, can be created at once. */
#include "check.h"
#include <sys/resource.h>

enum { LIMIT = 20, THREADS = 18, ROUNDS = 10, NOBODY = 1000000 };

static pthread_barrier_t all;

static void *meet(void *unused)
{
	pthread_barrier_wait(&all);
	return unused;
}

static void many_at_once(void)
{
	pthread_t threads[THREADS];
	struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = LIMIT};
	CHECK_OK(pthread_barrier_init(&all, NULL, THREADS + 1));
	CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
	/* nobody else's */
	uid_t user = NOBODY + (uid_t)getpid();
	CHECK_OK(setresuid(user, user, user));
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(meet, NULL);
	pthread_barrier_wait(&all);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

int main(void)
{
	/* The limit counts all threads of the user. */
	if (geteuid() != 0)
		return 0;
	/* In processes of their own: a thread that has been joined may still be on its way out. */
	for (int round = 0; round < ROUNDS; round++) {
		pid_t child = check_fork();
		if (child == 0) {
			many_at_once();
			_exit(0);
		}
		check_child_succeeds(child);
	}
	return 0;
}
