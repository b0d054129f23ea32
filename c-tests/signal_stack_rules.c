/* An alternate signal stack belongs to its thread and follows the kernel's rules: what may be set when, what is
 * reported, where handlers run and what they see. So it is for every kind of thread, in a handler, and after a fork. */
#include "check.h"
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>

/* The smallest that the kernel takes; libc's MINSIGSTKSZ is what a frame may need. */
enum { STACK_SIZE = 64 * 1024, SMALLEST = 2048 };

#define AUTODISARM ((int)(1U << 31))

/* What the handler saw. */
struct seen {
	stack_t in_context, reported;
	char *frame;
	int change_error, fork_status;
	stack_t in_child;
};

static __thread char *own_stack;
static __thread struct seen *seen;
static int (*altstack)(const stack_t *, stack_t *) = sigaltstack;
static int fork_in_handler;

static int by_number(const stack_t *new, stack_t *old)
{
	return (int)syscall(SYS_sigaltstack, new, old);
}

static int is_on(const void *address, const char *stack)
{
	return (const char *)address >= stack && (const char *)address < stack + STACK_SIZE;
}

static stack_t reported(void)
{
	stack_t now;
	memset(&now, 0x55, sizeof now);
	CHECK_OK(altstack(NULL, &now));
	return now;
}

static int same(stack_t a, stack_t b)
{
	return a.ss_sp == b.ss_sp && a.ss_flags == b.ss_flags && a.ss_size == b.ss_size;
}

static stack_t set_own(int flags)
{
	stack_t new = {.ss_sp = own_stack, .ss_size = STACK_SIZE, .ss_flags = flags};
	CHECK_OK(altstack(&new, NULL));
	return new;
}

static void set_none(void)
{
	/* the size does not matter */
	stack_t none = {.ss_flags = SS_DISABLE, .ss_size = 1}, disabled = {.ss_flags = SS_DISABLE};
	CHECK_OK(altstack(&none, NULL));
	CHECK(same(reported(), disabled));
}

static void handle(int signal_number, siginfo_t *info, void *context)
{
	char local;
	stack_t another = {.ss_sp = own_stack, .ss_size = STACK_SIZE / 2};
	CHECK_EQ(info->si_signo, signal_number);
	seen->in_context = ((ucontext_t *)context)->uc_stack;
	seen->reported = reported();
	seen->frame = (char *)context;
	CHECK_EQ(is_on(&local, own_stack), is_on(context, own_stack));
	CHECK_EQ(is_on(info, own_stack), is_on(context, own_stack));
	seen->change_error = altstack(&another, NULL) == 0 ? 0 : errno;
	if (fork_in_handler) {
		pid_t child = check_fork();
		if (child == 0) {
			seen->in_child = reported();
			if (seen->change_error == EPERM)
				CHECK_ERRNO(altstack(&another, NULL), EPERM);
			return;
		}
		CHECK_EQ(waitpid(child, &seen->fork_status, 0), child);
	}
}

static struct seen run_handler(int flags)
{
	struct seen result = {.change_error = -1};
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | flags};
	pid_t self = getpid();
	seen = &result;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(pthread_kill(pthread_self(), SIGUSR1));
	if (getpid() != self) {
		/* the child of the fork in the handler has returned from it */
		stack_t now = reported();
		CHECK(now.ss_sp == own_stack && now.ss_size == STACK_SIZE && now.ss_flags == 0);
		_exit(is_on(result.frame, own_stack) ? result.in_child.ss_flags == SS_ONSTACK : 0);
	}
	return result;
}

static void errors_are_the_kernels(void)
{
	stack_t stack = {.ss_sp = own_stack, .ss_size = SMALLEST - 1}, old;
	set_none();
	CHECK_ERRNO(altstack(&stack, NULL), ENOMEM);
	stack.ss_size = SMALLEST;
	CHECK_OK(altstack(&stack, NULL));
	for (int flags = 3; flags < 32; flags++) {
		stack.ss_flags = flags;
		CHECK_ERRNO(altstack(&stack, NULL), EINVAL);
	}
	stack.ss_flags = SS_ONSTACK;
	CHECK_OK(altstack(&stack, &old));
	CHECK(old.ss_sp == own_stack && old.ss_size == SMALLEST && old.ss_flags == 0);
	stack.ss_flags = 0;
	CHECK_ERRNO(altstack((stack_t *)8, NULL), EFAULT);
	/* the new one holds nevertheless */
	stack.ss_size = STACK_SIZE;
	CHECK_ERRNO(altstack(&stack, (stack_t *)8), EFAULT);
	CHECK(same(reported(), stack));
	/* both may be the same */
	CHECK_OK(altstack(&stack, &stack));
	CHECK(same(reported(), stack));
}

