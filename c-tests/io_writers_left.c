/* A thread that waits in any call that writes, to any kind of file, hears what a kernel thread hears when the other end is
 * closed or either end shut down: the same count, the same error, SIGPIPE or none, and the same from the next call. So each
 * case is run by a thread of its own stack, which is a kernel thread, and by one without, and the two are compared. */
#include "net.h"
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* Packets so large that not their number is the limit. */
enum { ROOM = 4096, SOME = 64, PACKET = 2048, BIG = 8 << 20, STACK = 1 << 18, AT_A_TIME = 16, TRIES = 6 };

enum kind { STREAM, SEQPACKET, DATAGRAM, TCP, PIPE, FIFO, KINDS };
static const char *const kinds[] = {"stream", "seqpacket", "datagram", "tcp", "pipe", "fifo"};

enum end { CLOSE, RESET, PEER_READS_NO_MORE, OWN_WRITES_NO_MORE, OWN_NOTHING_MORE, PEER_NOTHING_MORE, DRAIN, ENDS };
static const char *const ends_[] = {
	"close", "reset", "peer's SHUT_RD", "own SHUT_WR", "own SHUT_RDWR", "peer's SHUT_RDWR", "peer's SHUT_WR, then reads"};

enum call {
	WRITE, WRITEV, PWRITEV2, RAW_WRITE, SPLICE, SENDFILE, SEND, SEND_QUIET, SENDTO, SENDMSG, SENDMSG_QUIET, SENDMMSG, RAW_SENDTO,
	CALLS
};
static const char *const calls[] = {
	"write", "writev", "pwritev2", "syscall(SYS_write)", "splice", "sendfile", "send", "send(MSG_NOSIGNAL)", "sendto",
	"sendmsg", "sendmsg(MSG_NOSIGNAL)", "sendmmsg", "syscall(SYS_sendto)"};

struct outcome {
	long result, again;
	int error, broken_pipes, socket_error, error_again;
};

struct run {
	enum kind kind;
	enum end end;
	enum call call;
	int part, blocks, ends[2];
	struct outcome outcome;
};

static char *big;
static int big_file;
static __thread int broken_pipes;

static void count_broken_pipe(int signal_number)
{
	(void)signal_number;
	broken_pipes++;
}

static int is_pipe(enum kind kind)
{
	return kind == PIPE || kind == FIFO;
}

static int is_packets(enum kind kind)
{
	return kind == SEQPACKET || kind == DATAGRAM;
}

