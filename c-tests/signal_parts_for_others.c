/* Transfers that take a while, beside signals to the process that the main thread handles: nothing of them ends at a part,
 * but by what ends them without signals, too. In a thread as others, and in one that the kernel keeps something of (a
 * timer slack). */
#include "net.h"
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/uio.h>

enum {
	PERIOD_MS = 1,
	SIZE = 1 << 20,
	STEP = 1 << 16,
	FEW = 4000,
	PAUSE_MS = 3,
	LIMIT_MS = 40,
	FAR_TOO_LATE_MS = 5000,
};

static char bytes[SIZE], got[SIZE];
static int ends[2], file, has_slack, files_received;
static atomic_int in_main, handled, broken_pipes, is_over, is_done;
static sem_t may_send, may_begin;
static pthread_t main_thread, tested;

/* What another thread is to do beside a call. All live until the last call is over: a thread that begins or ends, or
 * changes its mask, may take a signal to the process from the main thread. */
static void (*job)(void);
static sem_t job_given, job_done;

static void *do_jobs(void *unused)
{
	for (check_await(&job_given); job; check_await(&job_given)) {
		job();
		CHECK_OK(sem_post(&job_done));
	}
	return unused;
}

/* To the process, one after the other. (A timer's signal may go to whoever runs when it comes.) */
static void *send_to_main(void *unused)
{
	check_await(&may_send);
	for (int sent = handled; !is_done;) {
		CHECK_OK(kill(getpid(), SIGUSR1));
		sent++;
		while (handled < sent && !is_done)
			sleep_ms(1);
		sleep_ms(PERIOD_MS);
	}
	return unused;
}

static void give(void (*what)(void))
{
	job = what;
	CHECK_OK(sem_post(&job_given));
}

