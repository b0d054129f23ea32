/* Contexts of <ucontext.h> carry signal masks: setcontext, swapcontext and the way on through uc_link change the
 * thread's mask, here as in the kernel, also while threads wait inside of contexts and change kernel threads. */
#include "check.h"
#include <stdint.h>
#include <ucontext.h>

enum { STACK_SIZE = 64 * 1024, ROUNDS = 200, THREADS = 4 };

static __thread ucontext_t home, fiber, third;
static __thread volatile int steps, handled;
static int feed_ends[2];

static sigset_t set_of(int signal_number)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, signal_number));
	return set;
}

/* Both what the library says and what the kernel does. */
static void mask_is(int blocked, int open)
{
	sigset_t now;
	int before = handled;
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &now));
	CHECK_EQ(sigismember(&now, blocked), 1);
	CHECK_EQ(sigismember(&now, open), 0);
	CHECK_OK(raise(open));
	CHECK_EQ(handled, before + 1);
}

static void count(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void take_turns(int first, int second)
{
	CHECK_EQ(first, 11);
	CHECK_EQ(second, 22);
	for (int i = 0; i < ROUNDS; i++) {
		mask_is(SIGUSR2, SIGUSR1);
		if (i % 8 == 0)
			usleep(10);
		mask_is(SIGUSR2, SIGUSR1);
		steps++;
		CHECK_OK(swapcontext(&fiber, &home));
	}
	/* goes on in uc_link */
}

static void make(ucontext_t *context, ucontext_t *link, int blocked)
{
	CHECK_OK(getcontext(context));
	context->uc_stack.ss_sp = malloc(STACK_SIZE);
	CHECK(context->uc_stack.ss_sp != NULL);
	context->uc_stack.ss_size = STACK_SIZE;
	context->uc_link = link;
	context->uc_sigmask = set_of(blocked);
}

static void take_many(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
	CHECK(a == 1 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6 && g == 7 && h == 8 && i == 9);
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	CHECK_EQ(here % 16, 0);
	steps++;
}

static void *swap_often(void *unused)
{
	sigset_t usr1 = set_of(SIGUSR1), none;
	CHECK_OK(sigemptyset(&none));
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &usr1, NULL));
	steps = handled = 0;
	make(&fiber, &home, SIGUSR2);
	makecontext(&fiber, (void (*)(void))take_turns, 2, 11, 22);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(swapcontext(&home, &fiber));
		CHECK_EQ(steps, i + 1);
		mask_is(SIGUSR1, SIGUSR2);
	}
	/* the last time it returns, and its link leads back here */
	CHECK_OK(swapcontext(&home, &fiber));
	CHECK_EQ(steps, ROUNDS);
	mask_is(SIGUSR1, SIGUSR2);
	free(fiber.uc_stack.ss_sp);

	make(&third, &home, SIGUSR2);
	makecontext(&third, (void (*)(void))take_many, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9);
	CHECK_OK(swapcontext(&home, &third));
	CHECK_EQ(steps, ROUNDS + 1);
	mask_is(SIGUSR1, SIGUSR2);
	free(third.uc_stack.ss_sp);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	return unused;
}

/* A context that is set again and again, with a mask of its own each time. */
static void *set_often(void *unused)
{
	static __thread ucontext_t again;
	sigset_t none;
	volatile int round = 0;
	CHECK_OK(sigemptyset(&none));
	CHECK_OK(getcontext(&again));
	if (round > 0)
		mask_is(round % 2 ? SIGUSR1 : SIGUSR2, round % 2 ? SIGUSR2 : SIGUSR1);
	if (round % 8 == 0)
		usleep(10);
	if (round++ < ROUNDS) {
		again.uc_sigmask = set_of(round % 2 ? SIGUSR1 : SIGUSR2);
		setcontext(&again);
		CHECK(0);
	}
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	return unused;
}

/* What became pending under one mask is handled under the next. */
static void see_it_handled(void)
{
	CHECK_EQ(handled, 1);
	steps++;
}

static void *open_with_pending(void *unused)
{
	sigset_t usr1 = set_of(SIGUSR1), none;
	CHECK_OK(sigemptyset(&none));
	for (int i = 0; i < 20; i++) {
		CHECK_OK(pthread_sigmask(SIG_SETMASK, &usr1, NULL));
		steps = handled = 0;
		make(&fiber, &home, SIGUSR2);
		makecontext(&fiber, see_it_handled, 0);
		CHECK_OK(raise(SIGUSR1));
		CHECK_EQ(handled, 0);
		CHECK_OK(swapcontext(&home, &fiber));
		CHECK_EQ(steps, 1);
		CHECK_EQ(handled, 1);
		mask_is(SIGUSR1, SIGUSR2);
		free(fiber.uc_stack.ss_sp);
		CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	}
	return unused;
}

/* A handler that goes elsewhere instead of returning. */
static void leave(int signal_number)
{
	(void)signal_number;
	CHECK_OK(setcontext(&home));
}

static void *leave_handlers(void *unused)
{
	volatile int round = 0;
	CHECK_OK(getcontext(&home));
	mask_is(SIGTERM, SIGUSR1);
	if (round++ < 50) {
		CHECK_OK(raise(SIGHUP));
		CHECK(0);
	}
	return unused;
}

static void *do_all(void *unused)
{
	sigset_t term = set_of(SIGTERM), none;
	CHECK_OK(sigemptyset(&none));
	swap_often(NULL);
	set_often(NULL);
	open_with_pending(NULL);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &term, NULL));
	leave_handlers(NULL);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	return unused;
}

/* A receiver that waits inside of a fiber. */
static void receive_byte(void)
{
	char byte;
	CHECK_EQ(read(feed_ends[0], &byte, 1), 1);
	steps++;
}

static void *wait_in_fiber(void *unused)
{
	steps = 0;
	for (int i = 0; i < 20; i++) {
		make(&fiber, &home, SIGUSR2);
		makecontext(&fiber, receive_byte, 0);
		CHECK_OK(swapcontext(&home, &fiber));
		CHECK_EQ(steps, i + 1);
		free(fiber.uc_stack.ss_sp);
	}
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = leave};
	pthread_t threads[THREADS], waiters[THREADS];
	CHECK_OK(sigaction(SIGHUP, &action, NULL));
	action.sa_handler = count;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(pipe(feed_ends));
	swap_often(NULL);
	set_often(NULL);
	open_with_pending(NULL);
	for (int i = 0; i < THREADS; i++) {
		threads[i] = check_start(do_all, NULL);
		waiters[i] = check_start(wait_in_fiber, NULL);
	}
	do_all(NULL);
	for (int i = 0; i < 20 * THREADS; i++) {
		CHECK_EQ(write(feed_ends[1], "x", 1), 1);
		if (i % 4 == 0)
			sleep_ms(1);
	}
	for (int i = 0; i < THREADS; i++) {
		check_join(threads[i]);
		check_join(waiters[i]);
	}
	pid_t child = check_fork();
	if (child == 0) {
		do_all(NULL);
		_exit(0);
	}
	check_child_succeeds(child);
	return 0;
}
