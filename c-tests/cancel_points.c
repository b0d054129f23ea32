/* pthread_cancel ends a thread that is blocked in a cancellation point, whatever that waits for, and one that
 * computes, if it has asked for that. Cleanup handlers run, and join tells. */
#include "net.h"
#include <limits.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>

enum { ROUNDS = 10, FAR_MS = 1000000 };

static sem_t never_posted, *shared_never_posted;
static pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_cond_t never_signalled = PTHREAD_COND_INITIALIZER;
static struct sockaddr_in address;
static struct sockaddr_un unix_address = {.sun_family = AF_UNIX};
static int silent_socket[2], silent_pipe[2], full_socket[2], full_pipe[2], listener, epoll, queue;
static int full_listener, first_in_queue;
static pid_t sleeping_child;
static char lock_path[] = "/tmp/cancel_points.XXXXXX";
static atomic_int cleaned;

static void in_sleep(void)
{
	sleep(1000);
}

static void in_nanosleep(void)
{
	sleep_ms(FAR_MS);
}

static void in_pause(void)
{
	pause();
}

static void in_sem_wait(void)
{
	sem_wait(&never_posted);
}

static void in_sem_timedwait(void)
{
	struct timespec deadline = in_ms(CLOCK_REALTIME, FAR_MS);
	sem_timedwait(&never_posted, &deadline);
}

static void in_shared_sem_wait(void)
{
	sem_wait(shared_never_posted);
}

static void close_it(void *descriptor)
{
	CHECK_OK(close((int)(long)descriptor));
}

static void unlock_mutex(void *unused)
{
	(void)unused;
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

static void in_cond_wait(void)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	pthread_cleanup_push(unlock_mutex, NULL);
	while (1)
		pthread_cond_wait(&never_signalled, &mutex);
	pthread_cleanup_pop(0);
}

static void in_cond_timedwait(void)
{
	struct timespec deadline = in_ms(CLOCK_REALTIME, FAR_MS);
	CHECK_OK(pthread_mutex_lock(&mutex));
	pthread_cleanup_push(unlock_mutex, NULL);
	while (1)
		pthread_cond_timedwait(&never_signalled, &mutex, &deadline);
	pthread_cleanup_pop(0);
}

static void *sleep_long(void *unused)
{
	sleep(1000);
	return unused;
}

static void cancel_and_join(void *thread)
{
	CHECK_OK(pthread_cancel(*(pthread_t *)thread));
	CHECK(check_join(*(pthread_t *)thread) == PTHREAD_CANCELED);
}

static void in_join(void)
{
	pthread_t sleeper = check_start(sleep_long, NULL);
	pthread_cleanup_push(cancel_and_join, &sleeper);
	pthread_join(sleeper, NULL);
	pthread_cleanup_pop(0);
}

static void in_recv(void)
{
	char byte;
	recv(silent_socket[0], &byte, 1, 0);
}

static void in_read(void)
{
	char byte;
	read(silent_pipe[1], &byte, 1);
}

static void close_stream(void *stream)
{
	CHECK_OK(fclose(stream));
}

static void in_fgetc(void)
{
	FILE *stream = fdopen(dup(silent_pipe[1]), "r");
	pthread_cleanup_push(close_stream, stream);
	fgetc(stream);
	pthread_cleanup_pop(0);
}

static void in_send(void)
{
	char bytes[1000] = {0};
	send(full_socket[0], bytes, sizeof bytes, 0);
}

static void in_write(void)
{
	char bytes[PIPE_BUF] = {0};
	write(full_pipe[0], bytes, sizeof bytes);
}

static void in_accept(void)
{
	accept(listener, NULL, NULL);
}

static void fill(int descriptor)
{
	static const char bytes[65536];
	CHECK_OK(fcntl(descriptor, F_SETFL, O_NONBLOCK));
	while (write(descriptor, bytes, sizeof bytes) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	CHECK_OK(fcntl(descriptor, F_SETFL, 0));
}

/* What has been sent has to arrive first. */
static void in_close(void)
{
	int ends[2];
	tcp_pair(ends);
	set_linger(ends[0], 1000);
	fill(ends[0]);
	pthread_cleanup_push(close_it, (void *)(long)ends[1]);
	close(ends[0]);
	pthread_cleanup_pop(1);
}

/* The listener's queue is full. */
static void in_connect(void)
{
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	pthread_cleanup_push(close_it, (void *)(long)descriptor);
	connect(descriptor, (struct sockaddr *)&unix_address, sizeof unix_address);
	pthread_cleanup_pop(1);
}

static void in_poll(void)
{
	struct pollfd interest = {.fd = silent_pipe[1], .events = POLLIN};
	poll(&interest, 1, -1);
}

static void in_select(void)
{
	fd_set readable;
	FD_ZERO(&readable);
	FD_SET(silent_pipe[1], &readable);
	select(silent_pipe[1] + 1, &readable, NULL, NULL, NULL);
}

static void in_epoll_wait(void)
{
	struct epoll_event event;
	epoll_wait(epoll, &event, 1, -1);
}

static void in_sigsuspend(void)
{
	sigset_t none;
	CHECK_OK(sigemptyset(&none));
	sigsuspend(&none);
}

static sigset_t usr1_and_usr2(void)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, SIGUSR1));
	CHECK_OK(sigaddset(&set, SIGUSR2));
	return set;
}

