/* Calls that the kernel never starts again after a handler go on when none has run on their thread: not another
 * thread's handler, nor a change of their own thread's scheduling by others, ends them with EINTR. */
#include "bystander.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>

enum { FAR_MS = 600000 };
static const long SIGNALS = 20;

/* What the waiting calls wait for. */
static int ends[2], semaphores, messages, epoll;
static sem_t semaphore;
static atomic_int waiting, finished;

/* Nothing that others do to it ends a call before it is let go. */
static void in_poll(void)
{
	struct pollfd interest = {.fd = ends[0], .events = POLLIN};
	CHECK_EQ(poll(&interest, 1, -1), 1);
}

static void in_poll_timed(void)
{
	struct pollfd interest = {.fd = ends[0], .events = POLLIN};
	CHECK_EQ(poll(&interest, 1, FAR_MS), 1);
}

static void in_ppoll(void)
{
	struct pollfd interest = {.fd = ends[0], .events = POLLIN};
	struct timespec limit = {.tv_sec = FAR_MS / 1000};
	sigset_t none;
	CHECK_OK(sigemptyset(&none));
	CHECK_EQ(ppoll(&interest, 1, &limit, &none), 1);
}

static void in_select(void)
{
	struct timeval limit = {.tv_sec = FAR_MS / 1000};
	fd_set set;
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	CHECK_EQ(select(ends[0] + 1, &set, NULL, NULL, &limit), 1);
	CHECK(FD_ISSET(ends[0], &set));
}

static void in_pselect(void)
{
	struct timespec limit = {.tv_sec = FAR_MS / 1000};
	fd_set set;
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	CHECK_EQ(pselect(ends[0] + 1, &set, NULL, NULL, &limit, NULL), 1);
	CHECK(FD_ISSET(ends[0], &set));
}

static void in_epoll_wait(void)
{
	struct epoll_event event;
	CHECK_EQ(epoll_wait(epoll, &event, 1, FAR_MS), 1);
}

static void in_epoll_pwait2(void)
{
	struct timespec limit = {.tv_sec = FAR_MS / 1000};
	struct epoll_event event;
	int result = epoll_pwait2(epoll, &event, 1, &limit, NULL);
	if (result == -1 && errno == ENOSYS)
		in_epoll_wait();
	else
		CHECK_EQ(result, 1);
}

static void in_recv(void)
{
	char byte;
	CHECK_EQ(recv(ends[0], &byte, 1, MSG_PEEK), 1);
}

static void in_read(void)
{
	char byte;
	CHECK_EQ(read(ends[0], &byte, 1), 1);
	CHECK_EQ(write(ends[1], "x", 1), 1);
}

static void in_semop(void)
{
	struct sembuf take = {.sem_op = -1};
	CHECK_OK(semop(semaphores, &take, 1));
}

static void in_semtimedop(void)
{
	struct sembuf take = {.sem_op = -1};
	struct timespec limit = {.tv_sec = FAR_MS / 1000};
	CHECK_OK(semtimedop(semaphores, &take, 1, &limit));
}

static void in_msgrcv(void)
{
	struct {
		long kind;
		char text[1];
	} message;
	CHECK_EQ(msgrcv(messages, &message, sizeof message.text, 0, 0), 1);
}

static void in_sem_timedwait(void)
{
	struct timespec deadline = in_ms(CLOCK_REALTIME, FAR_MS);
	CHECK_OK(sem_timedwait(&semaphore, &deadline));
}

static void in_sigtimedwait(void)
{
	struct timespec limit = {.tv_sec = FAR_MS / 1000};
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, SIGUSR2));
	CHECK_EQ(sigtimedwait(&set, NULL, &limit), SIGUSR2);
}

/* The time is the end of it. */
static void in_nanosleep(void)
{
	long begun = monotonic_ms();
	struct timespec time = {.tv_nsec = 300 * NS_PER_MS}, left;
	CHECK_OK(nanosleep(&time, &left));
	CHECK(monotonic_ms() - begun >= 299);
}

static void (*const calls[])(void) = {
	in_poll,	 in_poll_timed, in_ppoll, in_select, in_pselect,    in_epoll_wait,    in_epoll_pwait2, in_recv,
	in_read,	 in_semop,	in_semtimedop, in_msgrcv, in_sem_timedwait, in_sigtimedwait, in_nanosleep,
};
enum { CALLS = sizeof calls / sizeof *calls };

struct waiter {
	void (*call)(void);
	int is_bound;
};

static void *wait_in_call(void *place)
{
	const struct waiter *waiter = place;
	if (waiter->is_bound)
		bind_to_what_it_may();
	waiting++;
	waiter->call();
	finished++;
	return NULL;
}

static void let_go(void (*call)(void), pthread_t thread)
{
	struct {
		long kind;
		char text[1];
	} message = {.kind = 1};
	struct sembuf give = {.sem_op = 1};
	if (call == in_semop || call == in_semtimedop)
		CHECK_OK(semop(semaphores, &give, 1));
	else if (call == in_msgrcv)
		CHECK_OK(msgsnd(messages, &message, sizeof message.text, 0));
	else if (call == in_sem_timedwait)
		CHECK_OK(sem_post(&semaphore));
	else if (call == in_sigtimedwait)
		CHECK_OK(pthread_kill(thread, SIGUSR2));
	else if (call != in_nanosleep)
		CHECK_EQ(write(ends[1], "x", 1), 1);
}

static void check_call(void (*call)(void), int is_bound)
{
	struct waiter waiter = {call, is_bound};
	char byte;
	waiting = finished = 0;
	pthread_t thread = check_start(wait_in_call, &waiter);
	while (!waiting)
		sleep_ms(1);
	have_sent_to_main(SIGNALS);

	/* A sleep may be over by now, and its thread. */
	if (call != in_nanosleep) {
		bind_another(thread);
		have_sent_to_main(SIGNALS);
		CHECK(!finished);
	}

	let_go(call, thread);
	check_join(thread);
	while (recv(ends[0], &byte, 1, MSG_DONTWAIT) == 1)
		;
}

/* A thread that waits for a semaphore, as the kernel says. */
static void check_change_of_a_waiting_thread(void)
{
	struct waiter waiter = {in_semop, 0};
	pthread_t thread = check_start(wait_in_call, &waiter);
	while (semctl(semaphores, 0, GETNCNT) != 1)
		sleep_ms(1);
	bind_another(thread);
	let_go(in_semop, thread);
	check_join(thread);
}

int main(void)
{
	sigset_t usr2;
	handle_in_main();
	CHECK_OK(sigemptyset(&usr2));
	CHECK_OK(sigaddset(&usr2, SIGUSR2));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr2, NULL));

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	messages = msgget(IPC_PRIVATE, 0600);
	CHECK(semaphores != -1 && messages != -1);
	CHECK_OK(sem_init(&semaphore, 0, 0));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event interest = {.events = EPOLLIN};
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &interest));

	for (int i = 0; i < CALLS; i++)
		for (int is_bound = 0; is_bound < 2; is_bound++)
			check_call(calls[i], is_bound);
	check_change_of_a_waiting_thread();

	CHECK_OK(semctl(semaphores, 0, IPC_RMID));
	CHECK_OK(msgctl(messages, IPC_RMID, NULL));
	return 0;
}
