/* Event loops beside threads: one that waits in the same epoll_wait again and again, and nothing else runs.
 * Handlers, cancellation, time-outs and other threads' deadlines reach it and pass it by as natively, whatever
 * it waits in; more loops than CPUs wait side by side; a forked child loops on; a handler that jumps out of the
 * wait leaves the next ones as they were. */
#include "net.h"
#include <semaphore.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

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

/* An epoll descriptor with an eventfd in it. */
static int make(int *event)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	*event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct epoll_event interest = {.events = EPOLLIN, .data.fd = *event};
	CHECK(epoll >= 0 && *event >= 0);
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, *event, &interest));
	return epoll;
}

static void take(int epoll)
{
	struct epoll_event event;
	uint64_t value;
	CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
	CHECK_EQ(read(event.data.fd, &value, sizeof value), sizeof value);
}

static void give(int event)
{
	uint64_t one = 1;
	CHECK_EQ(write(event, &one, sizeof one), sizeof one);
}

/* Waits that end by themselves, so that the next one is known to be a loop's. */
static void warm_up(int epoll)
{
	struct epoll_event event;
	for (int i = 0; i < TURNS; i++)
		CHECK_EQ(epoll_wait(epoll, &event, 1, 1), 0);
}

/* How many waits have ended; who is to end the next one waits for the last one here. */
static sem_t ended;

static void await(sem_t *semaphore)
{
	while (sem_wait(semaphore) == -1)
		CHECK_EQ(errno, EINTR);
}

static void *give_now_and_then(void *argument)
{
	for (int i = 0; i < TURNS; i++) {
		sleep_ms(2);
		give(*(int *)argument);
		await(&ended);
	}
	return NULL;
}

static void events_and_deadlines(void)
{
	int event, epoll = make(&event);
	warm_up(epoll);
	pthread_t other = check_start(give_now_and_then, &event);
	for (int i = 0; i < TURNS; i++) {
		take(epoll);
		CHECK_OK(sem_post(&ended));
	}
	check_join(other);
	struct epoll_event nothing;
	long start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(epoll_wait(epoll, &nothing, 1, 15), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 15 * NS_PER_MS);
	CHECK_OK(close(event));
	CHECK_OK(close(epoll));
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
	int event, epoll = make(&event);
	struct epoll_event nothing;
	struct sigaction action = {.sa_handler = count, .sa_flags = flags};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	warm_up(epoll);
	pthread_t self = pthread_self();
	pthread_t other = check_start(interrupt, &self);
	for (int i = 0; i < TURNS; i++) {
		int before = handled;
		CHECK_ERRNO(epoll_wait(epoll, &nothing, 1, -1), EINTR);
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
	warm_up(epoll);
	CHECK_EQ(handled, before);
	CHECK_ERRNO(epoll_pwait(epoll, &nothing, 1, -1, &none), EINTR);
	CHECK_EQ(handled, before + 1);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &blocked, NULL));
	CHECK_OK(close(event));
	CHECK_OK(close(epoll));
}

static sem_t may_jump;

static void *interrupt_when_it_may(void *thread)
{
	await(&may_jump);
	sleep_ms(5);
	CHECK_OK(pthread_kill(*(pthread_t *)thread, SIGUSR1));
	return NULL;
}

static void jumps(void)
{
	int event, epoll = make(&event);
	struct epoll_event nothing;
	struct sigaction action = {.sa_handler = jump};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	for (volatile int i = 0; i < TURNS; i++) {
		warm_up(epoll);
		pthread_t self = pthread_self();
		volatile pthread_t other = check_start(interrupt_when_it_may, &self);
		if (sigsetjmp(elsewhere, 1) == 0) {
			CHECK_OK(sem_post(&may_jump));
			epoll_wait(epoll, &nothing, 1, -1);
			CHECK(!"the wait ends by a jump");
		}
		check_join(other);
	}
	give(event);
	take(epoll);
	CHECK_OK(close(event));
	CHECK_OK(close(epoll));
}

static void *loop_for_ever(void *argument)
{
	for (;;)
		take(*(int *)argument);
	return NULL;
}

static void cancellation(void)
{
	int event, epoll = make(&event);
	pthread_t loop = check_start(loop_for_ever, &epoll);
	for (int i = 0; i < TURNS; i++) {
		give(event);
		sleep_ms(1);
	}
	CHECK_OK(pthread_cancel(loop));
	CHECK(check_join(loop) == PTHREAD_CANCELED);
	CHECK_OK(close(event));
	CHECK_OK(close(epoll));
}

static int chain[LOOPS][2];

static void *forward(void *argument)
{
	long index = (long)argument;
	for (int i = 0; i < TURNS; i++) {
		take(chain[index][0]);
		give(chain[(index + 1) % LOOPS][1]);
	}
	return NULL;
}

/* Each loop waits for the one before it. */
static void many_loops(void)
{
	pthread_t loops[LOOPS];
	for (long i = 0; i < LOOPS; i++)
		chain[i][0] = make(&chain[i][1]);
	for (long i = 0; i < LOOPS; i++)
		loops[i] = check_start(forward, (void *)i);
	give(chain[0][1]);
	for (int i = 0; i < LOOPS; i++)
		check_join(loops[i]);
	for (int i = 0; i < LOOPS; i++) {
		CHECK_OK(close(chain[i][0]));
		CHECK_OK(close(chain[i][1]));
	}
}

static void *wait_for_ever(void *argument)
{
	sem_t *never = argument;
	sem_wait(never);
	return NULL;
}

static void *tick(void *event)
{
	for (int i = 0; i < TURNS; i++)
		sleep_ms(2);
	give(*(int *)event);
	return NULL;
}

/* Others' deadlines come while the loop waits. */
static void other_deadlines(void)
{
	int event, epoll = make(&event);
	warm_up(epoll);
	pthread_t other = check_start(tick, &event);
	take(epoll);
	check_join(other);
	CHECK_OK(close(event));
	CHECK_OK(close(epoll));
}

static void forked_child(void)
{
	int event, epoll = make(&event);
	warm_up(epoll);
	pid_t child = check_fork();
	if (child == 0) {
		warm_up(epoll);
		give(event);
		take(epoll);
		many_loops();
		_exit(0);
	}
	check_child_succeeds(child);
	CHECK_OK(close(event));
	CHECK_OK(close(epoll));
}

static void *all(void *unused)
{
	(void)unused;
	events_and_deadlines();
	handlers(0);
	handlers(SA_RESTART);
	jumps();
	cancellation();
	many_loops();
	other_deadlines();
	forked_child();
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
	all(NULL);
	check_join(check_start(all, NULL));
	CHECK_OK(sem_post(&never));
	check_join(idle);
	return 0;
}
