/* What the kernel raises in the thread whose call fails, SIGPIPE and SIGXFSZ, is that thread's and nobody else's if it
 * blocks it: it stays pending there, also when others run meanwhile, for whom it is neither pending nor handled. */
#include "net.h"
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { SMALL = 4096, TURNS = 3 };

static pthread_t handled_by;
static volatile sig_atomic_t handled;

static void note(int signal_number)
{
	(void)signal_number;
	handled_by = pthread_self();
	handled++;
}

static void block(int how, int signal_number)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, signal_number));
	CHECK_OK(pthread_sigmask(how, &set, NULL));
}

static int is_pending(int signal_number)
{
	sigset_t set;
	CHECK_OK(sigpending(&set));
	return sigismember(&set, signal_number);
}

static void let_others_run(void)
{
	for (int turn = 0; turn < TURNS; turn++)
		sleep_ms(1);
}

/* Calls that fail with EPIPE on a pipe or stream socket whose other end is closed, and raise SIGPIPE. */
static ssize_t by_write(int fd)
{
	return write(fd, "x", 1);
}

static ssize_t by_writev(int fd)
{
	struct iovec parts[] = {{"x", 1}, {"y", 1}};
	return writev(fd, parts, 2);
}

static ssize_t by_system_call(int fd)
{
	return syscall(SYS_write, fd, "x", 1);
}

static ssize_t by_stream(int fd)
{
	FILE *stream = fdopen(dup(fd), "w");
	CHECK(stream != NULL);
	CHECK_EQ(fputs("x", stream), 1);
	ssize_t result = fflush(stream);
	int error = errno;
	(void)fclose(stream);
	errno = error;
	return result;
}

static ssize_t by_sendfile(int fd)
{
	int file = memfd_create("x", 0);
	CHECK(file >= 0);
	CHECK_EQ(write(file, "x", 1), 1);
	CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
	ssize_t result = sendfile(fd, file, NULL, 1);
	int error = errno;
	CHECK_OK(close(file));
	errno = error;
	return result;
}

static ssize_t by_splice(int fd)
{
	int source[2];
	CHECK_OK(pipe(source));
	CHECK_EQ(write(source[1], "x", 1), 1);
	ssize_t result = splice(source[0], NULL, fd, NULL, 1, 0);
	int error = errno;
	close_both(source);
	errno = error;
	return result;
}

static ssize_t by_tee(int fd)
{
	int source[2];
	CHECK_OK(pipe(source));
	CHECK_EQ(write(source[1], "x", 1), 1);
	ssize_t result = tee(source[0], fd, 1, 0);
	int error = errno;
	close_both(source);
	errno = error;
	return result;
}

static ssize_t by_vmsplice(int fd)
{
	struct iovec part = {"x", 1};
	return vmsplice(fd, &part, 1, 0);
}

static ssize_t by_send(int fd)
{
	return send(fd, "x", 1, 0);
}

static ssize_t by_send_at_once(int fd)
{
	return send(fd, "x", 1, MSG_DONTWAIT);
}

static ssize_t by_sendmsg(int fd)
{
	struct iovec part = {"x", 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	return sendmsg(fd, &message, 0);
}

static ssize_t by_sendmmsg(int fd)
{
	struct iovec part = {"x", 1};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
	return sendmmsg(fd, &message, 1, 0);
}

static ssize_t (*const on_pipes[])(int) = {by_write,    by_writev, by_system_call, by_stream,
					   by_sendfile, by_splice, by_tee,         by_vmsplice};
static ssize_t (*const on_sockets[])(int) = {by_write,  by_writev, by_system_call, by_stream,  by_sendfile,
					     by_splice, by_send,   by_send_at_once, by_sendmsg, by_sendmmsg};
#define COUNT(of) (sizeof(of) / sizeof(of)[0])

/* Fails with EPIPE on `end`, whose other end is closed. */
static void fail(ssize_t (*call)(int), int end)
{
	CHECK(!is_pending(SIGPIPE));
	CHECK_ERRNO((int)call(end), EPIPE);
}

static void try_pairs(void (*act)(ssize_t (*)(int), int))
{
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		for (int sockets = 0; sockets < 2; sockets++) {
			for (size_t i = 0; i < (sockets ? COUNT(on_sockets) : COUNT(on_pipes)); i++) {
				int ends[2];
				(sockets ? unix_pair : pipe_pair)(ends);
				CHECK_OK(close(ends[1]));
				if (nonblocking)
					CHECK_OK(fcntl(ends[0], F_SETFL, O_NONBLOCK));
				act(sockets ? on_sockets[i] : on_pipes[i], ends[0]);
				CHECK_OK(close(ends[0]));
			}
		}
	}
}

