/* A handler may be left by a jump: the mask that was saved comes back, here as in the kernel, so that the next signal
 * is handled again, thousands of times; whoever waits or is switched meanwhile, and by whatever name one jumps. */
#include "check.h"
#include <sched.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

/* As <setjmp.h> declares it, for every name of the function. */
typedef void jump_function(struct __jmp_buf_tag *, int);

extern void __longjmp_chk(struct __jmp_buf_tag *, int) __attribute__((noreturn));

enum { THREADS = 4, FAULTS = 2000, TIMEOUTS = 40 };

static jump_function *const jumps[] = {siglongjmp, longjmp, _longjmp, __longjmp_chk};

static __thread sigjmp_buf target;
static __thread volatile int handled;
static __thread int by;
static volatile char *forbidden;

static int is_blocked(int signal_number)
{
	sigset_t now;
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &now));
	return sigismember(&now, signal_number);
}

static void jump_back(int signal_number)
{
	handled++;
	if (handled % 64 == 0)
		usleep(20);
	CHECK(is_blocked(signal_number));
	jumps[by++ % 4](target, signal_number);
}

static void *fault_often(void *unused)
{
	int before = handled;
	for (volatile int i = 0; i < FAULTS; i++) {
		if (sigsetjmp(target, 1) == 0) {
			*forbidden = 1;
			CHECK(0);
		}
		if (i % 4 == 0)
			sched_yield();
		if (i % 100 == 0) {
			CHECK(!is_blocked(SIGSEGV));
			usleep(10);
			CHECK(!is_blocked(SIGSEGV));
		}
	}
	CHECK_EQ(handled, before + FAULTS);
	return unused;
}

static void arm(long microseconds)
{
	struct itimerval timer = {.it_value = {.tv_usec = microseconds}};
	CHECK_OK(setitimer(ITIMER_REAL, &timer, NULL));
}

static int waits_on[2];

/* What programs from before there were time-outs do. */
static void wait_with_timeout(int call)
{
	char byte;
	struct sigaction action = {.sa_handler = jump_back, .sa_flags = call % 2 ? SA_RESTART : 0}, before;
	CHECK_OK(sigaction(SIGALRM, &action, &before));
	if (sigsetjmp(target, 1) == 0) {
		arm(1000);
		switch (call % 5) {
		case 0:
			read(waits_on[0], &byte, 1);
			break;
		case 1:
			recv(waits_on[0], &byte, 1, 0);
			break;
		case 2:
			for (;;)
				pause();
		case 3:
			for (;;)
				sched_yield();
		default:
			for (volatile int i = 0;; i++)
				;
		}
		CHECK(0);
	}
	CHECK(!is_blocked(SIGALRM));
	CHECK_OK(sigaction(SIGALRM, &before, NULL));
}

static void timeouts(void)
{
	int before = handled;
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, waits_on));
	for (int i = 0; i < TIMEOUTS; i++)
		wait_with_timeout(i);
	CHECK_EQ(handled, before + TIMEOUTS);
	/* nobody holds on to what was left in the middle */
	CHECK_OK(close(waits_on[0]));
	CHECK_OK(close(waits_on[1]));
	alarm(WATCHDOG_SECONDS);
}

/* A signal that became pending in the handler is handled when the mask comes back. */
static __thread volatile int second;

static void count_second(int signal_number)
{
	CHECK(is_blocked(signal_number));
	second++;
}

static void jump_with_pending(int signal_number)
{
	int before = second;
	(void)signal_number;
	CHECK_OK(raise(SIGUSR2));
	sched_yield();
	CHECK_EQ(second, before);
	siglongjmp(target, 1);
}

static void pending_signals_follow(void)
{
	struct sigaction action = {.sa_handler = count_second};
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	action.sa_handler = jump_with_pending;
	CHECK_OK(sigaddset(&action.sa_mask, SIGUSR2));
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	for (volatile int i = 0; i < 20; i++) {
		int before = second;
		if (sigsetjmp(target, 1) == 0) {
			CHECK_OK(raise(SIGUSR1));
			CHECK(0);
		}
		CHECK_EQ(second, before + 1);
		CHECK(!is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
	}
}

/* setjmp saves no mask: the handler's stays until it is set. */
static void jump_without_mask(int signal_number)
{
	(void)signal_number;
	_longjmp(target, 1);
}

static void a_mask_that_was_not_saved_stays(void)
{
	struct sigaction action = {.sa_handler = jump_without_mask};
	sigset_t usr1;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigemptyset(&usr1));
	CHECK_OK(sigaddset(&usr1, SIGUSR1));
	for (int i = 0; i < 5; i++) {
		if (sigsetjmp(target, 0) == 0) {
			CHECK_OK(raise(SIGUSR1));
			CHECK(0);
		}
		CHECK(is_blocked(SIGUSR1));
		usleep(10);
		CHECK(is_blocked(SIGUSR1));
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
		CHECK(!is_blocked(SIGUSR1));
	}
}

/* Out of a handler of a handler at once. */
static void jump_from_depth(int signal_number)
{
	if (signal_number == SIGUSR2)
		siglongjmp(target, 2);
	CHECK_OK(raise(SIGUSR2));
	CHECK(0);
}

static void nested_handlers_are_left_at_once(void)
{
	struct sigaction action = {.sa_handler = jump_from_depth};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	for (int i = 0; i < 20; i++) {
		int value = sigsetjmp(target, 1);
		if (value == 0) {
			CHECK_OK(raise(SIGUSR1));
			CHECK(0);
		}
		CHECK_EQ(value, 2);
		CHECK(!is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
		sched_yield();
	}
}

/* Jumps that have nothing to do with signals leave the mask as it is. */
static void plain_jumps(void)
{
	static jmp_buf plain;
	sigset_t usr1;
	CHECK_OK(sigemptyset(&usr1));
	CHECK_OK(sigaddset(&usr1, SIGUSR1));
	for (volatile int i = 0; i < 100; i++) {
		volatile int again = 0;
		int value = setjmp(plain);
		if (value == 0) {
			CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
			longjmp(plain, 0);
		}
		CHECK_EQ(value, 1);
		CHECK_EQ(again, 0);
		CHECK(is_blocked(SIGUSR1));
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
	}
}

static void *on_a_thread(void *unused)
{
	/* the rest is what the process has one of */
	plain_jumps();
	pending_signals_follow();
	a_mask_that_was_not_saved_stays();
	nested_handlers_are_left_at_once();
	return unused;
}

static void install(void)
{
	struct sigaction action = {.sa_handler = jump_back};
	CHECK_OK(sigaction(SIGSEGV, &action, NULL));
}

int main(void)
{
	pthread_t threads[THREADS];
	forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(forbidden != MAP_FAILED);
	install();
	fault_often(NULL);
	timeouts();
	on_a_thread(NULL);
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(fault_often, NULL);
	fault_often(NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	timeouts();
	check_here_and_in_thread(on_a_thread, NULL);
	pid_t child = check_fork();
	if (child == 0) {
		fault_often(NULL);
		timeouts();
		on_a_thread(NULL);
		_exit(0);
	}
	check_child_succeeds(child);
	return 0;
}
