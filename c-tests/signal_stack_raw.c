/* A runtime that asks the kernel itself, by instructions of its own, for the alternate stack and uses what it finds
 * (as Go's does) has its handlers run there, never on the small stacks that it runs its routines on; and such a handler,
 * too, may wait. */
#include "check.h"
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>

enum { SMALL = 16 * 1024, MARKED = 10 * 1024, ALTERNATE = 64 * 1024, ROUNDS = 300, THREADS = 3 };

static __thread ucontext_t back, routine;
static __thread char *small, *alternate;
static __thread volatile int handled, on_small, rounds;
static int finished, ended;
static sigset_t usr1;

static long raw_sigaltstack(const stack_t *new, stack_t *old)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"((long)SYS_sigaltstack), "D"(new), "S"(old) : "rcx", "r11", "memory");
	return result;
}

static void handle(int signal_number, siginfo_t *info, void *context)
{
	char local;
	stack_t now;
	uintptr_t interrupted = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RSP];
	(void)signal_number;
	(void)info;
	handled++;
	/* on the thread's own stack there is room */
	if (interrupted - (uintptr_t)small >= SMALL)
		return;
	on_small++;
	CHECK_OK(raw_sigaltstack(NULL, &now));
	CHECK(!(now.ss_flags & SS_DISABLE));
	CHECK((uintptr_t)&local - (uintptr_t)now.ss_sp < now.ss_size);
	CHECK((uintptr_t)context - (uintptr_t)now.ss_sp < now.ss_size);
	if (on_small % 8 == 0)
		usleep(100);
	CHECK_OK(raw_sigaltstack(NULL, &now));
	CHECK((uintptr_t)&local - (uintptr_t)now.ss_sp < now.ss_size);
}

/* Kept small: this runs on the small stack. */
static void run(void)
{
	for (;;) {
		memset(small, 0x5a, MARKED);
		if (rounds % 4 == 0)
			pthread_kill(pthread_self(), SIGUSR1);
		for (volatile int i = 0; i < 2000; i++)
			;
		for (int i = 0; i < MARKED; i++)
			if (small[i] != 0x5a)
				__builtin_trap();
		rounds++;
		swapcontext(&routine, &back);
	}
}

static void *be_interrupted(void *unused)
{
	stack_t found, own;
	CHECK_OK(raw_sigaltstack(NULL, &found));
	if (found.ss_flags & SS_DISABLE) {
		alternate = malloc(ALTERNATE);
		CHECK(alternate != NULL);
		own = (stack_t){.ss_sp = alternate, .ss_size = ALTERNATE};
		CHECK_OK(raw_sigaltstack(&own, NULL));
	}
	small = malloc(SMALL);
	CHECK(small != NULL);
	CHECK_OK(getcontext(&routine));
	routine.uc_stack.ss_sp = small;
	routine.uc_stack.ss_size = SMALL;
	makecontext(&routine, run, 0);
	CHECK_OK(sigdelset(&routine.uc_sigmask, SIGUSR1));
	rounds = handled = on_small = 0;
	for (int i = 0; i < ROUNDS || on_small < 20; i++) {
		CHECK_OK(swapcontext(&back, &routine));
		if (i % 16 == 0)
			usleep(10);
	}
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	CHECK(rounds >= ROUNDS);
	free(small);
	__atomic_add_fetch(&ended, 1, __ATOMIC_ACQ_REL);
	return unused;
}

static void *interrupt(void *targets)
{
	pthread_t *threads = targets;
	while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
		for (int i = 0; i < THREADS; i++)
			CHECK_OK(pthread_kill(threads[i], SIGUSR1));
		usleep(50);
	}
	return NULL;
}

int main(void)
{
	static pthread_t threads[THREADS];
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigemptyset(&usr1));
	CHECK_OK(sigaddset(&usr1, SIGUSR1));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	threads[0] = pthread_self();
	for (int i = 1; i < THREADS; i++)
		threads[i] = check_start(be_interrupted, NULL);
	pthread_t interrupter = check_start(interrupt, threads);
	be_interrupted(NULL);
	/* the others need as many */
	while (__atomic_load_n(&ended, __ATOMIC_ACQUIRE) < THREADS)
		sleep_ms(1);
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
	check_join(interrupter);
	for (int i = 1; i < THREADS; i++)
		check_join(threads[i]);
	return 0;
}
