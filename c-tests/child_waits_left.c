/* Threads that wait for children of a group, one of which is taken out of the wait by a handler that never returns to
 * it: the others get the children all the same, even if that one computes from then on. */
#include "check.h"
#include <setjmp.h>
#include <sched.h>
#include <stdatomic.h>

enum { BACKGROUND = 6, ROUNDS = 12, WAITERS = 3 };

static __thread sigjmp_buf target;
static atomic_int begun, has_left, is_over, first, ends_thread;
static pthread_t waiters[WAITERS];
static pid_t group;

static pid_t sleeping_child(pid_t leader)
{
	pid_t pid = check_fork();
	if (pid == 0)
		for (;;)
			pause();
	CHECK_OK(setpgid(pid, leader));
	return pid;
}

static void leave(int signal_number)
{
	if (ends_thread) {
		has_left = 1;
		pthread_exit(NULL);
	}
	siglongjmp(target, signal_number);
}

static void *wait_for_one(void *pid)
{
	CHECK_EQ(waitpid((pid_t)(long)pid, NULL, 0), (long)pid);
	return NULL;
}

/* Who gets a child first has the next one leave. Apart from who calls sigsetjmp, of whose variables the compiler cannot
 * tell that they are not needed when it returns again. */
static void await_child(long number)
{
	CHECK(waitpid(-group, NULL, 0) > 0);
	int nobody = -1;
	if (atomic_compare_exchange_strong(&first, &nobody, (int)number))
		CHECK_OK(pthread_kill(waiters[(number + 1) % WAITERS], SIGUSR1));
}

static void *wait_for_group(void *number)
{
	if (sigsetjmp(target, 1)) {
		has_left = 1;
		while (!is_over)
			;
		return NULL;
	}
	begun++;
	await_child((long)number);
	return NULL;
}

static void start(void)
{
	begun = has_left = is_over = 0;
	first = -1;
	for (long i = 0; i < WAITERS; i++) {
		waiters[i] = check_start(wait_for_group, (void *)i);
		/* so that they come in that order */
		while (begun <= i)
			sched_yield();
		sleep_ms(5);
	}
}

static void await_leaving(void)
{
	while (!has_left)
		sleep_ms(1);
}

/* Waits for the end of those who stay. */
static void end(int left)
{
	for (int i = 0; i < WAITERS; i++)
		if (i != left)
			check_join(waiters[i]);
	is_over = 1;
	check_join(waiters[left]);
}

/* The one that waits in the kernel for all leaves. */
static void who_is_first_leaves(void)
{
	group = sleeping_child(0);
	pid_t other = sleeping_child(group);
	start();
	first = 0;
	CHECK_OK(pthread_kill(waiters[0], SIGUSR1));
	await_leaving();
	CHECK_OK(kill(group, SIGKILL));
	CHECK_OK(kill(other, SIGKILL));
	end(0);
}

/* One that has just been told to look leaves. */
static void who_is_next_leaves(void)
{
	group = sleeping_child(0);
	pid_t other = sleeping_child(group);
	start();
	CHECK_OK(kill(group, SIGKILL));
	await_leaving();
	CHECK_OK(kill(other, SIGKILL));
	end((first + 1) % WAITERS);
}

int main(void)
{
	pid_t children[BACKGROUND];
	pthread_t threads[BACKGROUND];
	struct sigaction action = {.sa_handler = leave};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	for (int i = 0; i < BACKGROUND; i++)
		children[i] = sleeping_child(0);
	for (int i = 0; i < BACKGROUND; i++)
		threads[i] = check_start(wait_for_one, (void *)(long)children[i]);
	sleep_ms(10);
	for (int i = 0; i < ROUNDS; i++) {
		ends_thread = i % 2;
		who_is_first_leaves();
		who_is_next_leaves();
	}
	for (int i = 0; i < BACKGROUND; i++)
		CHECK_OK(kill(children[i], SIGKILL));
	for (int i = 0; i < BACKGROUND; i++)
		check_join(threads[i]);
	return 0;
}
