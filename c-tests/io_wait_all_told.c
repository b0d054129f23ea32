/* A receive call with MSG_WAITALL ends before urgent data, which the next call with MSG_OOB, or, if it is in line, the next
 * one gets; and goes on to all that was asked for where the socket tells more than bytes, whoever has told it to. */
#include "net.h"

#ifndef SO_INQ
#define SO_INQ 84
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

enum { WHOLE = 5, PAUSE_MS = 5 };

static int ends[2], is_in_line, pause_ms;
static void (*pair)(int[2]);
static char buffer[2 * WHOLE];

static int has_urgent_data(void)
{
	int pair_of_its_own[2];
	unix_pair(pair_of_its_own);
	int has = send(pair_of_its_own[0], "!", 1, MSG_OOB) == 1;
	close_both(pair_of_its_own);
	return has;
}

/* "ab", which is there, the urgent "!", and "cd". */
static void *send_urgent(void *unused)
{
	sleep_ms(pause_ms);
	CHECK_EQ(send(ends[1], "!", 1, MSG_OOB), 1);
	sleep_ms(pause_ms);
	write_exactly(ends[1], "cd", 2);
	return unused;
}

static ssize_t by_recv(void)
{
	return recv(ends[0], buffer, WHOLE, MSG_WAITALL);
}

/* The urgent data come at the end of the first buffer. */
static ssize_t by_vectors(void)
{
	struct iovec parts[2] = {{buffer, 2}, {buffer + 2, WHOLE - 2}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	return recvmsg(ends[0], &message, MSG_WAITALL);
}

static void before_urgent_data(ssize_t (*call)(void))
{
	pair(ends);
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_OOBINLINE, &is_in_line, sizeof is_in_line));
	write_exactly(ends[1], "ab", 2);
	pthread_t sender = check_start(send_urgent, NULL);
	/* All is there, or each comes while the call waits. */
	if (pause_ms == 0) {
		check_join(sender);
		sleep_ms(PAUSE_MS);
	}
	CHECK_EQ(call(), 2);
	CHECK_OK(memcmp(buffer, "ab", 2));
	if (pause_ms > 0)
		check_join(sender);
	if (is_in_line) {
		CHECK_EQ(recv(ends[0], buffer, 3, MSG_WAITALL), 3);
		CHECK_OK(memcmp(buffer, "!cd", 3));
	} else {
		CHECK_EQ(recv(ends[0], buffer, 1, MSG_OOB), 1);
		CHECK_EQ(buffer[0], '!');
		CHECK_EQ(recv(ends[0], buffer, 2, MSG_WAITALL), 2);
		CHECK_OK(memcmp(buffer, "cd", 2));
	}
	close_both(ends);
}

static void urgent_data(void)
{
	for (int way = 0; way < 8; way++) {
		pair = way & 1 ? unix_pair : tcp_pair;
		is_in_line = way >> 1 & 1;
		pause_ms = way & 4 ? PAUSE_MS : 0;
		if (pair == unix_pair && !has_urgent_data())
			continue;
		before_urgent_data(by_recv);
		before_urgent_data(by_vectors);
	}
}

static void *send_parts(void *unused)
{
	for (int at = 0; at < WHOLE; at++) {
		write_exactly(ends[1], &"abcde"[at], 1);
		sleep_ms(1);
	}
	return unused;
}

static ssize_t with_control(void)
{
	char control[CMSG_SPACE(100)];
	struct iovec part = {buffer, WHOLE};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
	message.msg_controllen = sizeof control;
	return recvmsg(ends[0], &message, MSG_WAITALL);
}

static void receive_parts(ssize_t (*call)(void))
{
	pthread_t sender = check_start(send_parts, NULL);
	CHECK_EQ(call(), WHOLE);
	CHECK_OK(memcmp(buffer, "abcde", WHOLE));
	check_join(sender);
}

static void set(int option, int value)
{
	/* Old kernels, and some security modules, do not know all of them. */
	if (setsockopt(ends[0], SOL_SOCKET, option, &value, sizeof value) != 0)
		CHECK(errno == ENOPROTOOPT || errno == EOPNOTSUPP || errno == EINVAL);
}

static void what_is_told(void)
{
	/* (What another process sets cannot be asked for with SO_INQ: last.) */
	static const int options[] = {SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD, SO_INQ};
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		for (int by_other = 0; by_other < 1 + (options[i] != SO_INQ); by_other++) {
			unix_pair(ends);
			pid_t other = by_other ? check_fork() : 0;
			if (other == 0)
				set(options[i], 1);
			if (by_other && other == 0)
				_exit(0);
			if (by_other)
				check_child_succeeds(other);
			receive_parts(by_recv);
			receive_parts(with_control);
			receive_parts(by_vectors);
			close_both(ends);
		}
	}
}

static ssize_t look(void)
{
	return recv(ends[0], buffer, WHOLE, MSG_WAITALL | MSG_PEEK);
}

static ssize_t look_by_message(void)
{
	struct iovec part = {buffer, WHOLE};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	return recvmsg(ends[0], &message, MSG_WAITALL | MSG_PEEK);
}

/* Each look begins where the one before has ended, if the kernel can do that. */
static void looks(void)
{
	for (int moves = 0; moves < 2; moves++) {
		tcp_pair(ends);
		if (moves)
			set(SO_PEEK_OFF, 0);
		receive_parts(look);
		CHECK_EQ(by_recv(), WHOLE);
		receive_parts(look_by_message);
		CHECK_EQ(by_recv(), WHOLE);
		close_both(ends);
	}
}

static void *check_all(void *unused)
{
	urgent_data();
	looks();
	what_is_told();
	return unused;
}

int main(void)
{
	check_here_and_in_thread(check_all, NULL);
	return 0;
}
