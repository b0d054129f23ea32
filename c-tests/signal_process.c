/* A signal that is sent to the process and that the main thread blocks is handled by a thread that does not, whatever
 * that waits in or does, and whoever else runs. */
#include "net.h"
#include "signal_process.h"
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/select.h>

static int finished, ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static int is_finished(void)
{
	return __atomic_load_n(&finished, __ATOMIC_ACQUIRE);
}

static void in_pause(void)
{
	pause();
}

static void in_sigsuspend(void)
{
	/* blocked outside */
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
	CHECK_ERRNO(sigsuspend(&none), EINTR);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
}

static void in_read(void)
{
	char byte;
	CHECK_ERRNO(read(ends[0], &byte, 1), EINTR);
}

static void in_recv(void)
{
	char byte;
	CHECK_ERRNO(recv(ends[0], &byte, 1, 0), EINTR);
}

static void in_poll(void)
{
	CHECK_ERRNO(poll(NULL, 0, 30000), EINTR);
}

static void in_select(void)
{
	struct timeval timeout = {.tv_sec = 30};
	CHECK_ERRNO(select(0, NULL, NULL, NULL, &timeout), EINTR);
}

static void in_epoll(void)
{
	int epoll = epoll_create1(0);
	struct epoll_event event;
	CHECK_ERRNO(epoll_wait(epoll, &event, 1, -1), EINTR);
	CHECK_OK(close(epoll));
}

static void in_sem_wait(void)
{
	CHECK_ERRNO(sem_wait(&never_posted), EINTR);
}

static void in_sleep(void)
{
	CHECK(sleep(30) > 0);
}

static void in_cond_wait(void)
{
	int before = handled;
	CHECK_OK(pthread_mutex_lock(&mutex));
	while (handled == before) {
		struct timespec soon = in_ms(CLOCK_REALTIME, 30000);
		int result = pthread_cond_timedwait(&cond, &mutex, &soon);
		CHECK(result == 0 || handled != before);
		if (is_finished())
			break;
	}
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

static void in_mutex_lock(void)
{
	CHECK_OK(pthread_mutex_lock(&held));
	CHECK_OK(pthread_mutex_unlock(&held));
}

static void in_rwlock(void)
{
	CHECK_OK(pthread_rwlock_wrlock(&rwlock));
	CHECK_OK(pthread_rwlock_unlock(&rwlock));
}

static void in_computing(void)
{
	int before = handled;
	while (handled == before && !is_finished())
		;
}

static void in_yielding(void)
{
	int before = handled;
	while (handled == before && !is_finished())
		sched_yield();
}

static void in_waitpid(void)
{
	pid_t child = fork();
	if (child == 0) {
		signal(SIGTERM, SIG_IGN);
		CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
		pause();
		_exit(0);
	}
	CHECK_ERRNO(waitpid(child, NULL, 0), EINTR);
	CHECK_OK(kill(child, SIGKILL));
	while (waitpid(child, NULL, 0) != child)
		CHECK_EQ(errno, EINTR);
}

static void (*const waits[])(void) = {in_pause,	   in_sigsuspend, in_read,	 in_recv,   in_poll,	  in_select,
				      in_epoll,	   in_sem_wait,	  in_sleep,	 in_waitpid, in_cond_wait, in_mutex_lock,
				      in_rwlock,   in_computing,  in_yielding};

static void *accept_in(void *wait)
{
	acceptor = pthread_self();
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	CHECK_OK(sem_post(&ready));
	((void (*)(void))wait)();
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
	return NULL;
}

static void *compute(void *unused)
{
	while (!is_finished())
		;
	return unused;
}

/* main waits, sleeps or computes meanwhile */
static void wait_until_handled(int before, int how)
{
	long since = monotonic_ms();
	while (handled == before) {
		CHECK(monotonic_ms() - since < SLOW_MS);
		if (how % 3 == 0)
			usleep(200);
		else if (how % 3 == 1)
			sched_yield();
	}
}

static void every_acceptor_is_found(int busy_others)
{
	pthread_t others[2];
	__atomic_store_n(&finished, 0, __ATOMIC_RELEASE);
	for (int i = 0; i < busy_others; i++)
		others[i] = check_start(compute, NULL);
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		int before = handled;
		__atomic_store_n(&finished, 0, __ATOMIC_RELEASE);
		CHECK_OK(pthread_mutex_lock(&held));
		CHECK_OK(pthread_rwlock_rdlock(&rwlock));
		pthread_t thread = check_start(accept_in, (void *)waits[i]);
		CHECK_OK(sem_wait(&ready));
		usleep(i % 2 ? 3000 : 0);
		CHECK_OK(kill(getpid(), SIGTERM));
		wait_until_handled(before, (int)i);
		CHECK_EQ(handled, before + 1);
		CHECK_EQ(handled_by_acceptor, handled);
		/* one that came before the wait began was spent */
		long since = monotonic_ms();
		CHECK_OK(pthread_rwlock_unlock(&rwlock));
		CHECK_OK(pthread_mutex_unlock(&held));
		for (;;) {
			struct timespec deadline = in_ms(CLOCK_REALTIME, 5);
			if (pthread_timedjoin_np(thread, NULL, &deadline) == 0)
				break;
			CHECK(monotonic_ms() - since < SLOW_MS);
			pthread_kill(thread, SIGTERM);
			pthread_cond_signal(&cond);
		}
		handled_by_acceptor = handled;
	}
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < busy_others; i++)
		check_join(others[i]);
}

int main(void)
{
	block_in_main();
	unix_pair(ends);
	every_acceptor_is_found(0);
	every_acceptor_is_found(1);
	every_acceptor_is_found(2);
	return 0;
}
