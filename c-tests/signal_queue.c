/* Real-time signals queue, one by one, each with its value, in order, lowest number first, for the thread that they are
 * sent to or for the process; of a standard one the first is kept, for each thread its own. */
#include "check.h"
#include <sched.h>
#include <semaphore.h>

enum { MANY = 500, SIGNALS = 4, THREADS = 4 };

struct record {
	int signal_number, code, value;
	pid_t sender;
};

static __thread struct record records[MANY + 10];
static __thread volatile int count;
static pthread_t main_thread;

static void note(int signal_number, siginfo_t *info, void *context)
{
	(void)context;
	CHECK_EQ(info->si_signo, signal_number);
	CHECK(count < MANY + 10);
	records[count] = (struct record){signal_number, info->si_code, info->si_value.sival_int, info->si_pid};
	count++;
}

static union sigval value_of(int value)
{
	return (union sigval){.sival_int = value};
}

static sigset_t used_signals(void)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, SIGUSR1));
	CHECK_OK(sigaddset(&set, SIGUSR2));
	for (int i = 0; i < SIGNALS; i++)
		CHECK_OK(sigaddset(&set, SIGRTMIN + i));
	return set;
}

static void change_mask(int how)
{
	sigset_t set = used_signals();
	CHECK_OK(pthread_sigmask(how, &set, NULL));
}

static void queued_in_order(int signal_number, int how_many)
{
	CHECK_EQ(count, how_many);
	for (int i = 0; i < how_many; i++) {
		CHECK_EQ(records[i].signal_number, signal_number);
		CHECK_EQ(records[i].code, SI_QUEUE);
		CHECK_EQ(records[i].value, i);
		CHECK_EQ(records[i].sender, getpid());
	}
	count = 0;
}

/* Run by whoever alone accepts them then. */
static void *sent_to_the_process(void *unused)
{
	for (int i = 0; i < MANY; i++)
		CHECK_OK(sigqueue(getpid(), SIGRTMIN, value_of(i)));
	CHECK_EQ(count, 0);
	change_mask(SIG_UNBLOCK);
	queued_in_order(SIGRTMIN, MANY);
	change_mask(SIG_BLOCK);
	return unused;
}

static void *sent_to_myself(void *unused)
{
	for (int i = 0; i < MANY; i++)
		CHECK_OK(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, value_of(i)));
	sched_yield();
	CHECK_EQ(count, 0);
	change_mask(SIG_UNBLOCK);
	queued_in_order(SIGRTMIN + 1, MANY);
	change_mask(SIG_BLOCK);
	return unused;
}

/* The handlers block all of them, so that one ends before the next begins. */
static void *lowest_first(void *unused)
{
	for (int round = 0; round < 3; round++)
		for (int i = SIGNALS - 1; i >= 0; i--)
			CHECK_OK(pthread_sigqueue(pthread_self(), SIGRTMIN + i, value_of(round)));
	CHECK_OK(pthread_sigqueue(pthread_self(), SIGUSR2, value_of(7)));
	change_mask(SIG_UNBLOCK);
	CHECK_EQ(count, 3 * SIGNALS + 1);
	CHECK_EQ(records[0].signal_number, SIGUSR2);
	for (int i = 0; i < SIGNALS; i++)
		for (int round = 0; round < 3; round++) {
			CHECK_EQ(records[1 + 3 * i + round].signal_number, SIGRTMIN + i);
			CHECK_EQ(records[1 + 3 * i + round].value, round);
		}
	count = 0;
	change_mask(SIG_BLOCK);
	return unused;
}

/* What is for the thread comes before what is for the process. */
static void *waited_for(void *unused)
{
	sigset_t set = used_signals();
	siginfo_t info;
	struct timespec none = {0};
	for (int i = 0; i < 50; i++) {
		CHECK_OK(sigqueue(getpid(), SIGRTMIN, value_of(i)));
		CHECK_OK(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, value_of(i)));
	}
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN + 1);
		CHECK_EQ(info.si_value.sival_int, i);
	}
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(sigtimedwait(&set, &info, &none), SIGRTMIN);
		CHECK_EQ(info.si_value.sival_int, i);
		CHECK_EQ(info.si_code, SI_QUEUE);
	}
	CHECK_ERRNO(sigtimedwait(&set, &info, &none), EAGAIN);
	return unused;
}

static void *standard_ones_keep_the_first(void *unused)
{
	for (int i = 1; i <= 3; i++)
		CHECK_OK(pthread_sigqueue(pthread_self(), SIGUSR1, value_of(i)));
	CHECK_OK(sigqueue(getpid(), SIGUSR1, value_of(4)));
	CHECK_OK(sigqueue(getpid(), SIGUSR1, value_of(5)));
	change_mask(SIG_UNBLOCK);
	/* one for the thread, one for the process */
	CHECK_EQ(count, 2);
	CHECK_EQ(records[0].value, 1);
	CHECK_EQ(records[1].value, 4);
	count = 0;
	change_mask(SIG_BLOCK);
	return unused;
}

