/* Event loops beside threads: one that waits in the same epoll_wait, poll or select again and again, and nothing else
 * runs. Handlers, cancellation, time-outs and other threads' deadlines reach it and pass it by as natively, whatever
 * it waits in; more loops than CPUs wait side by side; a forked child loops on; a handler that jumps out of the
 * wait leaves the next ones as they were. */
#include "net.h"
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>

enum { TURNS = 5, LOOPS = 12 };

static volatile sig_atomic_t handled;

static void count(int signal_number)
{
	(void)signal_number;
	handled++;
}

static sigjmp_buf elsewhere;

static void jump(int signal_number)
{
	(void)signal_number;
	siglongjmp(elsewhere, 1);
}

/* An eventfd, and an epoll descriptor with that in it. */
struct loop {
	int epoll, event;
};

static struct loop make(void)
{
	struct loop loop = {epoll_create1(EPOLL_CLOEXEC), eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	struct epoll_event interest = {.events = EPOLLIN};
	CHECK(loop.epoll >= 0 && loop.event >= 0);
	CHECK_OK(epoll_ctl(loop.epoll, EPOLL_CTL_ADD, loop.event, &interest));
	return loop;
}

static void end(struct loop loop)
{
	CHECK_OK(close(loop.event));
	CHECK_OK(close(loop.epoll));
}

static enum { BY_EPOLL, BY_POLL, BY_SELECT, WAYS } way;

static int wait_in_epoll(struct loop loop, int millis, const sigset_t *mask)
{
	struct epoll_event event;
	return mask ? epoll_pwait(loop.epoll, &event, 1, millis, mask) : epoll_wait(loop.epoll, &event, 1, millis);
}

static int wait_in_poll(struct loop loop, int millis, const sigset_t *mask)
{
	struct timespec limit = {millis / 1000, millis % 1000 * NS_PER_MS};
	/* One that has nothing beside one that has something. */
	struct pollfd fds[] = {{.fd = loop.epoll, .events = POLLOUT}, {.fd = loop.event, .events = POLLIN}};
	int ready = mask ? ppoll(fds, 2, millis < 0 ? NULL : &limit, mask) : poll(fds, 2, millis);
	if (ready >= 0)
		CHECK(fds[0].revents == 0 && fds[1].revents == (ready ? POLLIN : 0));
	return ready;
}

static int wait_in_select(struct loop loop, int millis, const sigset_t *mask)
{
	struct timespec limit = {millis / 1000, millis % 1000 * NS_PER_MS};
	struct timeval left = {millis / 1000, millis % 1000 * 1000};
	fd_set reads, writes;
	FD_ZERO(&reads);
	FD_ZERO(&writes);
	FD_SET(loop.event, &reads);
	FD_SET(loop.epoll, &writes);
	int count = (loop.epoll > loop.event ? loop.epoll : loop.event) + 1;
	int ready = mask ? pselect(count, &reads, &writes, NULL, millis < 0 ? NULL : &limit, mask)
			 : select(count, &reads, &writes, NULL, millis < 0 ? NULL : &left);
	/* An error leaves the sets as they were. */
	CHECK_EQ(!!FD_ISSET(loop.event, &reads), ready != 0);
	CHECK_EQ(!!FD_ISSET(loop.epoll, &writes), ready == -1);
	if (ready == 0)
		CHECK(mask || (left.tv_sec == 0 && left.tv_usec == 0));
	return ready;
}

static int wait_in(struct loop loop, int millis, const sigset_t *mask)
{
	static int (*const ways[WAYS])(struct loop, int, const sigset_t *) = {
	    [BY_EPOLL] = wait_in_epoll,
	    [BY_POLL] = wait_in_poll,
	    [BY_SELECT] = wait_in_select,
	};
	return ways[way](loop, millis, mask);
}

static void take(struct loop loop)
{
	uint64_t value;
	CHECK_EQ(wait_in(loop, -1, NULL), 1);
	CHECK_EQ(read(loop.event, &value, sizeof value), sizeof value);
}

static void give(struct loop loop)
{
	uint64_t one = 1;
	CHECK_EQ(write(loop.event, &one, sizeof one), sizeof one);
}

/* Waits that end by themselves, so that the next one is known to be a loop's. */
static void warm_up(struct loop loop)
{
	for (int i = 0; i < TURNS; i++)
		CHECK_EQ(wait_in(loop, 1, NULL), 0);
}

/* How many waits have ended; who is to end the next one waits for the last one here. */
static sem_t ended;

static void *give_now_and_then(void *argument)
{
	for (int i = 0; i < TURNS; i++) {
		sleep_ms(2);
		give(*(struct loop *)argument);
		check_await(&ended);
	}
	return NULL;
}

static void events_and_deadlines(void)
{
	struct loop loop = make();
	warm_up(loop);
	pthread_t other = check_start(give_now_and_then, &loop);
	for (int i = 0; i < TURNS; i++) {
		take(loop);
		CHECK_OK(sem_post(&ended));
	}
	check_join(other);
	long start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(wait_in(loop, 15, NULL), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 15 * NS_PER_MS);
	end(loop);
}

/* Until a wait has ended by it: a signal that came before the wait began was spent. */
static void *interrupt(void *thread)
{
	for (int i = 0; i < TURNS; i++)
		do {
			sleep_ms(5);
			CHECK_OK(pthread_kill(*(pthread_t *)thread, SIGUSR1));
		} while (sem_trywait(&ended) == -1);
	return NULL;
}

static void handlers(int flags)
{
	struct loop loop = make();
	struct sigaction action = {.sa_handler = count, .sa_flags = flags};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	warm_up(loop);
	pthread_t self = pthread_self();
	pthread_t other = check_start(interrupt, &self);
	for (int i = 0; i < TURNS; i++) {
		int before = handled;
		CHECK_ERRNO(wait_in(loop, -1, NULL), EINTR);
		CHECK(handled > before);
		CHECK_OK(sem_post(&ended));
	}
	check_join(other);

	/* One that the call itself lets through. */
	sigset_t blocked, none;
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &blocked, NULL));
	int before = handled;
	CHECK_OK(raise(SIGUSR1));
	warm_up(loop);
	CHECK_EQ(handled, before);
	CHECK_ERRNO(wait_in(loop, -1, &none), EINTR);
	CHECK_EQ(handled, before + 1);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &blocked, NULL));
	end(loop);
}