/* It stays pending, and whoever waits for it gets it. */
static void is_taken(ssize_t (*call)(int), int end)
{
	fail(call, end);
	let_others_run();
	CHECK(is_pending(SIGPIPE));
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, SIGPIPE));
	struct timespec now = {0, 0};
	siginfo_t info;
	CHECK_EQ(sigtimedwait(&set, &info, &now), SIGPIPE);
	CHECK_EQ(info.si_code, SI_USER);
	CHECK_EQ(info.si_pid, getpid());
	CHECK_ERRNO(sigtimedwait(&set, &info, &now), EAGAIN);
	CHECK_EQ(handled, 0);
}

/* It is handled by its thread when that opens its mask. */
static void is_handled(ssize_t (*call)(int), int end)
{
	fail(call, end);
	let_others_run();
	CHECK_EQ(handled, 0);
	block(SIG_UNBLOCK, SIGPIPE);
	CHECK_EQ(handled, 1);
	CHECK(pthread_equal(handled_by, pthread_self()));
	handled = 0;
	block(SIG_BLOCK, SIGPIPE);
}

static void *fail_and_wait(void *unused)
{
	block(SIG_BLOCK, SIGPIPE);
	try_pairs(is_taken);
	try_pairs(is_handled);
	return unused;
}

/* One that belongs to the process is neither taken nor doubled. */
static void *beside_the_processs(void *unused)
{
	int ends[2];
	pipe_pair(ends);
	CHECK_OK(close(ends[1]));
	CHECK_ERRNO(write(ends[0], "x", 1), EPIPE);
	CHECK_OK(close(ends[0]));
	CHECK(is_pending(SIGPIPE));
	return unused;
}

static void the_processs_stays(void)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, SIGPIPE));
	block(SIG_BLOCK, SIGPIPE);
	CHECK_OK(kill(getpid(), SIGPIPE));
	/* It inherits the mask. */
	check_join(check_start(beside_the_processs, NULL));
	CHECK(is_pending(SIGPIPE));
	struct timespec now = {0, 0};
	CHECK_EQ(sigtimedwait(&set, NULL, &now), SIGPIPE);
	CHECK_ERRNO(sigtimedwait(&set, NULL, &now), EAGAIN);
	block(SIG_UNBLOCK, SIGPIPE);
	CHECK_EQ(handled, 0);
}

static atomic_int over;

/* It runs on the same kernel threads. */
static void *see_nothing(void *blocks)
{
	if (blocks) {
		block(SIG_BLOCK, SIGPIPE);
		block(SIG_BLOCK, SIGXFSZ);
	}
	while (!over) {
		CHECK(!is_pending(SIGPIPE));
		CHECK(!is_pending(SIGXFSZ));
		sleep_ms(1);
	}
	return NULL;
}

/* Files that may not grow: SIGXFSZ. */
static void *grow(void *unused)
{
	block(SIG_BLOCK, SIGXFSZ);
	FILE *file = tmpfile();
	CHECK(file != NULL);
	CHECK_EQ(lseek(fileno(file), SMALL, SEEK_SET), SMALL);
	CHECK_ERRNO(write(fileno(file), "x", 1), EFBIG);
	let_others_run();
	CHECK(is_pending(SIGXFSZ));
	CHECK_EQ(handled, 0);
	block(SIG_UNBLOCK, SIGXFSZ);
	CHECK_EQ(handled, 1);
	CHECK(pthread_equal(handled_by, pthread_self()));
	handled = 0;
	CHECK_OK(fclose(file));
	return unused;
}

static void *fail_once(void *unused)
{
	block(SIG_BLOCK, SIGPIPE);
	return beside_the_processs(unused);
}

/* Without a handler it would end the process; a thread takes it along when it ends. */
static void ends_nobody(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
		for (int i = 0; i < TURNS; i++) {
			check_join(check_start(fail_once, NULL));
			let_others_run();
		}
		_exit(0);
	}
	check_child_succeeds(child);
}

int main(void)
{
	struct sigaction action = {.sa_handler = note};
	CHECK_OK(sigaction(SIGPIPE, &action, NULL));
	CHECK_OK(sigaction(SIGXFSZ, &action, NULL));
	ends_nobody();
	pthread_t open = check_start(see_nothing, NULL), closed = check_start(see_nothing, &over);
	check_join(check_start(fail_and_wait, NULL));
	/* Main, too. */
	fail_and_wait(NULL);
	block(SIG_UNBLOCK, SIGPIPE);
	struct rlimit small = {SMALL, RLIM_INFINITY};
	CHECK_OK(setrlimit(RLIMIT_FSIZE, &small));
	check_join(check_start(grow, NULL));
	grow(NULL);
	over = 1;
	check_join(open);
	check_join(closed);
	the_processs_stays();
	return 0;
}
