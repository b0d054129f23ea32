/* A handler on its thread's alternate stack has all of that to itself, whoever else runs handlers meanwhile, and may
 * do there what it may do elsewhere: sleep, wait for a lock, receive, and be interrupted by other handlers. */
#include "net.h"
#include <stdint.h>

enum { THREADS = 12, ROUNDS = 8, STACK_SIZE = 256 * 1024, USED = 180 * 1024 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static __thread char *own_stack;
static __thread volatile int outer, inner;
static __thread int ends[2];
static int finished;

static int is_on_own(const void *address)
{
	return (uintptr_t)address - (uintptr_t)own_stack < STACK_SIZE;
}

static void handle_inner(int signal_number)
{
	char local;
	(void)signal_number;
	CHECK(is_on_own(&local));
	usleep(100);
	inner++;
}

static void handle_outer(int signal_number)
{
	volatile unsigned char used[USED];
	unsigned char pattern = (unsigned char)(uintptr_t)own_stack ^ (unsigned char)((uintptr_t)own_stack >> 12);
	char byte;
	(void)signal_number;
	CHECK(is_on_own((void *)used) && is_on_own((void *)(used + USED - 1)));
	memset((void *)used, pattern, USED);
	switch (outer % 4) {
	case 0:
		/* Goes on after an interruption: SIGUSR2 is not blocked here. */
		sleep_ms(2);
		break;
	case 1:
		CHECK_OK(pthread_mutex_lock(&mutex));
		usleep(500);
		CHECK_OK(pthread_mutex_unlock(&mutex));
		break;
	case 2:
		CHECK_EQ(recv(ends[0], &byte, 1, 0), 1);
		break;
	default:
		CHECK_OK(raise(SIGUSR2));
	}
	for (int i = 0; i < USED; i++)
		CHECK_EQ(used[i], pattern);
	outer++;
}

static void *feed(void *fd)
{
	while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
		send(*(int *)fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		sleep_ms(1);
	}
	return NULL;
}

static void *be_interrupted(void *unused)
{
	own_stack = malloc(STACK_SIZE);
	CHECK(own_stack != NULL);
	stack_t stack = {.ss_sp = own_stack, .ss_size = STACK_SIZE};
	CHECK_OK(sigaltstack(&stack, NULL));
	unix_pair(ends);
	pthread_t feeder = check_start(feed, &ends[1]);
	CHECK((pthread_barrier_wait(&barrier), 1));
	long until = monotonic_ms() + 45000;
	while (outer < ROUNDS && monotonic_ms() < until)
		usleep(1000);
	CHECK(outer >= ROUNDS);
	CHECK(inner >= ROUNDS / 4);
	CHECK((pthread_barrier_wait(&barrier), 1));
	/* from here on nobody sends */
	CHECK((pthread_barrier_wait(&barrier), 1));
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
	check_join(feeder);
	stack.ss_flags = SS_DISABLE;
	CHECK_OK(sigaltstack(&stack, NULL));
	free(own_stack);
	return unused;
}

static int all_ready;
static pthread_t threads[THREADS];

static void *send_signals(void *unused)
{
	for (unsigned i = 0; !__atomic_load_n(&all_ready, __ATOMIC_ACQUIRE); i++) {
		CHECK_OK(pthread_kill(threads[i % THREADS], i % 5 == 0 ? SIGUSR2 : SIGUSR1));
		usleep(200);
	}
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle_outer, .sa_flags = SA_ONSTACK | SA_RESTART};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	action.sa_handler = handle_inner;
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(be_interrupted, NULL);
	CHECK((pthread_barrier_wait(&barrier), 1));
	pthread_t sender = check_start(send_signals, NULL);
	CHECK((pthread_barrier_wait(&barrier), 1));
	__atomic_store_n(&all_ready, 1, __ATOMIC_RELEASE);
	check_join(sender);
	CHECK((pthread_barrier_wait(&barrier), 1));
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	return 0;
}
