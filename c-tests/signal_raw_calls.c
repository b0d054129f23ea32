/* Calls by syscall(2) are ended by handlers of their own thread as the kernel has it (signal(7)), and by nothing else: not
 * by another thread's handler, nor by a change of their own thread's scheduling by others. */
#include "bystander.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { FAR_S = 600 };
static const long SIGNALS = 10;

/* What the waiting calls wait for. */
static int ends[2], semaphores, epoll;
static atomic_int word;
static atomic_int waiting, finished;

static long in_poll(void)
{
	struct pollfd interest = {.fd = ends[0], .events = POLLIN};
	return syscall(SYS_poll, &interest, 1, FAR_S * 1000);
}

static long in_poll_for_ever(void)
{
	struct pollfd interest = {.fd = ends[0], .events = POLLIN};
	return syscall(SYS_poll, &interest, 1, -1);
}

static long in_ppoll(void)
{
	struct pollfd interest = {.fd = ends[0], .events = POLLIN};
	struct timespec limit = {.tv_sec = FAR_S};
	return syscall(SYS_ppoll, &interest, 1, &limit, NULL, 8);
}

static long in_select(void)
{
	struct timeval limit = {.tv_sec = FAR_S};
	fd_set set;
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	return syscall(SYS_select, ends[0] + 1, &set, NULL, NULL, &limit);
}

static long in_pselect(void)
{
	struct timespec limit = {.tv_sec = FAR_S};
	fd_set set;
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	return syscall(SYS_pselect6, ends[0] + 1, &set, NULL, NULL, &limit, NULL);
}

static long in_epoll_wait(void)
{
	struct epoll_event event;
	return syscall(SYS_epoll_wait, epoll, &event, 1, FAR_S * 1000);
}

static long in_epoll_pwait(void)
{
	struct epoll_event event;
	return syscall(SYS_epoll_pwait, epoll, &event, 1, -1, NULL, 8);
}

static long in_semtimedop(void)
{
	struct sembuf take = {.sem_op = -1};
	struct timespec limit = {.tv_sec = FAR_S};
	return syscall(SYS_semtimedop, semaphores, &take, 1, &limit) == 0 ? 1 : -1;
}

static long in_semop(void)
{
	struct sembuf take = {.sem_op = -1};
	return syscall(SYS_semop, semaphores, &take, 1) == 0 ? 1 : -1;
}

/* It may have begun anew when the word has changed and nobody was woken yet. */
static long futex(int operation, const struct timespec *limit)
{
	return syscall(SYS_futex, &word, operation, 0, limit, NULL, 0) == 0 || (errno == EAGAIN && word == 1) ? 1 : -1;
}

static long in_futex(void)
{
	struct timespec limit = {.tv_sec = FAR_S};
	return futex(FUTEX_WAIT, &limit);
}

static long in_futex_for_ever(void)
{
	return futex(FUTEX_WAIT, NULL);
}

static long in_private_futex(void)
{
	struct timespec limit = {.tv_sec = FAR_S};
	return futex(FUTEX_WAIT_PRIVATE, &limit);
}

static long in_read(void)
{
	char byte;
	return syscall(SYS_read, ends[0], &byte, 1);
}

static long in_recvfrom(void)
{
	char byte;
	return syscall(SYS_recvfrom, ends[0], &byte, 1, 0, NULL, NULL);
}

static long in_nanosleep(void)
{
	struct timespec time = {.tv_nsec = 200 * NS_PER_MS}, left = {0};
	long begun = monotonic_ms(), result = syscall(SYS_nanosleep, &time, &left);
	if (result == 0)
		CHECK(monotonic_ms() - begun >= 199);
	return result == 0 ? 1 : -1;
}

static long in_clock_nanosleep(void)
{
	struct timespec time = {.tv_nsec = 200 * NS_PER_MS};
	long begun = monotonic_ms(), result = syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &time, NULL);
	if (result == 0)
		CHECK(monotonic_ms() - begun >= 199);
	return result == 0 ? 1 : -1;
}

