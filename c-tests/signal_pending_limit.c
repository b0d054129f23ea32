/* Where the kernel keeps few signals (RLIMIT_SIGPENDING) none of those that it has accepted is lost: they come with
 * their values, in order, to whoever waits, computes, or changes its mask. */
#include "check.h"
#include <sched.h>
#include <semaphore.h>
#include <sys/resource.h>

enum { MANY = 300, ROOM = 3, PATIENCE_MS = 50 };

static sigset_t set;
static int signal_number;
static volatile sig_atomic_t next;
static sem_t ready, never;

static void handle(int number, siginfo_t *info, void *context)
{
	(void)context;
	CHECK_EQ(number, signal_number);
	CHECK_EQ(info->si_code, SI_QUEUE);
	CHECK_EQ(info->si_value.sival_int, next);
	next++;
}

/* The limit counts what all processes of the user have waiting: others may take the room that there was. */
static long waiting_now(void)
{
	long waiting = -1;
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");
	CHECK(status != NULL);
	while (waiting == -1 && fgets(line, sizeof line, status))
		sscanf(line, "SigQ: %ld/", &waiting);
	CHECK_OK(fclose(status));
	return waiting;
}

static void leave_room(void)
{
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_SIGPENDING, &limit));
	limit.rlim_cur = (rlim_t)waiting_now() + ROOM;
	CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &limit));
}

static void send_one(int value, const pthread_t *thread)
{
	union sigval with = {.sival_int = value};
	long begun = monotonic_ms();
	for (;;) {
		int error = thread ? pthread_sigqueue(*thread, signal_number, with) :
			    sigqueue(getpid(), signal_number, with) ? errno : 0;
		if (error == 0)
			return;
		CHECK_EQ(error, EAGAIN);
		if (monotonic_ms() - begun > PATIENCE_MS)
			leave_room();
		sched_yield();
	}
}

static void *send_all(void *thread)
{
	for (int i = 0; i < MANY; i++)
		send_one(i, thread);
	return NULL;
}

static void *accept_parked(void *unused)
{
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	CHECK_OK(sem_post(&ready));
	while (next < MANY) {
		struct timespec soon = in_ms(CLOCK_REALTIME, 5);
		CHECK(sem_timedwait(&never, &soon) == -1 && (errno == EINTR || errno == ETIMEDOUT));
	}
	return unused;
}

static void *accept_computing(void *unused)
{
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	CHECK_OK(sem_post(&ready));
	while (next < MANY)
		;
	return unused;
}

static void *accept_in_calls(void *unused)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	CHECK_OK(sem_post(&ready));
	while (next < MANY) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		sched_yield();
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	return unused;
}

static void *accept_at_times(void *unused)
{
	CHECK_OK(sem_post(&ready));
	while (next < MANY) {
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
		sched_yield();
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	}
	return unused;
}

static void *(*const receivers[])(void *) = {accept_parked, accept_computing, accept_in_calls, accept_at_times};

int main(void)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	signal_number = SIGRTMIN + 4;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, signal_number));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_OK(sigaction(signal_number, &action, NULL));
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(sem_init(&never, 0, 0));
	leave_room();
	for (unsigned i = 0; i < sizeof receivers / sizeof *receivers; i++)
		for (int directed = 0; directed < 2; directed++) {
			next = 0;
			pthread_t receiver = check_start(receivers[i], NULL);
			CHECK_OK(sem_wait(&ready));
			check_join(check_start(send_all, directed ? &receiver : NULL));
			check_join(receiver);
			CHECK_EQ(next, MANY);
		}
	return 0;
}
