/* What pthread_getattr_np tells of a thread's stack is so: as large as asked for, with the guard right below, as large as
 * that was asked for. A fault there says that the memory is not to be touched, not that there is none. */
#include "check.h"
#include <setjmp.h>
#include <stdint.h>

enum { PAGE = 4096 };

static __thread sigjmp_buf back;
static __thread siginfo_t fault;

static void handle(int unused, siginfo_t *info, void *context)
{
	(void)unused;
	(void)context;
	fault = *info;
	siglongjmp(back, 1);
}

/* Whether a write there is refused; what came with the signal is in `fault`. */
static int is_refused(char *address)
{
	if (sigsetjmp(back, 1))
		return 1;
	*(volatile char *)address = 1;
	return 0;
}

static void check_fault(char *address)
{
	CHECK(is_refused(address));
	CHECK_EQ(fault.si_signo, SIGSEGV);
	CHECK_EQ(fault.si_code, SEGV_ACCERR);
	CHECK(fault.si_addr == address);
}

struct wish {
	size_t stack, guard;
};

static void *look(void *arg)
{
	const struct wish *wish = arg;
	pthread_attr_t own;
	void *base;
	size_t size, guard;
	char alternate[SIGSTKSZ];
	stack_t other = {.ss_sp = alternate, .ss_size = sizeof alternate};
	CHECK_OK(sigaltstack(&other, NULL));
	CHECK_OK(pthread_getattr_np(pthread_self(), &own));
	CHECK_OK(pthread_attr_getstack(&own, &base, &size));
	CHECK_OK(pthread_attr_getguardsize(&own, &guard));
	CHECK_OK(pthread_attr_destroy(&own));
	CHECK_EQ(size, wish->stack);
	CHECK_EQ(guard, (wish->guard + PAGE - 1) / PAGE * PAGE);
	CHECK((char *)&own > (char *)base && (char *)&own < (char *)base + size);
	/* libraries find what they look for on the stack, thread-local variables as well */
	CHECK((char *)&fault > (char *)base && (char *)&fault < (char *)base + size);
	/* (The lowest bytes are where builds of libgreen that check themselves look for overflows.) */
	CHECK(!is_refused((char *)base + PAGE / 2));
	for (size_t below = guard; below > 0; below -= PAGE) {
		check_fault((char *)base - below);
		check_fault((char *)base - below + PAGE - 1);
	}
	/* elsewhere a fault says what it said */
	CHECK(is_refused((char *)PAGE));
	CHECK_EQ(fault.si_code, SEGV_MAPERR);
	stack_t none = {.ss_flags = SS_DISABLE};
	CHECK_OK(sigaltstack(&none, NULL));
	return NULL;
}

static void in_a_thread_with(struct wish wish)
{
	pthread_attr_t attributes;
	pthread_t thread;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, wish.stack));
	CHECK_OK(pthread_attr_setguardsize(&attributes, wish.guard));
	CHECK_OK(pthread_create(&thread, &attributes, look, &wish));
	check_join(thread);
	CHECK_OK(pthread_attr_destroy(&attributes));
}

static void *look_at_main(void *main_thread)
{
	pthread_attr_t its;
	void *base;
	size_t size;
	CHECK_OK(pthread_getattr_np(*(pthread_t *)main_thread, &its));
	CHECK_OK(pthread_attr_getstack(&its, &base, &size));
	CHECK_OK(pthread_attr_destroy(&its));
	CHECK((char *)main_thread > (char *)base && (char *)main_thread < (char *)base + size);
	return NULL;
}

int main(void)
{
	static const size_t stacks[] = {64 << 10, 256 << 10, 1 << 20, 8 << 20};
	static const size_t guards[] = {PAGE, 0, 3 * PAGE, 100000};
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	CHECK_OK(sigaction(SIGSEGV, &action, NULL));
	for (size_t i = 0; i < sizeof stacks / sizeof stacks[0]; i++)
		for (size_t j = 0; j < sizeof guards / sizeof guards[0]; j++)
			/* more than are made one by one; the last ones are copies, or used before */
			for (int round = 0; round < 8; round++)
				in_a_thread_with((struct wish){stacks[i], guards[j]});
	pthread_t self = pthread_self();
	check_join(check_start(look_at_main, &self));
	return 0;
}
