/* A handler that never returns to the call that it has interrupted, which was about to fail: nobody goes on waiting for
 * that call's end when its descriptor's number is given to other files. Nor does the child of a handler that forks. */
#include "check.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <ucontext.h>

enum { REPLACEMENTS = 400, MILLISECOND = 1000000 };

static __thread sigjmp_buf target;
static __thread ucontext_t context;
static __thread volatile int handled;
static int ends[2], spare;
static atomic_int is_waiting;

static long long cpu_time(void)
{
	struct timespec now;
	CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now));
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* What it takes to put another file to the number again and again. */
static long long cost_of(int number)
{
	long long begun = cpu_time();
	for (int i = 0; i < REPLACEMENTS; i++)
		CHECK_EQ(dup2(spare, number), number);
	return cpu_time() - begun;
}

static void check_nobody_holds(int number)
{
	int other = dup(spare);
	CHECK(other >= 0);
	long long usual = cost_of(other);
	long long now = cost_of(number);
	CHECK(now < 10 * usual + 20 * MILLISECOND);
	CHECK_OK(close(other));
}

static void jump(int signal_number)
{
	siglongjmp(target, signal_number);
}

static void jump_deep(int signal_number)
{
	sigjmp_buf here;
	if (sigsetjmp(here, 1) == 0)
		siglongjmp(here, 1);
	siglongjmp(target, signal_number);
}

static void enter_context(int signal_number)
{
	handled = signal_number;
	setcontext(&context);
}

static void end_thread(int signal_number)
{
	pthread_exit((void *)(long)signal_number);
}

static void *nothing(void *unused)
{
	return unused;
}

static pid_t forked;
static __thread volatile int is_child;

static void fork_in_midst(int signal_number)
{
	forked = fork();
	CHECK(forked >= 0);
	is_child = forked == 0;
	handled = signal_number;
}

/* Waits until there is room, which there is not until the other end is closed: then the call fails, by a signal. */
static void write_until_broken(void)
{
	static char bytes[1 << 16];
	int flags = fcntl(ends[1], F_GETFL);
	CHECK_OK(fcntl(ends[1], F_SETFL, flags | O_NONBLOCK));
	while (write(ends[1], bytes, sizeof bytes) > 0)
		;
	CHECK_OK(fcntl(ends[1], F_SETFL, flags));
	atomic_store(&is_waiting, 1);
	CHECK_ERRNO(write(ends[1], bytes, sizeof bytes), EPIPE);
}

static void install(void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	CHECK_OK(sigaction(SIGPIPE, &action, NULL));
}

static void *jump_out(void *unused)
{
	if (sigsetjmp(target, 1) == 0)
		write_until_broken();
	return unused;
}

static void *jump_out_on_alternate_stack(void *unused)
{
	static char memory[1 << 16];
	stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory}, none = {.ss_flags = SS_DISABLE};
	CHECK_OK(sigaltstack(&stack, NULL));
	jump_out(NULL);
	CHECK_OK(sigaltstack(&none, NULL));
	return unused;
}

static void *leave_by_context(void *unused)
{
	handled = 0;
	CHECK_OK(getcontext(&context));
	if (!handled)
		write_until_broken();
	return unused;
}

static void *stay(void *unused)
{
	write_until_broken();
	if (is_child) {
		check_join(check_start(nothing, NULL));
		check_nobody_holds(ends[1]);
		_exit(0);
	}
	return unused;
}

static void *be_ended(void *unused)
{
	write_until_broken();
	CHECK(0);
	return unused;
}

static void try(void *(*call)(void *), void (*handler)(int), int flags)
{
	for (int i = 0; i < 4; i++) {
		install(handler, flags);
		CHECK_OK(pipe(ends));
		atomic_store(&is_waiting, 0);
		pthread_t thread = check_start(call, NULL);
		while (!atomic_load(&is_waiting))
			sleep_ms(1);
		sleep_ms(5);
		CHECK_OK(close(ends[0]));
		check_join(thread);
		if (handler == fork_in_midst)
			check_child_succeeds(forked);
		check_nobody_holds(ends[1]);
		CHECK_OK(close(ends[1]));
	}
}

int main(void)
{
	spare = open("/dev/null", O_RDWR);
	CHECK(spare >= 0);
	try(jump_out, jump, 0);
	try(jump_out, jump_deep, 0);
	try(jump_out_on_alternate_stack, jump, SA_ONSTACK);
	try(leave_by_context, enter_context, 0);
	try(stay, fork_in_midst, 0);
	try(be_ended, end_thread, 0);
	return 0;
}