static void make(struct run *run)
{
	int *ends = run->ends, small = ROOM;
	if (run->kind == PIPE) {
		pipe_pair(ends);
	} else if (run->kind == FIFO) {
		char path[] = "/tmp/green-left-XXXXXX";
		CHECK(mkdtemp(path) != NULL);
		char name[64];
		snprintf(name, sizeof name, "%s/fifo", path);
		CHECK_OK(mkfifo(name, 0600));
		CHECK((ends[1] = open(name, O_RDONLY | O_NONBLOCK)) >= 0);
		CHECK((ends[0] = open(name, O_WRONLY)) >= 0);
		CHECK_OK(fcntl(ends[1], F_SETFL, 0));
		CHECK_OK(unlink(name));
		CHECK_OK(rmdir(path));
	} else if (run->kind == TCP) {
		tcp_pair(ends);
	} else {
		int type = run->kind == STREAM ? SOCK_STREAM : run->kind == SEQPACKET ? SOCK_SEQPACKET : SOCK_DGRAM;
		CHECK_OK(socketpair(AF_UNIX, type, 0, ends));
	}
	if (is_pipe(run->kind)) {
		CHECK(fcntl(ends[0], F_SETPIPE_SZ, ROOM) > 0);
		return;
	}
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
	CHECK_OK(setsockopt(ends[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
}

/* How much is on its way that nobody has read. */
static long held(const struct run *run)
{
	int unsent = 0, unread = 0;
	if (!is_pipe(run->kind))
		CHECK_OK(ioctl(run->ends[0], TIOCOUTQ, &unsent));
	CHECK_OK(ioctl(run->ends[1], FIONREAD, &unread));
	return unsent + (long)unread;
}

/* Until nothing goes any more; TCP acknowledges after 40 ms, and has room then. */
static void fill(struct run *run)
{
	CHECK_OK(fcntl(run->ends[0], F_SETFL, O_NONBLOCK));
	for (int rests = 0; rests < 30; rests++) {
		ssize_t count;
		while ((count = write(run->ends[0], big, is_packets(run->kind) ? PACKET : SOME)) > 0)
			rests = 0;
		CHECK_EQ(errno, EAGAIN);
		if (run->kind != TCP)
			break;
		sleep_ms(2);
	}
	CHECK_OK(fcntl(run->ends[0], F_SETFL, 0));
}

static long length_of(const struct run *run)
{
	return run->part ? BIG : is_packets(run->kind) ? PACKET : SOME;
}

static long make_call(const struct run *run)
{
	int fd = run->ends[0];
	size_t length = length_of(run);
	struct iovec vector[2] = {{big, length / 2}, {big + length / 2, length - length / 2}};
	struct msghdr message = {.msg_iov = vector, .msg_iovlen = 2};
	struct mmsghdr messages[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
	int source[2];
	long result;
	switch (run->call) {
	case WRITE: return write(fd, big, length);
	case WRITEV: return writev(fd, vector, 2);
	case PWRITEV2: return pwritev2(fd, vector, 2, -1, 0);
	case RAW_WRITE: return syscall(SYS_write, fd, big, length);
	case SPLICE:
		CHECK_OK(pipe(source));
		CHECK_EQ(write(source[1], big, SOME), SOME);
		result = splice(source[0], NULL, fd, NULL, SOME, 0);
		int error = errno;
		close_both(source);
		errno = error;
		return result;
	case SENDFILE: return sendfile(fd, big_file, &(off_t){0}, length);
	case SEND: return send(fd, big, length, 0);
	case SEND_QUIET: return send(fd, big, length, MSG_NOSIGNAL);
	case SENDTO: return sendto(fd, big, length, 0, NULL, 0);
	case SENDMSG: return sendmsg(fd, &message, 0);
	case SENDMSG_QUIET: return sendmsg(fd, &message, MSG_NOSIGNAL);
	case SENDMMSG:
		result = sendmmsg(fd, messages, 2, 0);
		return result > 0 ? result * 1000 + (messages[0].msg_len < length) : result;
	case RAW_SENDTO: return syscall(SYS_sendto, fd, big, length, 0, NULL, 0);
	default: abort();
	}
}

/* Of what goes how much depends on the kernel's mood. */
static long kind_of(long result, long length)
{
	return result <= 0 || result >= length ? result : 1;
}

static void *write_it(void *argument)
{
	struct run *run = argument;
	struct outcome *outcome = &run->outcome;
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, SIGPIPE));
	CHECK_OK(pthread_sigmask(run->blocks ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL));
	broken_pipes = 0;
	errno = 0;
	outcome->result = kind_of(make_call(run), run->call == SENDMMSG ? 2001 : length_of(run));
	outcome->error = outcome->result < 0 ? errno : 0;
	if (run->blocks) {
		struct timespec now = {0};
		while (sigtimedwait(&set, NULL, &now) == SIGPIPE)
			broken_pipes++;
	}
	outcome->broken_pipes = broken_pipes;
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_OK(fcntl(run->ends[0], F_SETFL, O_NONBLOCK));
	if (run->end != DRAIN) {
		outcome->again = write(run->ends[0], big, 1);
		outcome->error_again = outcome->again < 0 ? errno : 0;
	}
	socklen_t size = sizeof outcome->socket_error;
	if (!is_pipe(run->kind))
		CHECK_OK(getsockopt(run->ends[0], SOL_SOCKET, SO_ERROR, &outcome->socket_error, &size));
	struct timespec now = {0};
	while (sigtimedwait(&set, NULL, &now) == SIGPIPE)
		;
	return NULL;
}

static void bring(struct run *run)
{
	int *ends = run->ends;
	switch (run->end) {
	case RESET: set_linger(ends[1], 0); /* fallthrough */
	case CLOSE:
		CHECK_OK(close(ends[1]));
		ends[1] = -1;
		return;
	case PEER_READS_NO_MORE: CHECK_OK(shutdown(ends[1], SHUT_RD)); return;
	case OWN_WRITES_NO_MORE: CHECK_OK(shutdown(ends[0], SHUT_WR)); return;
	case OWN_NOTHING_MORE: CHECK_OK(shutdown(ends[0], SHUT_RDWR)); return;
	case PEER_NOTHING_MORE: CHECK_OK(shutdown(ends[1], SHUT_RDWR)); return;
	default: abort();
	}
}

static struct outcome outcome_of(struct run run, int is_native, long pause)
{
	pthread_attr_t attributes;
	pthread_t writer;
	void *stack = NULL;
	make(&run);
	if (!run.part)
		fill(&run);
	CHECK_OK(pthread_attr_init(&attributes));
	if (is_native) {
		stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(stack != MAP_FAILED);
		CHECK_OK(pthread_attr_setstack(&attributes, stack, STACK));
	}
	CHECK_OK(pthread_create(&writer, &attributes, write_it, &run));
	CHECK_OK(pthread_attr_destroy(&attributes));
	for (long last = -1, more = 0; run.part && last != (more = held(&run)); last = more)
		sleep_ms(2);
	sleep_ms(pause);
	if (run.end == DRAIN) {
		/* Reads until it is told to stop. */
		struct run peer = run;
		CHECK_OK(shutdown(peer.ends[1], SHUT_WR));
		CHECK_OK(fcntl(peer.ends[1], F_SETFL, O_NONBLOCK));
		char place[1 << 16];
		while (pthread_tryjoin_np(writer, NULL) == EBUSY)
			if (read(peer.ends[1], place, sizeof place) < 0)
				sched_yield();
	} else {
		bring(&run);
		check_join(writer);
	}
	CHECK_OK(close(run.ends[0]));
	if (run.ends[1] >= 0)
		CHECK_OK(close(run.ends[1]));
	if (stack != NULL)
		CHECK_OK(munmap(stack, STACK));
	return run.outcome;
}

static int applies(const struct run *run)
{
	int is_stream = run->kind == STREAM || run->kind == TCP;
	if (is_pipe(run->kind))
		return run->end == CLOSE && run->call <= SENDFILE;
	if (run->part && (!is_stream || run->call == SPLICE))
		return 0;
	if (run->kind == TCP)
		return run->end != PEER_READS_NO_MORE && run->end != PEER_NOTHING_MORE && run->end != DRAIN;
	if (run->end == RESET)
		return 0;
	/* What the peer shuts down does not wake who sends a datagram. */
	return run->kind != DATAGRAM || run->end == CLOSE || run->end == OWN_WRITES_NO_MORE || run->end == OWN_NOTHING_MORE;
}

static struct run all[KINDS * ENDS * CALLS * 4];
static int count, next, wrong;

static void tell(const struct run *run, const char *who, const struct outcome *got)
{
	printf("%s, %s, %s, %s%s: %s %ld (%s), SIGPIPE %d; then %ld (%s), SO_ERROR %d\n", kinds[run->kind], ends_[run->end],
		calls[run->call], run->part ? "part" : "nothing", run->blocks ? ", SIGPIPE blocked" : "", who, got->result,
		strerrorname_np(got->error), got->broken_pipes, got->again, strerrorname_np(got->error_again), got->socket_error);
}

static void *compare(void *unused)
{
	int at;
	while ((at = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < count) {
		struct outcome natively, here;
		int same = 0;
		/* On a busy machine the writer may not be waiting yet. */
		for (int i = 0; i < TRIES && !same; i++) {
			natively = outcome_of(all[at], 1, 3 << i);
			here = outcome_of(all[at], 0, 3 << i);
			same = memcmp(&natively, &here, sizeof here) == 0;
		}
		if (!same) {
			tell(&all[at], "kernel thread", &natively);
			tell(&all[at], "       thread", &here);
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
		}
	}
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = count_broken_pipe};
	CHECK_OK(sigaction(SIGPIPE, &action, NULL));
	CHECK((big_file = memfd_create("big", 0)) >= 0);
	CHECK_OK(ftruncate(big_file, BIG));
	big = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(big != MAP_FAILED);
	for (int kind = 0; kind < KINDS; kind++)
		for (int end = 0; end < ENDS; end++)
			for (int call = 0; call < CALLS; call++)
				for (int manner = 0; manner < 4; manner++) {
					struct run run = {.kind = kind, .end = end, .call = call};
					run.part = manner & 1;
					run.blocks = manner >> 1;
					if (applies(&run))
						all[count++] = run;
				}
	pthread_t threads[AT_A_TIME];
	for (int i = 0; i < AT_A_TIME; i++)
		threads[i] = check_start(compare, NULL);
	for (int i = 0; i < AT_A_TIME; i++)
		check_join(threads[i]);
	printf("%d cases\n", count);
	CHECK_EQ(wrong, 0);
	return 0;
}
