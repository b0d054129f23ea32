/* What the kernel keeps for each thread: a thread that changes it has it from then on, wherever it waits; nobody
 * else gets it but the threads that it creates, where the kernel hands it on. */
#ifndef THREAD_STATE_H
#define THREAD_STATE_H

#include "check.h"
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

struct state {
	const char *name;
	/* Changes it for the calling thread; async-signal-safe. -1 with ENOSYS, EPERM or EOPNOTSUPP if it cannot be
	 * changed here. */
	int (*change)(void);
	/* Whether it is changed for the calling thread. */
	int (*is_changed)(void);
	/* Whether threads that the calling thread creates have it. */
	int is_inherited;
};

enum { WATCHERS = 3, LOOKS = 4, IMPOSSIBLE = 77 };

static const struct state *state;
static atomic_int stop;
static sem_t changed;

static void change(void)
{
	if (state->change() == -1) {
		CHECK(errno == ENOSYS || errno == EPERM || errno == EOPNOTSUPP);
		_exit(IMPOSSIBLE);
	}
}

/* More than once: in between the thread waits and others run. */
static void look(int expected)
{
	for (int i = 0; i < LOOKS; i++) {
		if (state->is_changed() != expected) {
			fprintf(stderr, "%s: changed: %d, not %d\n", state->name, !expected, expected);
			_exit(1);
		}
		usleep(100);
	}
}

static void *watch(void *unused)
{
	while (!stop)
		look(0);
	return unused;
}

static void *look_in_thread(void *expected)
{
	look(expected != NULL);
	return expected;
}

static void *look_and_create(void *expected)
{
	look(expected != NULL);
	check_join(check_start(look_in_thread, expected));
	return expected;
}

static void check_children(void)
{
	static char yes;
	check_join(check_start(look_and_create, state->is_inherited ? &yes : NULL));
}

static void *change_in_thread(void *unused)
{
	look(0);
	change();
	look(1);
	check_children();
	look(1);
	return unused;
}

static void start_watchers(pthread_t *watchers)
{
	for (int i = 0; i < WATCHERS; i++)
		watchers[i] = check_start(watch, NULL);
}

static void end_watchers(pthread_t *watchers)
{
	stop = 1;
	for (int i = 0; i < WATCHERS; i++)
		check_join(watchers[i]);
}

static void in_a_thread(void)
{
	pthread_t watchers[WATCHERS];
	start_watchers(watchers);
	check_join(check_start(change_in_thread, NULL));
	look(0);
	check_join(check_start(look_and_create, NULL));
	end_watchers(watchers);
}

static void in_main(void)
{
	pthread_t watchers[WATCHERS];
	start_watchers(watchers);
	look(0);
	change_in_thread(NULL);
	end_watchers(watchers);
}

static void before_the_first_thread(void)
{
	change_in_thread(NULL);
	check_children();
	look(1);
}

static void handle(int signal_number)
{
	(void)signal_number;
	change();
	CHECK_OK(sem_post(&changed));
}

static void *wait_then_look(void *unused)
{
	check_await(&changed);
	look(1);
	check_children();
	return unused;
}

static void in_a_handler(void)
{
	pthread_t watchers[WATCHERS];
	struct sigaction action = {.sa_handler = handle};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	start_watchers(watchers);
	pthread_t waiter = check_start(wait_then_look, NULL);
	usleep(2000);
	CHECK_OK(pthread_kill(waiter, SIGUSR1));
	check_join(waiter);
	look(0);
	end_watchers(watchers);
}

static void *fork_and_change(void *unused)
{
	pid_t child = check_fork();
	if (child == 0) {
		change_in_thread(NULL);
		_exit(0);
	}
	check_child_succeeds(child);
	look(0);
	return unused;
}

static void in_a_forked_child(void)
{
	pthread_t watchers[WATCHERS];
	start_watchers(watchers);
	check_join(check_start(fork_and_change, NULL));
	end_watchers(watchers);
}

static void *wire_and_change(void *unused)
{
	cpu_set_t allowed;
	CHECK_OK(sched_getaffinity(0, sizeof allowed, &allowed));
	CHECK_OK(sched_setaffinity(0, sizeof allowed, &allowed));
	return change_in_thread(unused);
}

static void in_a_wired_thread(void)
{
	pthread_t watchers[WATCHERS];
	start_watchers(watchers);
	check_join(check_start(wire_and_change, NULL));
	end_watchers(watchers);
}

/* Each in a process of its own, as most changes are for good. */
__attribute__((unused)) static void check_states(const struct state *states, size_t count)
{
	static void (*const ways[])(void) = {
		in_a_thread, in_main, before_the_first_thread, in_a_handler, in_a_forked_child, in_a_wired_thread,
	};
	CHECK_OK(sem_init(&changed, 0, 0));
	for (state = states; state < states + count; state++) {
		if (state->is_changed())
			continue; /* whoever has started us has done so */
		pid_t child = check_fork();
		if (child == 0) {
			change();
			_exit(0);
		}
		int status = -1;
		CHECK_EQ(waitpid(child, &status, 0), child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == IMPOSSIBLE)
			continue;
		CHECK_EQ(status, 0);
		for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
			child = check_fork();
			if (child == 0) {
				ways[i]();
				exit(0);
			}
			CHECK_EQ(waitpid(child, &status, 0), child);
			if (status != 0)
				fprintf(stderr, "%s, way %zu\n", state->name, i);
			CHECK_EQ(status, 0);
		}
	}
}

#endif
