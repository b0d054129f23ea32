/* A handler on an alternate stack with SS_AUTODISARM may be interrupted by others, which follow it on that stack, take
 * as much of it as they need, wait there, and leave for other contexts and come back; so may a handler that interrupts
 * a coroutine of a thread that has given its alternate stack up. */
#include "check.h"
#include <ucontext.h>

#define AUTODISARM ((int)(1U << 31))

enum { SIZE = 1024 * 1024, LARGE = 200 * 1024, PAGE = 4096, ROUNDS = 10, THREADS = 4 };

static __thread char *stack;
static __thread volatile int handled;
static __thread ucontext_t outside, inside;

static int is_on_stack(const void *address)
{
	return (const char *)address >= stack && (const char *)address < stack + SIZE;
}

__attribute__((noinline)) static void use_much(void)
{
	volatile char room[LARGE];
	for (int i = 0; i < LARGE; i += PAGE)
		room[i] = (char)handled;
	usleep(50);
	for (int i = 0; i < LARGE; i += PAGE)
		CHECK_EQ(room[i], (char)handled);
}

static void need_room(int signal_number)
{
	CHECK(is_on_stack(&signal_number));
	use_much();
	handled++;
}

static void leave(int signal_number)
{
	CHECK(is_on_stack(&signal_number));
	handled++;
	CHECK_OK(swapcontext(&inside, &outside));
	CHECK(is_on_stack(&signal_number));
	handled++;
}

static void begin(int signal_number)
{
	CHECK(is_on_stack(&signal_number));
	raise(SIGUSR2);
	raise(SIGHUP);
	handled++;
}

static void run_with_disarmed_stack(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		stack_t now;
		handled = 0;
		raise(SIGUSR1);
		CHECK_EQ(handled, 4);
		CHECK_OK(sigaltstack(NULL, &now));
		CHECK(now.ss_sp == stack);
		CHECK_EQ(now.ss_flags, AUTODISARM);
	}
	handled = -1;
	CHECK_OK(swapcontext(&inside, &outside));
}

static void run_without_stack(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		raise(SIGUSR2);
		raise(SIGHUP);
	}
	handled = -1;
	CHECK_OK(swapcontext(&inside, &outside));
}

/* Runs that on `room`, and goes on with it whenever it is left. */
static void run_coroutine(void (*body)(void), char *room)
{
	CHECK_OK(getcontext(&inside));
	inside.uc_stack.ss_sp = room;
	inside.uc_stack.ss_size = SIZE;
	inside.uc_link = NULL;
	makecontext(&inside, body, 0);
	for (handled = 0; handled != -1;) {
		CHECK_OK(swapcontext(&outside, &inside));
		usleep(30);
	}
}

static void *check_all(void *unused)
{
	char *room = malloc(SIZE);
	stack = malloc(SIZE);
	CHECK(stack != NULL && room != NULL);
	stack_t own = {.ss_sp = stack, .ss_size = SIZE, .ss_flags = AUTODISARM};
	CHECK_OK(sigaltstack(&own, NULL));
	run_coroutine(run_with_disarmed_stack, room);
	own.ss_flags = SS_DISABLE;
	CHECK_OK(sigaltstack(&own, NULL));
	run_coroutine(run_without_stack, stack);
	free(room);
	free(stack);
	return unused;
}

static void handle(int signal_number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	CHECK_OK(sigaction(signal_number, &action, NULL));
}

int main(void)
{
	handle(SIGUSR1, begin);
	handle(SIGUSR2, need_room);
	handle(SIGHUP, leave);
	pthread_t threads[THREADS];
	check_all(NULL);
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(check_all, NULL);
	check_all(NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	return 0;
}
