/* syscall(2) is no cancellation point, whatever the call is that it makes: a thread that is cancelled in it goes on
 * until it comes to one. From glibc 2.41 on that ends calls that the kernel never restarts with EINTR, also such as
 * semop, for which libc has a function that is no point either. */
#include "net.h"
#include <gnu/libc-version.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/sem.h>
#include <sys/syscall.h>

enum { A_WHILE_MS = 20, LONG_S = 30 };

static int silent[2], is_ready, is_over;

static void do_nothing(int signal_number)
{
	(void)signal_number;
}

static long in_pause(void)
{
	return syscall(SYS_pause);
}

static long in_sigsuspend(void)
{
	uint64_t none = 0;
	return syscall(SYS_rt_sigsuspend, &none, sizeof none);
}

static long in_sigtimedwait(void)
{
	uint64_t one = 1 << (SIGUSR2 - 1);
	return syscall(SYS_rt_sigtimedwait, &one, NULL, NULL, sizeof one);
}

static long in_read(void)
{
	char byte;
	return syscall(SYS_read, silent[1], &byte, 1);
}

static long in_poll(void)
{
	struct pollfd look = {.fd = silent[1], .events = POLLIN};
	return syscall(SYS_poll, &look, 1, -1);
}

static long in_futex(void)
{
	static int word;
	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static long in_timed_futex(void)
{
	static int word;
	struct timespec limit = {.tv_sec = LONG_S};
	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0);
}

static int semaphores;

static long in_semop(void)
{
	struct sembuf take = {.sem_op = -1};
	return semop(semaphores, &take, 1);
}

static long (*const calls[])(void) = {in_pause, in_sigsuspend, in_sigtimedwait, in_read,
				      in_poll,  in_futex,      in_timed_futex,  in_semop};

/* Later glibcs send their signal to every thread that can be cancelled: calls that the kernel never restarts fail. */
static int goes_on(long (*call)(void))
{
	return call == in_read || call == in_futex || strverscmp(gnu_get_libc_version(), "2.41") < 0;
}

static void *make_call(void *call)
{
	__atomic_store_n(&is_ready, 1, __ATOMIC_RELEASE);
	CHECK_ERRNO((*(long (*const *)(void))call)(), EINTR);
	__atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
	pthread_testcancel();
	return NULL;
}

int main(void)
{
	struct sigaction action = {.sa_handler = do_nothing};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	pipe_pair(silent);
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	CHECK(semaphores >= 0);
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		is_ready = is_over = 0;
		pthread_t thread = check_start(make_call, (void *)&calls[i]);
		while (!__atomic_load_n(&is_ready, __ATOMIC_ACQUIRE))
			sleep_ms(1);
		sleep_ms(A_WHILE_MS);
		CHECK_OK(pthread_cancel(thread));
		sleep_ms(A_WHILE_MS);
		if (goes_on(calls[i]))
			CHECK(!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE));
		while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
			if (!goes_on(calls[i])) {
				sleep_ms(1);
				continue;
			}
			CHECK_OK(pthread_kill(thread, SIGUSR1));
			sleep_ms(2);
		}
		CHECK(check_join(thread) == PTHREAD_CANCELED);
	}
	close_both(silent);
	CHECK_OK(semctl(semaphores, 0, IPC_RMID));
	return 0;
}