/* TCP's buffers would grow until all is in them. */
static void small_tcp_pair(int pair[2])
{
	int size = STEP;
	tcp_pair(pair);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
		CHECK_OK(setsockopt(pair[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
	}
}

/* A pipe that is opened by a name, as a FIFO is: the kernel knows of no way to write to it without waiting. */
static void fifo_pair(int pair[2])
{
	char name[32];
	int unnamed[2];
	pipe_pair(unnamed);
	snprintf(name, sizeof name, "/dev/fd/%d", unnamed[0]);
	pair[0] = open(name, O_WRONLY);
	pair[1] = unnamed[1];
	CHECK(pair[0] >= 0);
	CHECK_OK(close(unnamed[0]));
}

static void count(int signal_number)
{
	in_main += signal_number == SIGUSR1 && pthread_equal(pthread_self(), main_thread);
	handled += signal_number == SIGUSR1;
	broken_pipes += signal_number == SIGPIPE;
}

/* The first part is empty. */
static void split(struct iovec parts[3], char *place, size_t size)
{
	parts[0] = (struct iovec){place, 0};
	parts[1] = (struct iovec){place, size / 3};
	parts[2] = (struct iovec){place + size / 3, size - size / 3};
}

static ssize_t by_send(void)
{
	return send(ends[0], bytes, SIZE, 0);
}

static ssize_t by_sendmsg(void)
{
	struct iovec parts[3];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
	split(parts, bytes, SIZE);
	return sendmsg(ends[0], &message, 0);
}

static ssize_t by_write(void)
{
	return write(ends[0], bytes, SIZE);
}

static ssize_t by_writev(void)
{
	struct iovec parts[3];
	split(parts, bytes, SIZE);
	return writev(ends[0], parts, 3);
}

static ssize_t by_recv(void)
{
	return recvfrom(ends[0], got, FEW, MSG_WAITALL, NULL, NULL);
}

static ssize_t by_recvmsg(void)
{
	struct iovec parts[3];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
	split(parts, got, FEW);
	return recvmsg(ends[0], &message, MSG_WAITALL);
}

static ssize_t by_look(void)
{
	CHECK_EQ(recv(ends[0], got, FEW, MSG_WAITALL | MSG_PEEK), FEW);
	return by_recv();
}

static void take_all(void)
{
	for (size_t at = 0; at < SIZE; at += STEP) {
		sleep_ms(PAUSE_MS);
		read_exactly(ends[1], got + at, STEP);
	}
}

static void give_few(void)
{
	for (int at = 0; at < FEW; at += FEW / 4) {
		sleep_ms(PAUSE_MS);
		write_exactly(ends[1], bytes + at, FEW / 4);
	}
}

/* After another thread has taken a signal from it the main one has to run to get the next (Linux, `wants_signal`). */
static void await_main(void)
{
	for (int before = in_main; in_main < before + 2;)
		sleep_ms(1);
}

static void check_whole(void (*pair)(int[2]), ssize_t (*run)(void), int receives)
{
	ssize_t size = receives ? FEW : SIZE;
	pair(ends);
	memset(got, 0, sizeof got);
	await_main();
	give(receives ? give_few : take_all);
	CHECK_EQ(run(), size);
	check_await(&job_done);
	CHECK_OK(memcmp(bytes, got, (size_t)size));
	close_both(ends);
}

static void transfers(void (*pair)(int[2]))
{
	static ssize_t (*const sends[])(void) = {by_send, by_sendmsg, by_write, by_writev};
	static ssize_t (*const receives[])(void) = {by_recv, by_recvmsg};
	for (size_t i = 0; i < sizeof sends / sizeof *sends; i++)
		check_whole(pair, sends[i], 0);
	for (size_t i = 0; i < sizeof receives / sizeof *receives; i++)
		check_whole(pair, receives[i], 1);
}

/* What ends a transfer at a part: the call returns that, and the next one the reason. */

static void end_early(void)
{
	struct linger none = {.l_onoff = 1};
	char byte;
	CHECK_EQ(recv(ends[1], &byte, 1, MSG_WAITALL), 1);
	sleep_ms(20);
	CHECK_OK(setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &none, sizeof none));
	CHECK_OK(close(ends[1]));
}

static void ends_of_peers(void (*pair)(int[2]))
{
	broken_pipes = 0;
	pair(ends);
	give(end_early);
	ssize_t sent = send(ends[0], bytes, SIZE, 0);
	CHECK(sent > 0 && sent < SIZE);
	CHECK_EQ(broken_pipes, 0);
	if (pair == small_tcp_pair)
		CHECK_ERRNO(send(ends[0], bytes, SIZE, 0), ECONNRESET);
	CHECK_ERRNO(send(ends[0], bytes, SIZE, 0), EPIPE);
	CHECK_EQ(broken_pipes, 1);
	check_await(&job_done);
	CHECK_OK(close(ends[0]));
	/* The end, or a reset, comes when a part has been received. */
	pair(ends);
	write_exactly(ends[0], bytes, 1);
	write_exactly(ends[1], bytes, 2);
	give(end_early);
	CHECK_EQ(recv(ends[0], got, FEW, MSG_WAITALL), 2);
	if (pair == small_tcp_pair)
		CHECK_ERRNO(recv(ends[0], got, FEW, MSG_WAITALL), ECONNRESET);
	CHECK_EQ(recv(ends[0], got, FEW, MSG_WAITALL), 0);
	check_await(&job_done);
	CHECK_OK(close(ends[0]));
}

static void time_limits(void (*pair)(int[2]))
{
	struct timeval limit = {.tv_usec = LIMIT_MS * 1000};
	pair(ends);
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
	write_exactly(ends[1], bytes, 2);
	long start = monotonic_ms();
	CHECK_EQ(recv(ends[0], got, FEW, MSG_WAITALL), 2);
	long middle = monotonic_ms();
	CHECK(middle - start >= LIMIT_MS - 10 && middle - start < FAR_TOO_LATE_MS);
	ssize_t sent = send(ends[0], bytes, SIZE, 0);
	CHECK(sent > 0 && sent < SIZE);
	CHECK(monotonic_ms() - middle < FAR_TOO_LATE_MS);
	close_both(ends);
}

static void at_once(void (*pair)(int[2]))
{
	pair(ends);
	write_exactly(ends[1], bytes, 2);
	CHECK_EQ(recv(ends[0], got, FEW, MSG_WAITALL | MSG_DONTWAIT), 2);
	CHECK(send(ends[0], bytes, SIZE, MSG_DONTWAIT) < SIZE);
	CHECK_OK(fcntl(ends[1], F_SETFL, O_NONBLOCK));
	CHECK(write(ends[1], bytes, SIZE) < SIZE);
	close_both(ends);
}

static void receive_with_file(void)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	for (size_t at = 0; at < SIZE;) {
		struct iovec part = {got + at, STEP};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
		message.msg_controllen = sizeof control;
		ssize_t result = recvmsg(ends[1], &message, 0);
		CHECK(result > 0);
		at += (size_t)result;
		if (message.msg_controllen > 0) {
			int received;
			memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
			CHECK_OK(close(received));
			files_received++;
		}
		sleep_ms(2);
	}
}

