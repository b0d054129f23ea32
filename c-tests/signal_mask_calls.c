/* The signal mask is the thread's, by whatever name it is changed: POSIX's, BSD's, System V's, or a system call's
 * number. What one of them blocks or opens holds for all, and for the kernel. */
#define _DEFAULT_SOURCE
#include "check.h"
#include <sched.h>
#include <sys/syscall.h>

/* Deprecated, and what <signal.h> makes of its name depends on who asks. */
extern int __sigpause(int signal_or_mask, int is_signal);
extern int __xpg_sigpause(int signal_number);
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* The kernel's own, see sigaction(2), "C library/kernel differences". */
struct kernel_action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

static __thread volatile int handled;

static void count(int signal_number)
{
	CHECK_EQ(signal_number, SIGUSR1);
	handled++;
}

static sigset_t set_of(int signal_number)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, signal_number));
	return set;
}

static int is_blocked(int signal_number)
{
	sigset_t now, direct;
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &now));
	CHECK_OK(sigemptyset(&direct));
	CHECK_OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &direct, 8));
	CHECK_EQ(sigismember(&now, signal_number), sigismember(&direct, signal_number));
	return sigismember(&now, signal_number);
}

/* What has been blocked stays so while others run, and the signal that comes meanwhile waits. */
static void holds(void)
{
	int before = handled;
	sigset_t pending;
	CHECK(is_blocked(SIGUSR1));
	CHECK_OK(raise(SIGUSR1));
	sched_yield();
	usleep(1);
	CHECK_EQ(handled, before);
	CHECK(is_blocked(SIGUSR1));
	CHECK_OK(sigpending(&pending));
	CHECK(sigismember(&pending, SIGUSR1));
	CHECK_OK(sigemptyset(&pending));
	CHECK_OK(syscall(SYS_rt_sigpending, &pending, 8));
	CHECK(sigismember(&pending, SIGUSR1));
}

static void is_handled_after(int before)
{
	CHECK_EQ(handled, before + 1);
	CHECK(!is_blocked(SIGUSR1));
	sched_yield();
	usleep(1);
	CHECK(!is_blocked(SIGUSR1));
	CHECK_EQ(handled, before + 1);
}

static void every_name_counts(void)
{
	sigset_t usr1 = set_of(SIGUSR1), old;
	int bits = 1 << (SIGUSR1 - 1), before = handled;

	CHECK_OK(sighold(SIGUSR1));
	holds();
	CHECK_OK(sigrelse(SIGUSR1));
	is_handled_after(before);
	CHECK_ERRNO(sighold(999), EINVAL);
	CHECK_ERRNO(sigrelse(0), EINVAL);

	CHECK_EQ(sigblock(bits) & bits, 0);
	holds();
	CHECK(sigsetmask(0) & bits);
	is_handled_after(before + 1);

	CHECK(sigset(SIGUSR1, SIG_HOLD) == count);
	holds();
	CHECK(sigset(SIGUSR1, count) == SIG_HOLD);
	is_handled_after(before + 2);
	CHECK(sigset(SIGUSR1, count) == count);

	CHECK_OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, &old, 8));
	CHECK_EQ(sigismember(&old, SIGUSR1), 0);
	holds();
	CHECK_OK(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &usr1, NULL, 8));
	is_handled_after(before + 3);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 4), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, 99, &usr1, NULL, 8), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)8, NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, (void *)8, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, (void *)8, 8), EFAULT);
}

static void every_pause_lets_it_through(void)
{
	sigset_t usr1 = set_of(SIGUSR1), none;
	int before = handled;
	CHECK_OK(sigemptyset(&none));
	CHECK_OK(sighold(SIGUSR1));
	for (int i = 0; i < 5; i++) {
		holds();
		errno = 0;
		switch (i) {
		case 0:
			CHECK_ERRNO(sigsuspend(&none), EINTR);
			break;
		case 1:
			CHECK_ERRNO(__sigpause(SIGUSR1, 1), EINTR);
			break;
		case 2:
			CHECK_ERRNO(__sigpause(0, 0), EINTR);
			break;
		case 3:
			CHECK_ERRNO(__xpg_sigpause(SIGUSR1), EINTR);
			break;
		default:
			CHECK_ERRNO(syscall(SYS_rt_sigsuspend, &none, 8), EINTR);
		}
		CHECK_EQ(handled, before + i + 1);
		CHECK(is_blocked(SIGUSR1));
	}
	holds();
	siginfo_t info;
	struct timespec at_once = {0};
	CHECK_EQ(syscall(SYS_rt_sigtimedwait, &usr1, &info, &at_once, 8), SIGUSR1);
	CHECK_EQ(info.si_signo, SIGUSR1);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &usr1, &info, &at_once, 8), EAGAIN);
	CHECK_OK(sigrelse(SIGUSR1));
	CHECK_EQ(handled, before + 5);
}

static void *on_a_thread(void *unused)
{
	every_name_counts();
	every_pause_lets_it_through();
	CHECK_OK(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1));
	CHECK_OK(syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1));
	return unused;
}

/* What is to happen at a signal may be said by number, too. */
static void actions_by_number(void)
{
	struct kernel_action action, old;
	struct sigaction known, mine = {.sa_handler = count, .sa_flags = SA_RESTART};
	CHECK_OK(sigaddset(&mine.sa_mask, SIGHUP));
	CHECK_OK(sigaction(SIGUSR1, &mine, NULL));
	CHECK_OK(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8));
	CHECK(old.handler == count);
	CHECK_EQ(old.flags & 0xffffffff & ~0x04000000UL, SA_RESTART);
	CHECK_EQ(old.mask, 1UL << (SIGHUP - 1));
	action = old;
	action.flags |= SA_NODEFER;
	action.mask |= 1UL << (SIGTERM - 1);
	CHECK_OK(syscall(SYS_rt_sigaction, SIGUSR1, &action, &old, 8));
	CHECK_OK(sigaction(SIGUSR1, NULL, &known));
	CHECK(known.sa_handler == count);
	CHECK_EQ(known.sa_flags & ~0x04000000, SA_RESTART | SA_NODEFER);
	CHECK(sigismember(&known.sa_mask, SIGHUP) && sigismember(&known.sa_mask, SIGTERM));
	CHECK(!sigismember(&known.sa_mask, SIGINT) && !sigismember(&known.sa_mask, SIGUSR1));
	int before = handled;
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled, before + 1);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, (void *)8, NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 4), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGKILL, &action, NULL, 8), EINVAL);
	CHECK_OK(sigignore(SIGUSR1));
	CHECK_OK(raise(SIGUSR1));
	CHECK_OK(sigaction(SIGUSR1, NULL, &known));
	CHECK(known.sa_handler == SIG_IGN);
	CHECK(signal(SIGUSR1, count) == SIG_IGN);
	CHECK_EQ(handled, before + 1);
}

int main(void)
{
	actions_by_number();
	check_here_and_in_thread(on_a_thread, NULL);
	actions_by_number();
	on_a_thread(NULL);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		threads[i] = check_start(on_a_thread, NULL);
	for (int i = 0; i < 4; i++)
		check_join(threads[i]);
	pid_t child = check_fork();
	if (child == 0) {
		actions_by_number();
		on_a_thread(NULL);
		_exit(0);
	}
	check_child_succeeds(child);
	return 0;
}