static void handlers_run_where_they_should(void)
{
	stack_t own, none = {.ss_flags = SS_DISABLE};
	struct seen got;

	set_none();
	got = run_handler(SA_ONSTACK);
	CHECK(!is_on(got.frame, own_stack));
	CHECK(same(got.in_context, none) && same(got.reported, none));
	/* what the handler has set goes back with the context */
	CHECK_EQ(got.change_error, 0);
	CHECK(same(reported(), none));

	own = set_own(0);
	got = run_handler(0);
	CHECK(!is_on(got.frame, own_stack));
	CHECK(same(got.in_context, own) && same(got.reported, own));
	CHECK_EQ(got.change_error, 0);
	CHECK(same(reported(), own));

	for (int i = 0; i < 20; i++) {
		got = run_handler(SA_ONSTACK);
		CHECK(is_on(got.frame, own_stack));
		CHECK(same(got.in_context, own));
		CHECK_EQ(got.reported.ss_flags, SS_ONSTACK);
		CHECK(got.reported.ss_sp == own_stack && got.reported.ss_size == STACK_SIZE);
		CHECK_EQ(got.change_error, EPERM);
		CHECK(same(reported(), own));
	}

	own = set_own(AUTODISARM);
	CHECK(same(reported(), own));
	got = run_handler(SA_ONSTACK);
	CHECK(is_on(got.frame, own_stack));
	CHECK(same(got.in_context, own) && same(got.reported, none));
	CHECK_EQ(got.change_error, 0);
	CHECK(same(reported(), own));
	/* any handler disarms it */
	got = run_handler(0);
	CHECK(!is_on(got.frame, own_stack));
	CHECK(same(got.in_context, own) && same(got.reported, none));
	CHECK(same(reported(), own));
}

static void children_keep_it(void)
{
	stack_t own = set_own(0);
	pid_t child = check_fork();
	if (child == 0) {
		CHECK(same(reported(), own));
		CHECK(is_on(run_handler(SA_ONSTACK).frame, own_stack));
		CHECK(same(reported(), own));
		set_none();
		_exit(0);
	}
	check_child_succeeds(child);
	fork_in_handler = 1;
	struct seen got = run_handler(SA_ONSTACK);
	CHECK(WIFEXITED(got.fork_status) && WEXITSTATUS(got.fork_status) == 1);
	got = run_handler(0);
	CHECK(WIFEXITED(got.fork_status) && WEXITSTATUS(got.fork_status) == 0);
	fork_in_handler = 0;
	CHECK(same(reported(), own));
}

static void *check_thread(void *wire)
{
	stack_t none = {.ss_flags = SS_DISABLE}, before = reported(), own;
	if (wire != NULL) {
		cpu_set_t cpus;
		CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
		CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
	}
	own_stack = malloc(STACK_SIZE);
	CHECK(own_stack != NULL);
	CHECK(same(before, none));
	errors_are_the_kernels();
	handlers_run_where_they_should();
	children_keep_it();
	own = set_own(0);
	for (int i = 0; i < 5; i++) {
		sleep_ms(1);
		CHECK(same(reported(), own));
		CHECK(is_on(run_handler(SA_ONSTACK).frame, own_stack));
	}
	set_none();
	free(own_stack);
	return NULL;
}

static void everything_holds(void)
{
	static char native_stack[256 * 1024] __attribute__((aligned(4096)));
	pthread_attr_t attributes;
	pthread_t thread;
	stack_t own = set_own(0);

	check_join(check_start(check_thread, NULL));
	check_join(check_start(check_thread, &attributes));
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstack(&attributes, native_stack, sizeof native_stack));
	CHECK_OK(pthread_create(&thread, &attributes, check_thread, NULL));
	check_join(thread);
	CHECK_OK(pthread_attr_destroy(&attributes));

	CHECK(same(reported(), own));
	errors_are_the_kernels();
	handlers_run_where_they_should();
	children_keep_it();
	set_own(0);
}

int main(void)
{
	own_stack = malloc(STACK_SIZE);
	CHECK(own_stack != NULL);
	/* before there is a second thread */
	errors_are_the_kernels();
	handlers_run_where_they_should();
	children_keep_it();
	everything_holds();
	altstack = by_number;
	everything_holds();
	return 0;
}
