/* Calls that wait for a descriptor to be readable, or for a file to be there. */
#include "blocked.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

static void must_be_line(const char *got, ssize_t length)
{
	MUST(length == LINE_LENGTH && memcmp(got, LINE, LINE_LENGTH) == 0);
}

static void block_recv(int i)
{
	char got[64];
	must_be_line(got, recv(ends[i][0], got, sizeof got, 0));
}

static void block_read(int i)
{
	char got[64];
	must_be_line(got, read(ends[i][0], got, sizeof got));
}

static void block_syscall_read(int i)
{
	char got[64];
	must_be_line(got, syscall(SYS_read, ends[i][0], got, sizeof got));
}

/* As Python's ctypes finds it: in libc itself, past every preload. */
static ssize_t (*libc_read)(int, void *, size_t);

static void make_libc_read(int threads)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);
	MUST(libc != NULL);
	void *found = dlsym(libc, "read");
	MUST(found != NULL);
	memcpy(&libc_read, &found, sizeof found);
	make_pipes(threads);
}

static void block_libc_read(int i)
{
	char got[64];
	must_be_line(got, libc_read(ends[i][0], got, sizeof got));
}

static void block_poll(int i)
{
	struct pollfd one = {.fd = ends[i][0], .events = POLLIN};
	MUST(poll(&one, 1, -1) == 1 && one.revents == POLLIN);
}

static void block_syscall_poll(int i)
{
	struct pollfd one = {.fd = ends[i][0], .events = POLLIN};
	MUST(syscall(SYS_poll, &one, 1, -1) == 1 && one.revents == POLLIN);
}

static int epolls[THREADS_MAX];

static void make_epolls(int threads)
{
	make_pipes(threads);
	for (int i = 0; i < threads; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		epolls[i] = epoll_create1(EPOLL_CLOEXEC);
		MUST(epolls[i] >= 0 && epoll_ctl(epolls[i], EPOLL_CTL_ADD, ends[i][0], &event) == 0);
	}
}

static void block_epoll_wait(int i)
{
	struct epoll_event event;
	MUST(epoll_wait(epolls[i], &event, 1, -1) == 1 && event.data.u32 == (uint32_t)i);
}

static void make_terminals(int threads)
{
	for (int i = 0; i < threads; i++) {
		char name[64];
		ends[i][1] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		MUST(ends[i][1] >= 0 && grantpt(ends[i][1]) == 0 && unlockpt(ends[i][1]) == 0);
		MUST(ptsname_r(ends[i][1], name, sizeof name) == 0);
		ends[i][0] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
		MUST(ends[i][0] >= 0);
	}
}

static pid_t process;
static int signals;

static void make_signalfd(int threads)
{
	sigset_t set;
	(void)threads;
	process = getpid();
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 5);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	MUST(signals >= 0);
}

static void block_signalfd(int i)
{
	struct signalfd_siginfo got;
	(void)i;
	MUST(read(signals, &got, sizeof got) == sizeof got && got.ssi_signo == (uint32_t)SIGRTMIN + 5);
}

static void queue_signals(int threads)
{
	for (int i = 0; i < threads; i++)
		MUST(sigqueue(process, SIGRTMIN + 5, (union sigval){.sival_int = i}) == 0);
}

static void make_eventfds(int threads)
{
	for (int i = 0; i < threads; i++) {
		ends[i][0] = ends[i][1] = eventfd(0, EFD_CLOEXEC);
		MUST(ends[i][0] >= 0);
	}
}

static void block_eventfd(int i)
{
	uint64_t got;
	MUST(read(ends[i][0], &got, sizeof got) == sizeof got && got == 1);
}

static void block_eventfd_read(int i)
{
	eventfd_t got;
	MUST(eventfd_read(ends[i][0], &got) == 0 && got == 1);
}

static void count_eventfds(int threads)
{
	uint64_t one = 1;
	for (int i = 0; i < threads; i++)
		MUST(write(ends[i][1], &one, sizeof one) == sizeof one);
}

static void make_timerfds(int threads)
{
	for (int i = 0; i < threads; i++) {
		ends[i][0] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
		MUST(ends[i][0] >= 0);
	}
}

static void block_timerfd(int i)
{
	uint64_t expirations;
	MUST(read(ends[i][0], &expirations, sizeof expirations) == sizeof expirations && expirations == 1);
}