static void in_sigwait(void)
{
	sigset_t set = usr1_and_usr2();
	int signal_number;
	sigwait(&set, &signal_number);
}

static void in_sigtimedwait(void)
{
	sigset_t set = usr1_and_usr2();
	struct timespec far = {.tv_sec = 1000};
	sigtimedwait(&set, NULL, &far);
}

static void in_waitpid(void)
{
	waitpid(sleeping_child, NULL, 0);
}

static void close_descriptor(void *descriptor)
{
	CHECK_OK(close(*(int *)descriptor));
}

static void in_lockf(void)
{
	int descriptor = open(lock_path, O_RDWR);
	pthread_cleanup_push(close_descriptor, &descriptor);
	lockf(descriptor, F_LOCK, 0);
	pthread_cleanup_pop(0);
}

static void in_msgrcv(void)
{
	struct {
		long type;
		char text[8];
	} message;
	msgrcv(queue, &message, sizeof message.text, 0, 0);
}

static void in_computing(void)
{
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	for (volatile long i = 0;; i++)
		;
}

static void in_sleep_asynchronous(void)
{
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	sleep(1000);
}

static void in_testcancel(void)
{
	while (1) {
		pthread_testcancel();
		sched_yield();
	}
}

static void (*const places[])(void) = {
	in_sleep,      in_nanosleep,      in_pause,     in_sem_wait, in_sem_timedwait, in_shared_sem_wait,
	in_cond_wait,  in_cond_timedwait, in_join,      in_recv,     in_read,	       in_fgetc,
	in_send,       in_write,	  in_accept,    in_poll,     in_select,	       in_epoll_wait,
	in_sigsuspend, in_sigwait,	  in_sigtimedwait, in_waitpid, in_lockf,	       in_msgrcv,
	in_connect,    in_close,
	in_computing,  in_sleep_asynchronous, in_testcancel,
};
enum { PLACES = sizeof places / sizeof *places };

static void clean(void *unused)
{
	(void)unused;
	cleaned++;
}

static void *enter(void *place)
{
	pthread_cleanup_push(clean, NULL);
	(*(void (*const *)(void))place)();
	fprintf(stderr, "place %ld was left\n", (long)((void (*const *)(void))place - places));
	_exit(1);
	pthread_cleanup_pop(0);
}

/* What only a process that is not this one can hold: a record lock, and the status of being its child. */
static void start_sleeping_child(void)
{
	int ready[2];
	char byte;
	pipe_pair(ready);
	sleeping_child = check_fork();
	if (sleeping_child == 0) {
		int descriptor = open(lock_path, O_RDWR);
		CHECK_OK(lockf(descriptor, F_LOCK, 0));
		CHECK_EQ(write(ready[0], "r", 1), 1);
		while (1)
			pause();
	}
	CHECK_EQ(read(ready[1], &byte, 1), 1);
	close_both(ready);
}

static void set_up(void)
{
	sigset_t set = usr1_and_usr2();
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	int lock = mkstemp(lock_path);
	CHECK(lock >= 0);
	CHECK_OK(close(lock));
	start_sleeping_child();
	shared_never_posted = mmap(NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared_never_posted != MAP_FAILED);
	CHECK_OK(sem_init(shared_never_posted, 1, 0));
	CHECK_OK(sem_init(&never_posted, 0, 0));
	tcp_pair(silent_socket);
	unix_pair(full_socket);
	pipe_pair(silent_pipe);
	pipe_pair(full_pipe);
	fill(full_socket[0]);
	fill(full_pipe[0]);
	listener = tcp_listener(&address, 1);
	snprintf(unix_address.sun_path + 1, sizeof unix_address.sun_path - 1, "libgreen-cancel-%d", (int)getpid());
	full_listener = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_OK(bind(full_listener, (struct sockaddr *)&unix_address, sizeof unix_address));
	CHECK_OK(listen(full_listener, 0));
	first_in_queue = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_OK(connect(first_in_queue, (struct sockaddr *)&unix_address, sizeof unix_address));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	CHECK(epoll >= 0);
	queue = msgget(IPC_PRIVATE, 0600);
	CHECK(queue >= 0);
}

static void tear_down(void)
{
	CHECK_OK(msgctl(queue, IPC_RMID, NULL));
	CHECK_OK(unlink(lock_path));
	CHECK_OK(kill(sleeping_child, SIGKILL));
	CHECK_EQ(waitpid(sleeping_child, NULL, 0), sleeping_child);
}

static void blocked_threads_end(long pause_ms)
{
	pthread_t threads[PLACES];
	cleaned = 0;
	for (int i = 0; i < PLACES; i++)
		threads[i] = check_start(enter, (void *)&places[i]);
	sleep_ms(pause_ms);
	for (int i = 0; i < PLACES; i++)
		CHECK_OK(pthread_cancel(threads[i]));
	for (int i = 0; i < PLACES; i++)
		CHECK(check_join(threads[i]) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, PLACES);
	/* the cleanup handlers of the condition variable's waiters have given it back */
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

int main(void)
{
	set_up();
	for (int i = 0; i < ROUNDS; i++) {
		/* at once: cancelled anywhere on their way, even before their first instruction, which deferred
		 * cancellation does not interrupt */
		blocked_threads_end(i % 3 == 0 ? 0 : i);
	}
	tear_down();
	return 0;
}
