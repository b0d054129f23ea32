/* The end of a stream that somebody reads from: fclose and freopen wait until he has his line; a reader can be
 * cancelled, and leaves the stream to the others. */
#include "check.h"
#include <fcntl.h>
#include <stdio_ext.h>

static FILE *stream;
static int ends[2];
static int served, closed;

static void open_stream(void)
{
	CHECK_OK(pipe(ends));
	stream = fdopen(ends[0], "r");
	CHECK(stream != NULL);
	served = closed = 0;
}

/* Somebody is in a function of stdio on the stream. */
static void await_reader(void)
{
	while (ftrylockfile(stream) == 0) {
		funlockfile(stream);
		sleep_ms(1);
	}
}

static void *read_line(void *unused)
{
	char line[64];
	CHECK(fgets(line, sizeof line, stream) != NULL);
	CHECK_EQ(strcmp(line, "at last\n"), 0);
	__atomic_store_n(&served, 1, __ATOMIC_RELEASE);
	return unused;
}

static void *close_stream(void *unused)
{
	CHECK_OK(fclose(stream));
	__atomic_store_n(&closed, 1, __ATOMIC_RELEASE);
	return unused;
}

static void *reopen_stream(void *unused)
{
	char line[64];
	CHECK(freopen("/dev/null", "r", stream) == stream);
	__atomic_store_n(&closed, 1, __ATOMIC_RELEASE);
	CHECK(!fgets(line, sizeof line, stream) && feof(stream));
	CHECK_OK(fclose(stream));
	return unused;
}

static void ended_under_a_reader(void *(*end)(void *))
{
	open_stream();
	pthread_t reader = check_start(read_line, NULL);
	await_reader();
	pthread_t ender = check_start(end, NULL);
	sleep_ms(5);
	CHECK(!__atomic_load_n(&served, __ATOMIC_ACQUIRE) && !__atomic_load_n(&closed, __ATOMIC_ACQUIRE));
	CHECK_EQ(write(ends[1], "at last\n", 8), 8);
	check_join(reader);
	check_join(ender);
	/* The number may be another file's already. */
	CHECK_ERRNO(write(ends[1], "", 1), EPIPE);
	CHECK_OK(close(ends[1]));
}

/* Who sees to the locks himself is not waited for. */
static void without_locks(void)
{
	open_stream();
	CHECK_EQ(__fsetlocking(stream, FSETLOCKING_BYCALLER), FSETLOCKING_INTERNAL);
	CHECK_EQ(write(ends[1], "at last\n", 8), 8);
	check_join(check_start(read_line, NULL));
	check_join(check_start(close_stream, NULL));
	CHECK_OK(close(ends[1]));
}

static void cancelled_reader(void)
{
	open_stream();
	pthread_t reader = check_start(read_line, NULL);
	await_reader();
	CHECK_OK(pthread_cancel(reader));
	CHECK(check_join(reader) == PTHREAD_CANCELED);
	CHECK_EQ(served, 0);
	/* The lock is free, and nothing is lost. */
	CHECK_EQ(write(ends[1], "at last\n", 8), 8);
	check_join(check_start(read_line, NULL));
	CHECK_EQ(served, 1);
	CHECK_OK(fclose(stream));
	CHECK_OK(close(ends[1]));
}

static int interrupted;

static void handle(int number)
{
	(void)number;
}

static void *read_interrupted(void *unused)
{
	(void)unused;
	CHECK_EQ(getc(stream), EOF);
	CHECK_EQ(errno, EINTR);
	CHECK(ferror(stream));
	clearerr(stream);
	__atomic_store_n(&interrupted, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void interrupted_reader(void)
{
	struct sigaction action = {.sa_handler = handle};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	open_stream();
	pthread_t reader = check_start(read_interrupted, NULL);
	await_reader();
	/* until one comes while he waits */
	while (!__atomic_load_n(&interrupted, __ATOMIC_ACQUIRE)) {
		CHECK_OK(pthread_kill(reader, SIGUSR1));
		sleep_ms(1);
	}
	check_join(reader);
	CHECK_EQ(write(ends[1], "at last\n", 8), 8);
	check_join(check_start(read_line, NULL));
	CHECK_OK(fclose(stream));
	CHECK_OK(close(ends[1]));
}

int main(void)
{
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	ended_under_a_reader(close_stream);
	ended_under_a_reader(reopen_stream);
	without_locks();
	cancelled_reader();
	interrupted_reader();
	return 0;
}
