/* A signal that is sent to the process and that the main thread blocks is handled by a thread that does not, whatever
 * that waits in or does, and whoever else runs. While nobody accepts it, it stays pending, where all who ask find it. */
#include "net.h"
#include <poll.h>
#include <semaphore.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>

/* Only a signal that is lost takes longer. */
enum { SLOW_MS = 30000 };

static pthread_t main_thread, acceptor;
static volatile sig_atomic_t handled, handled_by_acceptor, handled_by_main;
static int finished, ends[2];
static sem_t ready, never_posted;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sigset_t term, none;

static void handle(int signal_number)
{
	CHECK_EQ(signal_number, SIGTERM);
	if (pthread_equal(pthread_self(), acceptor))
		handled_by_acceptor++;
	if (pthread_equal(pthread_self(), main_thread))
		handled_by_main++;
	handled++;
}

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

static int is_pending(void)
{
	sigset_t pending;
	CHECK_OK(sigpending(&pending));
	return sigismember(&pending, SIGTERM);
}

static void *check_pending(void *unused)
{
	CHECK(is_pending());
	return unused;
}

static void *accept_at_last(void *unused)
{
	int before = handled;
	acceptor = pthread_self();
	usleep(500);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	CHECK_EQ(handled, before + 1);
	CHECK_EQ(handled_by_acceptor, handled);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
	return unused;
}

static void nobody_accepts_it(void)
{
	struct timespec at_once = {0};
	int fd = signalfd(-1, &term, 0);
	CHECK(fd >= 0);
	for (int i = 0; i < 30; i++) {
		struct signalfd_siginfo info;
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		int before = handled;
		CHECK(!is_pending());
		CHECK_OK(kill(getpid(), SIGTERM));
		CHECK(is_pending());
		check_join(check_start(check_pending, NULL));
		usleep(i % 5 * 100);
		CHECK(is_pending());
		CHECK_EQ(handled, before);
		switch (i % 3) {
		case 0:
			CHECK_EQ(sigtimedwait(&term, NULL, &at_once), SIGTERM);
			break;
		case 1:
			CHECK_EQ(poll(&readable, 1, 1000), 1);
			CHECK_EQ(read(fd, &info, sizeof info), sizeof info);
			CHECK_EQ(info.ssi_signo, SIGTERM);
			CHECK_EQ(info.ssi_pid, getpid());
			break;
		default:
			check_join(check_start(accept_at_last, NULL));
			before++;
		}
		CHECK(!is_pending());
		CHECK_EQ(handled, before);
	}
	CHECK_OK(close(fd));
}

/* Threads come and go, and with them those who accept; none is lost. */
static void *accept_briefly(void *unused)
{
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	sched_yield();
	return unused;
}

static void who_ends_passes_it_on(void)
{
	for (int i = 0; i < 200; i++) {
		int before = handled;
		pthread_t threads[3];
		for (int j = 0; j < 3; j++)
			threads[j] = check_start(accept_briefly, NULL);
		if (i % 2)
			sched_yield();
		CHECK_OK(kill(getpid(), SIGTERM));
		for (int j = 0; j < 3; j++)
			check_join(threads[j]);
		/* they had it, or have left it */
		CHECK_EQ(handled + is_pending(), before + 1);
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
		CHECK_EQ(handled, before + 1);
	}
}

static void *wait_for_end(void *unused)
{
	while (!is_finished())
		usleep(1000);
	return unused;
}

/* The main thread comes first if it accepts, parked or not. */
static void main_is_preferred(void)
{
	pthread_t others[3];
	__atomic_store_n(&finished, 0, __ATOMIC_RELEASE);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	for (int i = 0; i < 3; i++)
		others[i] = check_start(wait_for_end, NULL);
	int before = handled_by_main;
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();
		if (child == 0) {
			usleep(500);
			kill(getppid(), SIGTERM);
			_exit(0);
		}
		for (long since = monotonic_ms(); handled_by_main == before + i;) {
			if (poll(NULL, 0, 1000) == -1)
				CHECK_EQ(errno, EINTR);
			CHECK(monotonic_ms() - since < SLOW_MS);
		}
		CHECK_EQ(handled_by_main, before + i + 1);
		CHECK_EQ(waitpid(child, NULL, 0), child);
	}
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 3; i++)
		check_join(others[i]);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
}

static void *accept_and_wait(void *unused)
{
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	CHECK_OK(sem_post(&ready));
	CHECK_OK(sem_wait(&never_posted));
	return unused;
}

/* The default action, too, needs only one who accepts. */
static void default_actions_take_place(void)
{
	for (int i = 0; i < 3; i++) {
		int status = -1;
		pid_t child = check_fork();
		if (child == 0) {
			signal(SIGTERM, SIG_DFL);
			pthread_t thread = check_start(accept_and_wait, NULL);
			CHECK_OK(sem_wait(&ready));
			usleep(i * 1000);
			if (i == 2)
				CHECK_OK(pthread_kill(thread, SIGTERM));
			else
				CHECK_OK(kill(getpid(), SIGTERM));
			check_join(thread);
			_exit(0);
		}
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), SIGTERM);
	}
}

static void *end_process(void *unused)
{
	int before = handled;
	acceptor = pthread_self();
	sleep_ms(5);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	pid_t child = check_fork();
	if (child == 0) {
		usleep(3000);
		kill(getppid(), SIGTERM);
		_exit(0);
	}
	if (handled == before)
		sleep(30);
	CHECK_EQ(handled, before + 1);
	CHECK_EQ(waitpid(child, NULL, 0), child);
	_exit(0);
	return unused;
}

static void after_the_main_thread(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		check_start(end_process, NULL);
		pthread_exit(NULL);
	}
	check_child_succeeds(child);
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle};
	main_thread = pthread_self();
	CHECK_OK(sigemptyset(&none));
	CHECK_OK(sigemptyset(&term));
	CHECK_OK(sigaddset(&term, SIGTERM));
	CHECK_OK(sigaction(SIGTERM, &action, NULL));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(sem_init(&never_posted, 0, 0));
	unix_pair(ends);
	every_acceptor_is_found(0);
	every_acceptor_is_found(1);
	every_acceptor_is_found(2);
	nobody_accepts_it();
	who_ends_passes_it_on();
	main_is_preferred();
	default_actions_take_place();
	after_the_main_thread();
	return 0;
}