/* What waits goes when the signal is ignored, and does not come back. */
static void *ignored_ones_are_forgotten(void *unused)
{
	struct sigaction before, ignore = {.sa_handler = SIG_IGN};
	sigset_t pending;
	CHECK_OK(pthread_sigqueue(pthread_self(), SIGRTMIN + 3, value_of(1)));
	CHECK_OK(raise(SIGUSR2));
	CHECK_OK(sigaction(SIGRTMIN + 3, &ignore, &before));
	CHECK_OK(sigaction(SIGUSR2, &ignore, NULL));
	CHECK_OK(sigpending(&pending));
	CHECK(!sigismember(&pending, SIGRTMIN + 3) && !sigismember(&pending, SIGUSR2));
	CHECK_OK(sigaction(SIGRTMIN + 3, &before, NULL));
	CHECK_OK(sigaction(SIGUSR2, &before, NULL));
	CHECK_OK(raise(SIGUSR2));
	change_mask(SIG_UNBLOCK);
	CHECK_EQ(count, 1);
	CHECK_EQ(records[0].signal_number, SIGUSR2);
	count = 0;
	change_mask(SIG_BLOCK);
	return unused;
}

static void do_alone(void)
{
	sent_to_the_process(NULL);
	sent_to_myself(NULL);
	lowest_first(NULL);
	waited_for(NULL);
	standard_ones_keep_the_first(NULL);
	ignored_ones_are_forgotten(NULL);
}

static sem_t ready;

/* Each gets what was sent to it, by another, while it waits. */
static void *receive_mine(void *identity)
{
	int mine = (int)(long)identity;
	char byte;
	int ends[2];
	CHECK_OK(pipe(ends));
	CHECK_OK(sem_post(&ready));
	change_mask(SIG_UNBLOCK);
	while (count < MANY / 2)
		CHECK(read(ends[0], &byte, 1) == -1 && errno == EINTR);
	for (int i = 0; i < MANY / 2; i++)
		CHECK_EQ(records[i].value, mine * 1000 + i);
	change_mask(SIG_BLOCK);
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
	return NULL;
}

static void sent_to_others(const pthread_attr_t *attributes, int threads_count)
{
	pthread_t threads[THREADS];
	for (long i = 0; i < threads_count; i++) {
		CHECK_OK(pthread_create(&threads[i], attributes, receive_mine, (void *)i));
		CHECK_OK(sem_wait(&ready));
	}
	for (int i = 0; i < MANY / 2; i++)
		for (int j = 0; j < threads_count; j++) {
			CHECK_OK(pthread_sigqueue(threads[j], SIGRTMIN, value_of(j * 1000 + i)));
			if (i % 50 == 49)
				sched_yield();
		}
	/* a read may have begun after the last one was handled: that is no fault of signals */
	for (int j = 0; j < threads_count; j++) {
		struct timespec deadline;
		do {
			pthread_sigqueue(threads[j], SIGRTMIN, value_of(-1));
			deadline = in_ms(CLOCK_REALTIME, 20);
		} while (pthread_timedjoin_np(threads[j], NULL, &deadline) == ETIMEDOUT);
	}
}

static void *send_many(void *unused)
{
	for (int i = 0; i < MANY; i++)
		CHECK_OK(sigqueue(getpid(), SIGRTMIN + 2, value_of(i)));
	return unused;
}

/* All others block it, so the main thread gets each, as it comes. */
static void the_only_one_gets_all_in_order(void)
{
	for (int round = 0; round < 4; round++) {
		count = 0;
		pthread_t sender = check_start(send_many, NULL);
		change_mask(SIG_UNBLOCK);
		while (count < MANY) {
			if (round % 2)
				usleep(100);
			else
				sched_yield();
		}
		change_mask(SIG_BLOCK);
		check_join(sender);
		queued_in_order(SIGRTMIN + 2, MANY);
	}
}

static void *do_alone_on_thread(void *unused)
{
	do_alone();
	return unused;
}

static void *get_what_is_the_process_s(void *unused)
{
	change_mask(SIG_UNBLOCK);
	CHECK_EQ(count, 1);
	CHECK_EQ(records[0].signal_number, SIGRTMIN + 1);
	CHECK_EQ(records[0].value, 77);
	return unused;
}

int main(void)
{
	static char native_stack[256 * 1024] __attribute__((aligned(4096)));
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
	pthread_attr_t native;
	action.sa_mask = used_signals();
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	for (int i = 0; i < SIGNALS; i++)
		CHECK_OK(sigaction(SIGRTMIN + i, &action, NULL));
	CHECK_OK(sem_init(&ready, 0, 0));
	main_thread = pthread_self();
	change_mask(SIG_BLOCK);
	do_alone();

	/* what waits for the main thread before there are others stays its own */
	for (int i = 0; i < 20; i++)
		CHECK_OK(pthread_sigqueue(pthread_self(), SIGRTMIN, value_of(i)));
	CHECK_OK(sigqueue(getpid(), SIGRTMIN + 1, value_of(77)));
	check_join(check_start(get_what_is_the_process_s, NULL));
	CHECK_EQ(count, 0);
	change_mask(SIG_UNBLOCK);
	queued_in_order(SIGRTMIN, 20);
	change_mask(SIG_BLOCK);

	do_alone();
	check_join(check_start(do_alone_on_thread, NULL));
	CHECK_OK(pthread_attr_init(&native));
	CHECK_OK(pthread_attr_setstack(&native, native_stack, sizeof native_stack));
	pthread_t thread;
	CHECK_OK(pthread_create(&thread, &native, do_alone_on_thread, NULL));
	check_join(thread);
	sent_to_others(NULL, THREADS);
	sent_to_others(&native, 1);
	the_only_one_gets_all_in_order();
	pid_t child = check_fork();
	if (child == 0) {
		do_alone();
		check_join(check_start(do_alone_on_thread, NULL));
		_exit(0);
	}
	check_child_succeeds(child);
	return 0;
}
