/* A one-shot handler runs once, however many threads are hit at a time; more signals than the limit allows are refused,
 * and those that were not are all handled. */
#include "check.h"
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>

enum { THREADS = 4, ROUNDS = 200, LIMIT = 3000 };

static atomic_int shots, count;
static pthread_barrier_t barrier;

static void shoot(int signal_number)
{
	(void)signal_number;
	shots++;
}

static void *be_hit(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		if (i % 2)
			CHECK_OK(raise(SIGURG));
		else
			CHECK_OK(kill(getpid(), SIGURG));
		pthread_barrier_wait(&barrier);
	}
	return unused;
}

static void one_shot_handlers_run_once(void)
{
	struct sigaction action = {.sa_handler = shoot, .sa_flags = SA_RESETHAND | SA_NODEFER}, now;
	pthread_t threads[THREADS];
	CHECK_OK(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(be_hit, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(sigaction(SIGURG, &action, NULL));
		/* one of the last round that is under way still may be the one */
		CHECK(shots == i || shots == i + 1);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		while (shots == i)
			sched_yield();
		CHECK_EQ(shots, i + 1);
		CHECK_OK(sigaction(SIGURG, NULL, &now));
		CHECK(now.sa_handler == SIG_DFL);
	}
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(shots, ROUNDS);
	/* System V's is such a one */
	CHECK(sysv_signal(SIGURG, shoot) == SIG_DFL);
	CHECK_OK(raise(SIGURG));
	CHECK_OK(raise(SIGURG));
	CHECK_EQ(shots, ROUNDS + 1);
}

static void in_order(int signal_number, siginfo_t *info, void *context)
{
	(void)signal_number;
	(void)context;
	CHECK_EQ(info->si_value.sival_int, count);
	count++;
}

static void *queue_too_many(void *to_process)
{
	sigset_t queued;
	int sent, error = 0;
	count = 0;
	CHECK_OK(sigemptyset(&queued));
	CHECK_OK(sigaddset(&queued, SIGRTMIN));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &queued, NULL));
	for (sent = 0; sent <= LIMIT; sent++) {
		union sigval value = {.sival_int = sent};
		if (to_process == NULL)
			error = pthread_sigqueue(pthread_self(), SIGRTMIN, value);
		else
			error = sigqueue(getpid(), SIGRTMIN, value) == 0 ? 0 : errno;
		if (error != 0)
			break;
	}
	/* other processes of the user's may have some waiting */
	CHECK_EQ(error, EAGAIN);
	CHECK(sent > 0 && sent <= LIMIT);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &queued, NULL));
	CHECK_EQ(count, sent);
	return NULL;
}

static void the_limit_holds(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		struct sigaction action = {.sa_sigaction = in_order, .sa_flags = SA_SIGINFO};
		struct rlimit limit = {LIMIT, LIMIT};
		sigset_t queued;
		CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &limit));
		CHECK_OK(sigaction(SIGRTMIN, &action, NULL));
		queue_too_many(NULL);
		queue_too_many(&limit);
		CHECK_OK(sigemptyset(&queued));
		CHECK_OK(sigaddset(&queued, SIGRTMIN));
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &queued, NULL));
		for (int i = 0; i < 3; i++) {
			check_join(check_start(queue_too_many, NULL));
			check_join(check_start(queue_too_many, &limit));
		}
		_exit(0);
	}
	check_child_succeeds(child);
}

int main(void)
{
	one_shot_handlers_run_once();
	the_limit_holds();
	return 0;
}
