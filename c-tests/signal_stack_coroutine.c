/* Coroutines on stacks of a few kilobytes: a handler that is to run on the alternate stack leaves the interrupted one
 * alone, below the red zone as well, whether a signal comes by chance or the coroutine causes it. */
#include "check.h"
#include <stdint.h>
#include <ucontext.h>

enum { COROUTINES = 4, SMALL = 16 * 1024, MARKED = 12 * 1024, ALTERNATE = 64 * 1024, ROUNDS = 200 };

static __thread char *alternate;
static __thread ucontext_t back, inside[COROUTINES];
static __thread char *stacks[COROUTINES];
static __thread volatile int handled, switched;
static int finished;
static sigset_t usr1;

static void handle(int signal_number, siginfo_t *info, void *context)
{
	(void)signal_number;
	(void)info;
	CHECK((uintptr_t)context - (uintptr_t)alternate < ALTERNATE);
	if (handled % 8 == 0)
		usleep(50);
	handled++;
}

static void fault(int signal_number, siginfo_t *info, void *context)
{
	(void)signal_number;
	(void)info;
	CHECK((uintptr_t)context - (uintptr_t)alternate < ALTERNATE);
	/* past the instruction, which is two bytes long */
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
	handled++;
}

/* Kept small: this runs on the small stack. */
static void run(int number)
{
	char *stack = stacks[number];
	for (int round = 0;; round++) {
		memset(stack, 0x5a, MARKED);
		for (volatile int i = 0; i < 500; i++)
			;
		/* ud2 */
		__asm__ volatile(".byte 0x0f, 0x0b" ::: "memory");
		for (int i = 0; i < MARKED; i++)
			if (stack[i] != 0x5a)
				__builtin_trap();
		switched++;
		swapcontext(&inside[number], &back);
	}
}

static void *be_interrupted(void *unused)
{
	alternate = malloc(ALTERNATE);
	CHECK(alternate != NULL);
	stack_t stack = {.ss_sp = alternate, .ss_size = ALTERNATE};
	CHECK_OK(sigaltstack(&stack, NULL));
	handled = switched = 0;
	for (int i = 0; i < COROUTINES; i++) {
		stacks[i] = malloc(SMALL);
		CHECK(stacks[i] != NULL);
		CHECK_OK(getcontext(&inside[i]));
		inside[i].uc_stack.ss_sp = stacks[i];
		inside[i].uc_stack.ss_size = SMALL;
		makecontext(&inside[i], (void (*)(void))run, 1, i);
		CHECK_OK(sigdelset(&inside[i].uc_sigmask, SIGUSR1));
	}
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
	for (int round = 0; round < ROUNDS; round++) {
		CHECK_OK(swapcontext(&back, &inside[round % COROUTINES]));
		if (round % 16 == 0)
			usleep(100);
	}
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	CHECK_EQ(switched, ROUNDS);
	CHECK(handled >= ROUNDS);
	for (int i = 0; i < COROUTINES; i++)
		free(stacks[i]);
	stack.ss_flags = SS_DISABLE;
	CHECK_OK(sigaltstack(&stack, NULL));
	free(alternate);
	return unused;
}

static void *interrupt(void *target)
{
	while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
		CHECK_OK(pthread_kill(*(pthread_t *)target, SIGUSR1));
		usleep(50);
	}
	return NULL;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	CHECK_OK(sigaction(SIGILL, &action, NULL));
	action.sa_sigaction = handle;
	action.sa_flags |= SA_RESTART;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigemptyset(&usr1));
	CHECK_OK(sigaddset(&usr1, SIGUSR1));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	/* before there is a second thread */
	be_interrupted(NULL);
	for (int i = 0; i < 3; i++) {
		__atomic_store_n(&finished, 0, __ATOMIC_RELEASE);
		pthread_t self = pthread_self(), interrupter = check_start(interrupt, &self);
		pthread_t other = check_start(be_interrupted, NULL), third = check_start(interrupt, &other);
		be_interrupted(NULL);
		__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
		check_join(interrupter);
		check_join(third);
		check_join(other);
	}
	return 0;
}