static const struct call {
	long (*make)(void);
	/* With SA_RESTART the kernel begins it again. */
	int restarts;
} calls[] = {
	{in_poll, 0},	     {in_poll_for_ever, 0}, {in_ppoll, 0},     {in_select, 0},
	{in_pselect, 0},     {in_epoll_wait, 0},    {in_epoll_pwait, 0}, {in_semtimedop, 0},
	{in_semop, 0},	     {in_futex, 0},	    {in_futex_for_ever, 1}, {in_private_futex, 0},
	{in_read, 1},	     {in_recvfrom, 1},	    {in_nanosleep, 0}, {in_clock_nanosleep, 0},
};

static int is_sleep(const struct call *call)
{
	return call->make == in_nanosleep || call->make == in_clock_nanosleep;
}

static void count(int signal_number)
{
	CHECK(signal_number == SIGUSR2 || signal_number == SIGTERM);
	handled++;
}

struct waiter {
	const struct call *call;
	int is_bound, error;
};

static void *wait_in_call(void *place)
{
	struct waiter *waiter = place;
	if (waiter->is_bound)
		bind_to_what_it_may();
	waiting = 1;
	errno = 0;
	waiter->error = waiter->call->make() == 1 ? 0 : errno;
	finished = 1;
	return NULL;
}

static void let_go(void)
{
	struct sembuf give = {.sem_op = 1};
	char byte;
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_OK(semop(semaphores, &give, 1));
	word = 1;
	for (;;) {
		syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		if (finished)
			break;
		sleep_ms(1);
	}
	while (recv(ends[0], &byte, 1, MSG_DONTWAIT) == 1)
		;
	CHECK_OK(semctl(semaphores, 0, SETVAL, 0));
	word = 0;
}

static pthread_t begin(struct waiter *waiter)
{
	waiting = finished = 0;
	pthread_t thread = check_start(wait_in_call, waiter);
	while (!waiting)
		sleep_ms(1);
	return thread;
}

static void nothing_of_others_ends_it(const struct call *call, int is_bound)
{
	struct waiter waiter = {call, is_bound, 0};
	pthread_t thread = begin(&waiter);
	have_sent_to_main(SIGNALS);
	/* A sleep may be over by now, and its thread. */
	if (!is_sleep(call)) {
		bind_another(thread);
		have_sent_to_main(SIGNALS);
		CHECK(!finished);
	}
	let_go();
	check_join(thread);
	CHECK_EQ(waiter.error, 0);
}

static void its_own_handler_ends_it(const struct call *call, int is_bound, int signal_number)
{
	struct waiter waiter = {call, is_bound, 0};
	pthread_t thread = begin(&waiter);
	int restarts = call->restarts && signal_number == SIGTERM;
	handled = 0;
	/* Until one has met it in the call. */
	for (int sent = 0; !finished && !(restarts && sent == 3); sent++) {
		CHECK_OK(pthread_kill(thread, signal_number));
		while (handled <= sent && !finished)
			sleep_ms(1);
	}
	if (restarts)
		let_go();
	check_join(thread);
	CHECK(waiter.error == (restarts ? 0 : EINTR) || is_sleep(call));
	handled = 0;
}

int main(void)
{
	handle_in_main();
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	action.sa_flags = SA_RESTART;
	CHECK_OK(sigaction(SIGTERM, &action, NULL));
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	CHECK(semaphores != -1);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event interest = {.events = EPOLLIN};
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &interest));
	for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
		for (int is_bound = 0; is_bound < 2; is_bound++) {
			nothing_of_others_ends_it(&calls[i], is_bound);
			its_own_handler_ends_it(&calls[i], is_bound, SIGUSR2);
			its_own_handler_ends_it(&calls[i], is_bound, SIGTERM);
		}
	CHECK_OK(semctl(semaphores, 0, IPC_RMID));
	return 0;
}
