/* sigaction in a thread that libc has made by itself, while the first thread is created: it says what was the action
 * before, and what it has set stays. */
#include "check.h"

enum { PROCESSES = 250, AT_A_TIME = 2 };

static volatile int begun, is_over, count;
static sem_t done;

static void count_one(int signal_number)
{
	(void)signal_number;
	count++;
}

static void count_two(int signal_number)
{
	(void)signal_number;
	count += 2;
}

static void set_actions(union sigval unused)
{
	(void)unused;
	void (*const handlers[])(int) = {count_one, count_two, SIG_IGN};
	sigset_t none;
	sigemptyset(&none);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	struct sigaction last, old;
	CHECK_OK(sigaction(SIGHUP, NULL, &last));
	for (int i = 0; !is_over; i++) {
		int which = i % 3;
		struct sigaction action = {.sa_handler = handlers[which], .sa_flags = i & 4 ? SA_RESTART : 0};
		CHECK_OK(sigaction(SIGHUP, &action, &old));
		CHECK(old.sa_handler == last.sa_handler);
		CHECK_EQ((old.sa_flags ^ last.sa_flags) & SA_RESTART, 0);
		if (i & 8) {
			CHECK_OK(sigaction(SIGHUP, NULL, &old));
			CHECK(old.sa_handler == action.sa_handler);
			int before = count;
			CHECK_OK(raise(SIGHUP));
			CHECK_EQ(count - before, (which + 1) % 3);
		}
		last = action;
		begun = 1;
	}
	CHECK_OK(sem_post(&done));
}

static void *end(void *unused)
{
	return unused;
}

static void create_first(int spins)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = set_actions};
	struct itimerspec soon = {.it_value = {.tv_nsec = 1000}};
	timer_t timer;
	CHECK_OK(sem_init(&done, 0, 0));
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_OK(timer_settime(timer, 0, &soon, NULL));
	while (!begun)
		;
	for (volatile int i = 0; i < spins; i++)
		;
	check_join(check_start(end, NULL));
	is_over = 1;
	check_await(&done);
}

int main(void)
{
	pid_t children[AT_A_TIME] = {0};
	for (int i = 0; i < PROCESSES + AT_A_TIME; i++) {
		pid_t *child = &children[i % AT_A_TIME];
		if (*child != 0)
			check_child_succeeds(*child);
		*child = i < PROCESSES ? check_fork() : 0;
		if (i < PROCESSES && *child == 0) {
			create_first(i * 97 % 5000);
			_exit(0);
		}
	}
	return 0;
}
