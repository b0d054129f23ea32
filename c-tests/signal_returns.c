/* A handler may change what it returns to: registers, stack pointer, mask. That holds when it has waited and come back
 * on another kernel thread, too; and whatever other signals come, the thread's mask is never left as some handler had
 * it. */
#include "check.h"
#include <sched.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { THREADS = 4, ROUNDS = 400, STACK_SIZE = 16 * 1024 };

static __thread volatile int handled;
static __thread char *other_stack;
static volatile int *forbidden;

static int is_blocked(int signal_number)
{
	sigset_t now;
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &now));
	return sigismember(&now, signal_number);
}

static void wait_a_little(void)
{
	if (++handled % 8 == 0)
		usleep(10);
	else
		sched_yield();
}

/* Null pointers become zeros, as in a virtual machine: the load of rax is left out, or its address is replaced. */
static int zero;

static void skip_load(int signal_number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	CHECK_EQ(signal_number, SIGSEGV);
	CHECK(info->si_addr == (void *)forbidden);
	CHECK_EQ(registers[REG_RCX], (greg_t)forbidden);
	wait_a_little();
	if (handled % 2)
		registers[REG_RCX] = (greg_t)&zero;
	else {
		registers[REG_RAX] = -1;
		registers[REG_RIP] += 2;
	}
}

static long load(const volatile int *address)
{
	long value = 4711;
	double before = (double)handled * 1.5, after = before;
	__asm__ volatile("movl (%%rcx), %%eax" : "+a"(value) : "c"(address) : "memory");
	/* vector registers survive */
	__asm__ volatile("" : "+x"(after));
	CHECK(before == after);
	return value;
}

static void *load_often(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		long value = load(forbidden);
		CHECK(value == 0 || value == -1);
		CHECK(!is_blocked(SIGSEGV));
	}
	return unused;
}

/* To another function, on another stack. */
static __thread ucontext_t before_detour;

static void detour(void)
{
	char local;
	CHECK((unsigned long)(&local - other_stack) < STACK_SIZE);
	CHECK(is_blocked(SIGUSR2));
	usleep(1);
	CHECK(is_blocked(SIGUSR2));
	CHECK_OK(setcontext(&before_detour));
}

static void divert(int signal_number, siginfo_t *info, void *context)
{
	ucontext_t *here = context;
	(void)signal_number;
	(void)info;
	wait_a_little();
	here->uc_mcontext.gregs[REG_RIP] = (greg_t)detour;
	here->uc_mcontext.gregs[REG_RSP] = (greg_t)(other_stack + STACK_SIZE - 8);
	CHECK_OK(sigaddset(&here->uc_sigmask, SIGUSR2));
}

static void *divert_often(void *unused)
{
	volatile int round = 0;
	other_stack = malloc(STACK_SIZE);
	CHECK(other_stack != NULL);
	CHECK_OK(getcontext(&before_detour));
	CHECK(!is_blocked(SIGUSR2));
	if (round++ < 50) {
		CHECK_OK(raise(SIGUSR1));
		CHECK(0);
	}
	free(other_stack);
	return unused;
}

/* A mask that the handler has changed holds on return; what the handler itself has blocked does not. */
static __thread volatile int block_usr2;

static void change_mask(int signal_number, siginfo_t *info, void *context)
{
	sigset_t *mask = &((ucontext_t *)context)->uc_sigmask, hup;
	(void)signal_number;
	CHECK_OK(sigemptyset(&hup));
	CHECK_OK(sigaddset(&hup, SIGHUP));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &hup, NULL));
	wait_a_little();
	(void)info;
	if (block_usr2)
		CHECK_OK(sigaddset(mask, SIGUSR2));
	else
		CHECK_OK(sigdelset(mask, SIGUSR2));
}

static void *change_masks(void *unused)
{
	struct sigaction action = {.sa_sigaction = change_mask, .sa_flags = SA_SIGINFO};
	CHECK_OK(sigaction(SIGRTMIN, &action, NULL));
	for (int i = 1; i <= 50; i++) {
		block_usr2 = i % 2;
		CHECK_OK(raise(SIGRTMIN));
		CHECK_EQ(is_blocked(SIGUSR2), i % 2);
		sched_yield();
		CHECK_EQ(is_blocked(SIGUSR2), i % 2);
		CHECK(!is_blocked(SIGHUP) && !is_blocked(SIGRTMIN));
	}
	return unused;
}

/* Signals upon signals: whenever no handler runs the thread blocks nothing. */
static int finished;

static void brief(int signal_number)
{
	(void)signal_number;
	if (++handled % 32 == 0)
		usleep(1);
}

static void *stay_open(void *unused)
{
	while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
		for (volatile int i = 0; i < 300; i++)
			;
		CHECK(!is_blocked(SIGUSR1) && !is_blocked(SIGUSR2) && !is_blocked(SIGHUP));
		sched_yield();
	}
	CHECK(handled > 0);
	return unused;
}

static void nested_handlers_leave_no_mask_behind(void)
{
	static const int signals[] = {SIGUSR1, SIGUSR2, SIGHUP};
	struct sigaction action = {.sa_handler = brief};
	pthread_t threads[THREADS];
	for (int i = 0; i < 3; i++)
		CHECK_OK(sigaction(signals[i], &action, NULL));
	__atomic_store_n(&finished, 0, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(stay_open, NULL);
	long until = monotonic_ms() + 700;
	for (unsigned i = 0; monotonic_ms() < until; i++) {
		CHECK_OK(pthread_kill(threads[i % THREADS], signals[i / THREADS % 3]));
		if (i % 4 == 0)
			CHECK_OK(kill(getpid(), signals[i % 3]));
		if (i % 16 == 0)
			usleep(1);
		CHECK(!is_blocked(SIGUSR1) && !is_blocked(SIGUSR2) && !is_blocked(SIGHUP));
	}
	sleep_ms(20);
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static void divert_here(void)
{
	struct sigaction action = {.sa_sigaction = divert, .sa_flags = SA_SIGINFO};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	divert_often(NULL);
}

static void *do_all(void *unused)
{
	load_often(NULL);
	divert_often(NULL);
	change_masks(NULL);
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = skip_load, .sa_flags = SA_SIGINFO};
	pthread_t threads[THREADS];
	forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(forbidden != MAP_FAILED);
	CHECK_OK(sigaction(SIGSEGV, &action, NULL));
	divert_here();
	do_all(NULL);
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(do_all, NULL);
	do_all(NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	sigset_t none;
	CHECK_OK(sigemptyset(&none));
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	nested_handlers_leave_no_mask_behind();
	return 0;
}
