/* Real-time signals to the process come in the order in which they were sent, while the only thread that accepts them
 * opens and closes its mask, waits for them one at a time, ends and is followed by another. */
#include "check.h"
#include <poll.h>
#include <sched.h>
#include <semaphore.h>

enum { MANY = 400, BURST = 25 };

static sigset_t set;
static int signal_number;
static volatile sig_atomic_t next;
static sem_t ready;

static void handle(int number, siginfo_t *info, void *context)
{
	(void)context;
	CHECK_EQ(number, signal_number);
	CHECK_EQ(info->si_value.sival_int, next);
	next++;
}

static void *send(void *unused)
{
	for (int i = 0; i < MANY; i++) {
		CHECK_OK(sigqueue(getpid(), signal_number, (union sigval){.sival_int = i}));
		if (i % BURST == 0)
			sched_yield();
	}
	return unused;
}

static void *open_and_close(void *unused)
{
	CHECK_OK(sem_post(&ready));
	while (next < MANY) {
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
		sched_yield();
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
		sched_yield();
	}
	return unused;
}

/* The mask is closed with nothing in between that leaves the runtime. */
static void *open_for_a_moment(void *unused)
{
	CHECK_OK(sem_post(&ready));
	while (next < MANY) {
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	}
	return unused;
}

static sigset_t mask_that_accepts(void)
{
	sigset_t mask;
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &mask));
	CHECK_OK(sigdelset(&mask, signal_number));
	return mask;
}

/* The handler blocks the signal, and so does the mask from before: one at a time. */
static void *suspend(void *unused)
{
	sigset_t mask = mask_that_accepts();
	CHECK_OK(sem_post(&ready));
	for (int i = 1; i <= MANY; i++) {
		CHECK_ERRNO(sigsuspend(&mask), EINTR);
		CHECK_EQ(next, i);
	}
	return unused;
}

static void *poll_for_them(void *unused)
{
	sigset_t mask = mask_that_accepts();
	CHECK_OK(sem_post(&ready));
	for (int i = 1; i <= MANY; i++) {
		CHECK_ERRNO(ppoll(NULL, 0, NULL, &mask), EINTR);
		CHECK_EQ(next, i);
	}
	return unused;
}

static void *wait_for_them(void *unused)
{
	siginfo_t info;
	CHECK_OK(sem_post(&ready));
	for (; next < MANY; next++) {
		CHECK_EQ(sigwaitinfo(&set, &info), signal_number);
		CHECK_EQ(info.si_value.sival_int, next);
	}
	return unused;
}

/* One after the other accepts them, and ends while it does. */
static void *accept_some(void *unused)
{
	int until = next + 3;
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	while (next < until && next < MANY)
		sched_yield();
	return unused;
}

static void *follow_each_other(void *unused)
{
	CHECK_OK(sem_post(&ready));
	while (next < MANY)
		check_join(check_start(accept_some, NULL));
	return unused;
}

/* By turns a handler and sigtimedwait. */
static void *take_turns(void *unused)
{
	siginfo_t info;
	struct timespec none = {0};
	CHECK_OK(sem_post(&ready));
	while (next < MANY) {
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
		if (sigtimedwait(&set, &info, &none) == signal_number) {
			CHECK_EQ(info.si_value.sival_int, next);
			next++;
		}
	}
	return unused;
}

static void *(*const receivers[])(void *) = {
	open_and_close, open_for_a_moment, suspend, poll_for_them, wait_for_them, follow_each_other, take_turns,
};

static volatile sig_atomic_t stop;

static void *keep_busy(void *unused)
{
	while (!stop)
		sched_yield();
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	signal_number = SIGRTMIN + 2;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, signal_number));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_OK(sigaction(signal_number, &action, NULL));
	CHECK_OK(sem_init(&ready, 0, 0));
	pthread_t busy = check_start(keep_busy, NULL);
	for (unsigned i = 0; i < sizeof receivers / sizeof *receivers; i++) {
		next = 0;
		pthread_t receiver = check_start(receivers[i], NULL);
		CHECK_OK(sem_wait(&ready));
		pthread_t sender = check_start(send, NULL);
		check_join(sender);
		check_join(receiver);
		CHECK_EQ(next, MANY);
	}
	stop = 1;
	check_join(busy);
	return 0;
}
