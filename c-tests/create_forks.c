/* A handler that forks in the midst of pthread_create, in the program's allocator, which that calls. The child comes back
 * from there as the parent does, with a thread of its own. */
#include "check.h"
#include <sys/wait.h>

enum { CREATED = 40, AGAIN = 2 };

void *__libc_calloc(size_t count, size_t size);

static int forks;
static volatile pid_t child = -1;
static sem_t is_over;

static void fork_once(int signal)
{
	(void)signal;
	child = fork();
	CHECK(child >= 0);
}

void *calloc(size_t count, size_t size)
{
	if (forks) {
		forks = 0;
		raise(SIGUSR1);
	}
	return __libc_calloc(count, size);
}

/* So that each has a stack of its own, threads of the parent stay. */
static void *stay(void *number)
{
	if (child != 0)
		CHECK_OK(sem_wait(&is_over));
	return number;
}

/* For the child: it creates further ones as any process does. */
static void go_on(pthread_t created, long number)
{
	CHECK(check_join(created) == (void *)number);
	for (long i = 0; i < AGAIN; i++)
		CHECK(check_join(check_start(stay, (void *)i)) == (void *)i);
	_exit(0);
}

int main(void)
{
	pthread_t created[CREATED];
	int children = 0;
	CHECK_OK(sem_init(&is_over, 0, 0));
	CHECK(signal(SIGUSR1, fork_once) != SIG_ERR);
	for (long i = 0; i < CREATED; i++) {
		child = -1;
		forks = 1;
		created[i] = check_start(stay, (void *)i);
		forks = 0;
		if (child == 0)
			go_on(created[i], i);
		if (child > 0) {
			int status;
			CHECK_EQ(waitpid(child, &status, 0), child);
			CHECK_EQ(status, 0);
			children++;
		}
	}
	CHECK(children > 0);
	for (int i = 0; i < CREATED; i++)
		CHECK_OK(sem_post(&is_over));
	for (long i = 0; i < CREATED; i++)
		CHECK(check_join(created[i]) == (void *)i);
	return 0;
}