static sem_t may_jump;

static void *interrupt_when_it_may(void *thread)
{
	check_await(&may_jump);
	sleep_ms(5);
	CHECK_OK(pthread_kill(*(pthread_t *)thread, SIGUSR1));
	return NULL;
}

static void jumps(void)
{
	struct loop loop = make();
	struct sigaction action = {.sa_handler = jump};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	for (volatile int i = 0; i < TURNS; i++) {
		warm_up(loop);
		pthread_t self = pthread_self();
		volatile pthread_t other = check_start(interrupt_when_it_may, &self);
		if (sigsetjmp(elsewhere, 1) == 0) {
			CHECK_OK(sem_post(&may_jump));
			wait_in(loop, -1, NULL);
			CHECK(!"the wait ends by a jump");
		}
		check_join(other);
	}
	give(loop);
	take(loop);
	end(loop);
}

static void *loop_for_ever(void *argument)
{
	for (;;)
		take(*(struct loop *)argument);
	return NULL;
}

static void cancellation(void)
{
	struct loop loop = make();
	pthread_t looper = check_start(loop_for_ever, &loop);
	for (int i = 0; i < TURNS; i++) {
		give(loop);
		sleep_ms(1);
	}
	CHECK_OK(pthread_cancel(looper));
	CHECK(check_join(looper) == PTHREAD_CANCELED);
	end(loop);
}

static struct loop chain[LOOPS];

static void *forward(void *argument)
{
	long index = (long)argument;
	for (int i = 0; i < TURNS; i++) {
		take(chain[index]);
		give(chain[(index + 1) % LOOPS]);
	}
	return NULL;
}

/* Each loop waits for the one before it. */
static void many_loops(void)
{
	pthread_t loops[LOOPS];
	for (long i = 0; i < LOOPS; i++)
		chain[i] = make();
	for (long i = 0; i < LOOPS; i++)
		loops[i] = check_start(forward, (void *)i);
	give(chain[0]);
	for (int i = 0; i < LOOPS; i++)
		check_join(loops[i]);
	for (int i = 0; i < LOOPS; i++)
		end(chain[i]);
}

static void *wait_for_ever(void *argument)
{
	sem_t *never = argument;
	sem_wait(never);
	return NULL;
}

static void *tick(void *loop)
{
	for (int i = 0; i < TURNS; i++)
		sleep_ms(2);
	give(*(struct loop *)loop);
	return NULL;
}

/* Others' deadlines come while the loop waits. */
static void other_deadlines(void)
{
	struct loop loop = make();
	warm_up(loop);
	pthread_t other = check_start(tick, &loop);
	take(loop);
	check_join(other);
	end(loop);
}

static void forked_child(void)
{
	struct loop loop = make();
	warm_up(loop);
	pid_t child = check_fork();
	if (child == 0) {
		warm_up(loop);
		give(loop);
		take(loop);
		many_loops();
		_exit(0);
	}
	check_child_succeeds(child);
	end(loop);
}

static void *all(void *unused)
{
	(void)unused;
	for (way = 0; way < WAYS; way++) {
		events_and_deadlines();
		handlers(0);
		handlers(SA_RESTART);
		jumps();
		cancellation();
		many_loops();
		other_deadlines();
		forked_child();
	}
	return NULL;
}

int main(void)
{
	static sem_t never;
	CHECK_OK(sem_init(&never, 0, 0));
	CHECK_OK(sem_init(&ended, 0, 0));
	CHECK_OK(sem_init(&may_jump, 0, 0));
	all(NULL); /* its first thread is the first of all */
	pthread_t idle = check_start(wait_for_ever, &never);
	check_here_and_in_thread(all, NULL);
	CHECK_OK(sem_post(&never));
	check_join(idle);
	return 0;
}
