/* fork beside threads that are libc's own, before the first pthread_create: what another thread was in the middle of
 * at that moment (waiting for a mutex that the forking thread holds, changing a signal's action) does not hold up the
 * child, which makes threads of its own, nor its children. */
#include "check.h"

enum { FORKS = 30, WAITERS = 3 };

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int running;

static void ignore_it(int number)
{
	(void)number;
}

static void change_action(void)
{
	struct sigaction action = {.sa_handler = ignore_it};
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
}

/* On a thread of libc's, to the end of the process. */
static void take_and_change(union sigval unused)
{
	(void)unused;
	__atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		CHECK_OK(pthread_mutex_lock(&held));
		CHECK_OK(pthread_mutex_unlock(&held));
		for (int i = 0; i < 20; i++)
			change_action();
	}
}

static void start_others(void)
{
	__atomic_store_n(&running, 0, __ATOMIC_SEQ_CST);
	for (int i = 0; i < WAITERS; i++) {
		struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = take_and_change};
		timer_t timer;
		CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
		struct itimerspec soon = {.it_value.tv_nsec = 1};
		CHECK_OK(timer_settime(timer, 0, &soon, NULL));
	}
	while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) < WAITERS)
		sched_yield();
}

static void *take_once(void *unused)
{
	(void)unused;
	CHECK_OK(pthread_mutex_lock(&held));
	CHECK_OK(pthread_cond_signal(&condition));
	CHECK_OK(pthread_mutex_unlock(&held));
	return NULL;
}

/* In a child, which holds the mutex: others take it from here, as a handler of pthread_atfork would let them. */
static void go_on(void)
{
	change_action();
	pthread_t thread = check_start(take_once, NULL);
	CHECK_OK(pthread_cond_wait(&condition, &held));
	CHECK_OK(pthread_mutex_unlock(&held));
	check_join(thread);
	change_action();
}

static void fork_beside_others(void)
{
	for (int i = 0; i < FORKS; i++) {
		CHECK_OK(pthread_mutex_lock(&held));
		pid_t child = check_fork();
		if (child == 0) {
			go_on();
			_exit(0);
		}
		CHECK_OK(pthread_mutex_unlock(&held));
		check_child_succeeds(child);
	}
}

int main(void)
{
	start_others();
	fork_beside_others();
	CHECK_OK(pthread_mutex_lock(&held));
	pid_t child = check_fork();
	if (child == 0) {
		/* The process once more without pthread_create, but its parent of a child that has had it. */
		go_on();
		pid_t grandchild = check_fork();
		if (grandchild == 0) {
			start_others();
			fork_beside_others();
			_exit(0);
		}
		check_child_succeeds(grandchild);
		_exit(0);
	}
	CHECK_OK(pthread_mutex_unlock(&held));
	check_child_succeeds(child);
	return 0;
}
