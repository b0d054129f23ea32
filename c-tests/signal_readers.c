/* No signal to the process is lost or left lying, however it is received: by signalfd, by sigwait and its kin, by
 * sigsuspend, by a handler in a thread that waits or computes; whoever has sent it; and while threads come and go,
 * change their masks, and fork. Each signal is answered before the next one is sent. */
#include "check.h"
#include <poll.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

enum { ROUNDS = 60, BURST = 20 };

static sigset_t set;
static sem_t ready;
static int real_time, answers[2];
static volatile sig_atomic_t stop;

/* Answers a standard signal, and the last of a burst of real-time ones, which come in order. */
static void take(int signal_number, int value)
{
	static int next;
	if (signal_number == real_time) {
		CHECK_EQ(value, next);
		next = (next + 1) % BURST;
		if (next != 0)
			return;
	}
	CHECK_EQ(write(answers[1], "", 1), 1);
}

static void handle(int signal_number, siginfo_t *info, void *context)
{
	(void)context;
	take(signal_number, info->si_value.sival_int);
}

static void *read_descriptor(void *unused)
{
	int fd = signalfd(-1, &set, 0);
	CHECK(fd >= 0);
	CHECK_OK(sem_post(&ready));
	for (;;) {
		struct signalfd_siginfo infos[8];
		ssize_t size = read(fd, infos, sizeof infos);
		CHECK(size > 0);
		for (size_t i = 0; i < (size_t)size / sizeof *infos; i++)
			take((int)infos[i].ssi_signo, infos[i].ssi_int);
	}
	return unused;
}

static void drain(int fd)
{
	struct signalfd_siginfo info;
	while (read(fd, &info, sizeof info) > 0)
		take((int)info.ssi_signo, info.ssi_int);
	CHECK_EQ(errno, EAGAIN);
}

static void *poll_descriptor(void *unused)
{
	struct pollfd fd = {.fd = signalfd(-1, &set, SFD_NONBLOCK), .events = POLLIN};
	CHECK_OK(sem_post(&ready));
	for (;;) {
		CHECK_EQ(poll(&fd, 1, -1), 1);
		drain(fd.fd);
	}
	return unused;
}

static void *watch_descriptor(void *unused)
{
	int fd = signalfd(-1, &set, SFD_NONBLOCK), epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	CHECK_OK(sem_post(&ready));
	for (;;) {
		CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
		drain(fd);
	}
	return unused;
}

static void *wait_for_signal(void *unused)
{
	siginfo_t info;
	CHECK_OK(sem_post(&ready));
	for (;;) {
		int found = sigwaitinfo(&set, &info);
		if (found > 0)
			take(found, info.si_value.sival_int);
		else
			CHECK_EQ(errno, EINTR);
	}
	return unused;
}

static void *wait_in_short_steps(void *unused)
{
	siginfo_t info;
	struct timespec limit = {.tv_nsec = NS_PER_MS / 5};
	CHECK_OK(sem_post(&ready));
	for (;;) {
		int found = sigtimedwait(&set, &info, &limit);
		if (found > 0)
			take(found, info.si_value.sival_int);
		else
			CHECK(errno == EAGAIN || errno == EINTR);
	}
	return unused;
}

static void *suspend(void *unused)
{
	sigset_t accepted;
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &accepted));
	sigdelset(&accepted, SIGUSR1);
	sigdelset(&accepted, real_time);
	CHECK_OK(sem_post(&ready));
	for (;;)
		sigsuspend(&accepted);
	return unused;
}

static void *accept_parked(void *unused)
{
	sem_t never;
	CHECK_OK(sem_init(&never, 0, 0));
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	CHECK_OK(sem_post(&ready));
	for (;;)
		sem_wait(&never);
	return unused;
}

static void *accept_computing(void *unused)
{
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	CHECK_OK(sem_post(&ready));
	while (!stop)
		;
	return unused;
}

static void *accept_at_times(void *unused)
{
	CHECK_OK(sem_post(&ready));
	while (!stop) {
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
		sched_yield();
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
		sched_yield();
	}
	return unused;
}

/* What goes on beside it. */

static void *return_soon(void *unused)
{
	return unused;
}

static void *make_threads(void *unused)
{
	while (!stop)
		check_join(check_start(return_soon, NULL));
	return unused;
}

static void *change_mask(void *unused)
{
	sigset_t all, before;
	sigfillset(&all);
	while (!stop) {
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &all, &before));
		usleep(50);
		CHECK_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
		sched_yield();
	}
	return unused;
}

static void *make_children(void *unused)
{
	while (!stop) {
		pid_t child = fork();
		CHECK(child >= 0);
		if (child == 0)
			_exit(0);
		CHECK_EQ(waitpid(child, NULL, 0), child);
		usleep(300);
	}
	return unused;
}

static void wait_for_answer(void)
{
	char answer;
	CHECK_EQ(read(answers[0], &answer, 1), 1);
}

static void *send_to(void *process)
{
	pid_t target = (pid_t)(intptr_t)process;
	for (int round = 0; round < ROUNDS; round++) {
		CHECK_OK(kill(target, SIGUSR1));
		wait_for_answer();
		for (int i = 0; round % 4 == 0 && i < BURST; i++)
			CHECK_OK(sigqueue(target, real_time, (union sigval){.sival_int = i}));
		if (round % 4 == 0)
			wait_for_answer();
	}
	return NULL;
}

static void *(*const receivers[])(void *) = {
	read_descriptor, poll_descriptor,  watch_descriptor, wait_for_signal, wait_in_short_steps,
	suspend,	 accept_parked,	   accept_computing, accept_at_times,
};
static void *(*const companions[])(void *) = {make_threads, change_mask, make_children};

static void receive(void *(*receiver)(void *))
{
	void *self = (void *)(intptr_t)getpid();
	CHECK_OK(pthread_detach(check_start(receiver, NULL)));
	check_await(&ready);
	for (unsigned i = 0; i < sizeof companions / sizeof *companions; i++)
		CHECK_OK(pthread_detach(check_start(companions[i], NULL)));
	check_join(check_start(send_to, self));
	pid_t child = check_fork();
	if (child == 0) {
		send_to(self);
		_exit(0);
	}
	check_child_succeeds(child);
	_exit(0);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
	real_time = SIGRTMIN + 1;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, real_time);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigaction(real_time, &action, NULL));
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(pipe(answers));
	for (unsigned i = 0; i < sizeof receivers / sizeof *receivers; i++) {
		pid_t child = check_fork();
		if (child == 0)
			receive(receivers[i]);
		check_child_succeeds(child);
	}
	return 0;
}
