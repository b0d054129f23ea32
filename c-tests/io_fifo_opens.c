/* A FIFO is open when its other end is: who opens one waits for that, as the kernel says it, and nothing of the wait
 * is seen elsewhere. Prints how many kernel threads a crowd that waits has taken at most. */
#include "fifo.h"
#include "interrupt.h"
#include "net.h"
#include "open_numbers.h"
#include <poll.h>
#include <sys/resource.h>

enum { CROWD = 60, SAME = 20 };

/* The number that is given out next. */
static int next_number(void)
{
	int fd = dup(0);
	CHECK(fd >= 0);
	CHECK_OK(close(fd));
	return fd;
}

static int fifos;

static void count_fifo(int fd)
{
	char path[64], target[128];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(path, target, sizeof target);
	fifos += length > 0 && strncmp(target, directory, strlen(directory)) == 0;
}

static int open_fifos(void)
{
	fifos = 0;
	for_each_descriptor(count_fifo);
	return fifos;
}

static void *open_and_return(void *unused)
{
	(void)unused;
	return (void *)(long)open(name, O_RDONLY);
}

static void *open_and_close(void *path)
{
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	struct pollfd look = {.fd = fd, .events = POLLIN};
	CHECK_EQ(poll(&look, 1, -1), 1);
	CHECK_OK(close(fd));
	return NULL;
}

/* A writer that is gone again was there. */
static void passing_writer(void)
{
	for (int i = 0; i < 50; i++) {
		pthread_t thread = check_start(open_and_close, name);
		int writer = open(name, O_WRONLY);
		CHECK(writer >= 0);
		CHECK_OK(close(writer));
		check_join(thread);
	}
}

static void *visit(void *number)
{
	char path[sizeof name], byte;
	path_of((long)number, path);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &byte, 1), 1);
	CHECK_OK(close(fd));
	return NULL;
}

static long crowd(void)
{
	pthread_t threads[CROWD];
	char path[sizeof name];
	for (long i = 0; i < CROWD; i++) {
		path_of(i, path);
		CHECK_OK(mkfifo(path, 0600));
		threads[i] = check_start(visit, (void *)i);
	}
	sleep_ms(50);
	long tasks = check_kernel_threads();
	for (int i = CROWD; i-- > 0;) {
		path_of(i, path);
		int writer = open(path, O_WRONLY);
		CHECK(writer >= 0);
		CHECK_EQ(write(writer, "x", 1), 1);
		check_join(threads[i]);
		CHECK_OK(close(writer));
		CHECK_OK(unlink(path));
	}
	return tasks;
}

/* One writer is enough for all. */
static void same_fifo(void)
{
	pthread_t threads[SAME];
	for (int i = 0; i < SAME; i++)
		threads[i] = check_start(open_and_close, name);
	sleep_ms(5);
	int writer = open(name, O_WRONLY);
	CHECK(writer >= 0);
	/* Nobody takes it; those that come later find it, too. */
	CHECK_EQ(write(writer, "x", 1), 1);
	for (int i = 0; i < SAME; i++)
		check_join(threads[i]);
	CHECK_OK(close(writer));
}

static void *is_interrupted(void *flags)
{
	CHECK_ERRNO(open(name, (int)(long)flags), EINTR);
	return NULL;
}

static void *jumps_away(void *unused)
{
	if (sigsetjmp(away, 1) == 0) {
		open(name, O_RDONLY);
		CHECK(0);
	}
	return unused;
}

static void signals(void)
{
	handle_usr1(count_signal, 0);
	signal_until_over(check_start(is_interrupted, (void *)O_RDONLY));
	signal_until_over(check_start(is_interrupted, (void *)O_WRONLY));
	CHECK(handled >= 2);
	/* Goes on, and then finds its writer. */
	handle_usr1(count_signal, SA_RESTART);
	pthread_t thread = check_start(open_and_close, name);
	signal_often(thread);
	int writer = open(name, O_WRONLY);
	CHECK(writer >= 0);
	CHECK_OK(close(writer));
	check_join(thread);
	/* Nothing is left of a call that a handler does not return to. */
	thread = check_start(jumps_away, NULL);
	sleep_ms(5);
	handle_usr1(jump_away, 0);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	check_join(thread);
	CHECK_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	CHECK_EQ(open_fifos(), 0);
}

static void *waits(void *flags)
{
	open(name, (int)(long)flags);
	CHECK(0);
	return NULL;
}

static void *waits_uncancelled(void *unused)
{
	int fd, state;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state));
	fd = open(name, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_OK(close(fd));
	CHECK_OK(pthread_setcancelstate(state, NULL));
	pthread_testcancel();
	return unused;
}

static void cancellation(void)
{
	for (int i = 0; i < 6; i++) {
		pthread_t thread = check_start(waits, (void *)(long)(i % 2 ? O_WRONLY : O_RDONLY));
		sleep_ms(i);
		CHECK_OK(pthread_cancel(thread));
		CHECK(check_join(thread) == PTHREAD_CANCELED);
	}
	CHECK_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	CHECK_EQ(open_fifos(), 0);
	pthread_t thread = check_start(waits_uncancelled, NULL);
	sleep_ms(5);
	CHECK_OK(pthread_cancel(thread));
	int writer = open(name, O_WRONLY);
	CHECK(writer >= 0);
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_OK(close(writer));
}

/* A child does not have what its parent's threads were opening. */
static void beside_a_fork(void)
{
	int go[2], ready[2];
	char byte;
	for (int i = 0; i < 5; i++) {
		pthread_t thread = check_start(open_and_close, name);
		sleep_ms(i);
		pipe_pair(go);
		pipe_pair(ready);
		pid_t child = check_fork();
		if (child == 0) {
			CHECK_OK(close(go[0]));
			CHECK_EQ(write(ready[0], "x", 1), 1);
			CHECK_EQ(read(go[1], &byte, 1), 0);
			_exit(0);
		}
		CHECK_EQ(read(ready[1], &byte, 1), 1);
		close_both(ready);
		int writer = open(name, O_WRONLY);
		CHECK(writer >= 0);
		CHECK_OK(close(writer));
		check_join(thread);
		CHECK_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
		CHECK_OK(close(go[0]));
		CHECK_OK(close(go[1]));
		check_child_succeeds(child);
	}
}

/* The number is taken when the call begins, and there may be none. */
static void numbers(void)
{
	struct rlimit limit, tight;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	tight = limit;
	int next = next_number();
	tight.rlim_cur = (rlim_t)next;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &tight));
	CHECK_ERRNO(open(name, O_RDONLY), EMFILE);
	CHECK_ERRNO(open(name, O_WRONLY), EMFILE);
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));

	int go[2];
	pid_t child = eager_writer(go);
	next = next_number();
	int fd = (int)(long)check_join(check_start(open_and_return, NULL));
	CHECK_EQ(fd, next);
	CHECK_OK(close(fd));
	CHECK_OK(close(go[0]));
	check_child_succeeds(child);

	/* Closing it is nobody else's business, and does no harm. */
	next = next_number();
	pthread_t thread = check_start(open_and_close, name);
	sleep_ms(5);
	close(next);
	int writer = open(name, O_WRONLY);
	CHECK(writer >= 0);
	CHECK_OK(close(writer));
	check_join(thread);
}

int main(void)
{
	make_fifo();
	passing_writer();
	long tasks = crowd();
	same_fifo();
	signals();
	cancellation();
	beside_a_fork();
	check_unlinked(open_and_close, O_WRONLY);
	numbers();
	CHECK_EQ(open_fifos(), 0);
	remove_fifo();
	printf("tasks=%ld\n", tasks);
	return 0;
}