static void one_file(void)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {{.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec parts[3];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3, .msg_control = &control};
	files_received = 0;
	message.msg_controllen = sizeof control;
	split(parts, bytes, SIZE);
	unix_pair(ends);
	memcpy(CMSG_DATA(&control.header), &file, sizeof file);
	give(receive_with_file);
	CHECK_EQ(sendmsg(ends[0], &message, 0), SIZE);
	check_await(&job_done);
	CHECK_EQ(files_received, 1);
	close_both(ends);
}

static void signal_tested(void)
{
	sleep_ms(20);
	while (!is_over) {
		CHECK_OK(pthread_kill(tested, SIGUSR2));
		sleep_ms(2);
	}
}

/* A handler of the thread's own ends it. */
static void own_handlers(ssize_t (*run)(void), int size)
{
	is_over = 0;
	unix_pair(ends);
	write_exactly(ends[1], bytes, 2);
	give(signal_tested);
	ssize_t done = run();
	is_over = 1;
	CHECK(done > 0 && done < size);
	check_await(&job_done);
	close_both(ends);
}

static void *check_all(void *unused)
{
	static void (*const pairs[])(int[2]) = {unix_pair, small_tcp_pair};
	check_await(&may_begin);
	if (has_slack)
		CHECK_OK(prctl(PR_SET_TIMERSLACK, 60000));
	for (int kind = 0; kind < 2; kind++) {
		transfers(pairs[kind]);
		ends_of_peers(pairs[kind]);
		time_limits(pairs[kind]);
		at_once(pairs[kind]);
	}
	for (int kind = 0; kind < 3; kind++) {
		static void (*const files[])(int[2]) = {pipe_pair, fifo_pair, terminal_pair};
		check_whole(files[kind], by_write, 0);
		check_whole(files[kind], by_writev, 0);
	}
	check_whole(tcp_pair, by_look, 1);
	one_file();
	own_handlers(by_send, SIZE);
	own_handlers(by_recv, FEW);
	is_done = 1;
	return unused;
}

int main(void)
{
	/* Not deferred: while the signal were blocked for the handler, the next one would go to another thread. */
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART | SA_NODEFER};
	sigset_t usr1;
	char name[] = "/tmp/signal_parts_for_others-XXXXXX";
	main_thread = pthread_self();
	CHECK_OK(sigemptyset(&usr1));
	CHECK_OK(sigaddset(&usr1, SIGUSR1));
	CHECK_OK(sem_init(&may_send, 0, 0));
	CHECK_OK(sem_init(&may_begin, 0, 0));
	CHECK_OK(sem_init(&job_given, 0, 0));
	CHECK_OK(sem_init(&job_done, 0, 0));
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK(signal(SIGPIPE, count) != SIG_ERR);
	CHECK(signal(SIGUSR2, count) != SIG_ERR);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	CHECK((file = mkstemp(name)) >= 0);
	CHECK_OK(unlink(name));
	write_exactly(file, bytes, SIZE);
	for (has_slack = 0; has_slack < 2; has_slack++) {
		handled = is_done = 0;
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
		pthread_t other = check_start(do_jobs, NULL), sender = check_start(send_to_main, NULL);
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
		tested = check_start(check_all, NULL);
		CHECK_OK(sem_post(&may_send));
		CHECK_OK(sem_post(&may_begin));
		check_join(tested);
		check_join(sender);
		give(NULL);
		check_join(other);
	}
	return 0;
}