static void set_timerfds(int threads)
{
	struct itimerspec soon = {.it_value.tv_nsec = 1};
	for (int i = 0; i < threads; i++)
		MUST(timerfd_settime(ends[i][0], 0, &soon, NULL) == 0);
}

static struct sockaddr_un name = {.sun_family = AF_UNIX};
static socklen_t name_length;
static int listener;

static void make_listener(int threads)
{
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* An address of the abstract namespace, which goes with the socket. */
	int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "green-blocked-%d", (int)getpid());
	name_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
	MUST(bind(listener, (struct sockaddr *)&name, name_length) == 0 && listen(listener, threads) == 0);
}

static void block_accept(int i)
{
	ends[i][0] = accept(listener, NULL, NULL);
	MUST(ends[i][0] >= 0);
}

static void connect_all(int threads)
{
	for (int i = 0; i < threads; i++) {
		ends[i][1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		MUST(ends[i][1] >= 0 && connect(ends[i][1], (struct sockaddr *)&name, name_length) == 0);
	}
}

static char directory[] = "/tmp/green-blocked-XXXXXX";

static void fifo_path(int i, char *path, size_t size)
{
	snprintf(path, size, "%s/%d", directory, i);
}

static void make_fifos(int threads)
{
	char path[64];
	MUST(mkdtemp(directory) != NULL);
	for (int i = 0; i < threads; i++) {
		fifo_path(i, path, sizeof path);
		MUST(mkfifo(path, 0600) == 0);
	}
}

static int open_fifo(int i, int how)
{
	char path[64];
	fifo_path(i, path, sizeof path);
	int fd = open(path, how | O_CLOEXEC);
	MUST(fd >= 0);
	return fd;
}

static void block_open_reading(int i)
{
	ends[i][0] = open_fifo(i, O_RDONLY);
}

static void block_open_writing(int i)
{
	ends[i][0] = open_fifo(i, O_WRONLY);
}

static void open_other_ends(int threads, int how)
{
	char path[64];
	for (int i = 0; i < threads; i++) {
		ends[i][1] = open_fifo(i, how);
		fifo_path(i, path, sizeof path);
		unlink(path);
	}
	rmdir(directory);
}

static void open_for_writing(int threads)
{
	open_other_ends(threads, O_WRONLY);
}

static void open_for_reading(int threads)
{
	open_other_ends(threads, O_RDONLY);
}

static mqd_t messages;

static void make_queue(int threads)
{
	struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = 16};
	char path[64];
	(void)threads;
	snprintf(path, sizeof path, "/green-blocked-%d", (int)getpid());
	messages = mq_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
	MUST(messages != (mqd_t)-1);
	mq_unlink(path);
}

static void block_mq_receive(int i)
{
	char got[16];
	(void)i;
	must_be_line(got, mq_receive(messages, got, sizeof got, NULL));
}

static void send_messages(int threads)
{
	for (int i = 0; i < threads; i++)
		MUST(mq_send(messages, LINE, LINE_LENGTH, 0) == 0);
}

const struct call file_calls[] = {
    {.name = "recv", make_sockets, block_recv, .release = write_lines},
    {.name = "read, pipe", make_pipes, block_read, .release = write_lines},
    {.name = "read, pseudo-terminal", make_terminals, block_read, .release = write_lines},
    {.name = "read, signalfd", make_signalfd, block_signalfd, .release = queue_signals},
    {.name = "read, eventfd", make_eventfds, block_eventfd, .release = count_eventfds},
    {.name = "read, timerfd", make_timerfds, block_timerfd, .release = set_timerfds},
    {.name = "poll", make_pipes, block_poll, .release = write_lines},
    {.name = "epoll_wait", make_epolls, block_epoll_wait, .release = write_lines},
    {.name = "accept", make_listener, block_accept, .release = connect_all},
    {.name = "eventfd_read", make_eventfds, block_eventfd_read, .release = count_eventfds},
    {.name = "mq_receive", make_queue, block_mq_receive, .release = send_messages},
    {.name = "open, FIFO", make_fifos, block_open_reading, .release = open_for_writing},
    {.name = "open, FIFO, writing", make_fifos, block_open_writing, .release = open_for_reading},
    {.name = "syscall(SYS_read)", make_pipes, block_syscall_read, .release = write_lines},
    {.name = "syscall(SYS_poll)", make_pipes, block_syscall_poll, .release = write_lines},
    {.name = "libc's own read", make_libc_read, block_libc_read, .release = write_lines},
    {.name = NULL},
};
