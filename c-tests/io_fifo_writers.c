/* Who opens a FIFO for writing waits for a reader, counts as a writer meanwhile, and goes on when there has been one; so
 * it is for many at once, at FIFOs of their own and at the same one. Prints how many kernel threads that has taken at
 * most. */
#include "fifo_writers.h"
#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { CROWD = 100, SAME = 20 };

/* Each at a FIFO of its own. */
static long crowd(void)
{
	pthread_t threads[CROWD];
	char path[sizeof name];
	make(CROWD);
	for (long i = 0; i < CROWD; i++)
		threads[i] = check_start(write_number, (void *)i);
	sleep_ms(50);
	long tasks = check_kernel_threads();
	for (long i = CROWD; i-- > 0;) {
		path_of(i, path);
		int reader = i % 2 ? reader_at_once(path) : open(path, O_RDONLY);
		CHECK(reader >= 0);
		read_one(reader);
		check_join(threads[i]);
		CHECK_OK(close(reader));
	}
	unmake(CROWD);
	return tasks;
}

/* Readers are another process's, and wait as well. */
static void meet_others(void)
{
	pthread_t threads[CROWD];
	char path[sizeof name], byte;
	make(CROWD);
	pid_t child = check_fork();
	if (child == 0) {
		for (long i = 0; i < CROWD; i++) {
			path_of(i, path);
			int fd = open(path, O_RDONLY);
			CHECK(fd >= 0);
			CHECK_EQ(read(fd, &byte, 1), 1);
			CHECK_OK(close(fd));
		}
		_exit(0);
	}
	for (long i = CROWD; i-- > 0;)
		threads[i] = check_start(write_number, (void *)i);
	for (long i = 0; i < CROWD; i++)
		check_join(threads[i]);
	check_child_succeeds(child);
	unmake(CROWD);
}

/* One reader is enough for all. */
static void same_fifo(void)
{
	pthread_t threads[SAME];
	char byte;
	for (int i = 0; i < SAME; i++)
		threads[i] = check_start(write_one, name);
	sleep_ms(5);
	int reader = open(name, O_RDONLY);
	CHECK(reader >= 0);
	for (int i = 0; i < SAME;) {
		ssize_t got = read(reader, &byte, 1);
		CHECK(got >= 0);
		/* Those that come late find it without a writer. */
		if (got == 0)
			sleep_ms(1);
		i += (int)got;
	}
	for (int i = 0; i < SAME; i++)
		check_join(threads[i]);
	CHECK_OK(close(reader));
	nobody_there();
}

/* Readers that are gone again were there: each lets those go on who wait then. */
static void passing_readers(void)
{
	pthread_t threads[SAME];
	for (int i = 0; i < SAME; i++)
		threads[i] = check_start(open_and_close, name);
	for (int i = 0; i < SAME;) {
		CHECK_OK(close(reader_at_once(name)));
		while (i < SAME && pthread_tryjoin_np(threads[i], NULL) == 0)
			i++;
		sleep_ms(1);
	}
	nobody_there();
}

/* Who opens it for both is a reader. */
static void by_both(void)
{
	pthread_t thread = check_start(open_and_close, name);
	sleep_ms(5);
	int both = open(name, O_RDWR);
	CHECK(both >= 0);
	check_join(thread);
	CHECK_OK(close(both));
}

static void *opens_in_all_ways(void *unused)
{
	int at = open(directory, O_RDONLY | O_DIRECTORY);
	int (*libc_open)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(
	    dlopen("libc.so.6", RTLD_LAZY), "open");
	FILE *stream = fopen(name, "w");
	CHECK(stream != NULL);
	int fds[] = {
	    open(name, O_WRONLY | O_APPEND | O_CLOEXEC),
	    open64(name, O_WRONLY | O_CREAT | O_TRUNC, 0600),
	    openat(at, "fifo", O_WRONLY | O_NOFOLLOW),
	    openat64(AT_FDCWD, name, O_WRONLY),
	    creat(name, 0600),
	    (int)syscall(SYS_open, name, O_WRONLY),
	    (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY),
	    (int)syscall(SYS_creat, name, 0600),
	    libc_open(name, O_WRONLY),
	};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		CHECK(fds[i] >= 0);
		CHECK_EQ(fcntl(fds[i], F_GETFL) & (O_NONBLOCK | O_ACCMODE | O_APPEND), i ? O_WRONLY : O_WRONLY | O_APPEND);
		CHECK_EQ(fcntl(fds[i], F_GETFD), i ? 0 : FD_CLOEXEC);
		CHECK_OK(close(fds[i]));
	}
	CHECK_OK(fclose(stream));
	CHECK_OK(close(at));
	return unused;
}

/* Each of the calls waits, until a reader comes by. */
static void in_all_ways(void)
{
	pthread_t thread = check_start(opens_in_all_ways, NULL);
	while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
		CHECK_OK(close(reader_at_once(name)));
		sleep_ms(1);
	}
}

static void *open_and_return(void *unused)
{
	(void)unused;
	return (void *)(long)open(name, O_WRONLY);
}

/* The number is taken when the call begins, and there may be none. */
static void numbers(void)
{
	struct rlimit limit, tight;
	int next = dup(0);
	CHECK(next >= 0);
	CHECK_OK(close(next));
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	tight = limit;
	tight.rlim_cur = (rlim_t)next;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &tight));
	CHECK_ERRNO(open(name, O_WRONLY), EMFILE);
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));

	int gate[2];
	char byte;
	pipe_pair(gate);
	pid_t child = check_fork();
	if (child == 0) {
		CHECK_OK(close(gate[0]));
		int reader = open(name, O_RDONLY);
		CHECK(reader >= 0);
		CHECK_EQ(read(gate[1], &byte, 1), 0);
		_exit(0);
	}
	next = dup(0);
	CHECK_OK(close(next));
	int fd = (int)(long)check_join(check_start(open_and_return, NULL));
	CHECK_EQ(fd, next);
	CHECK_OK(close(fd));
	close_both(gate);
	check_child_succeeds(child);
}

/* Who may write need not be allowed to read. */
static void write_only(void)
{
	CHECK_OK(chmod(name, 0200));
	pthread_t thread = check_start(open_and_close, name);
	sleep_ms(5);
	CHECK_OK(chmod(name, 0600));
	int reader = open(name, O_RDONLY);
	CHECK(reader >= 0);
	check_join(thread);
	CHECK_OK(close(reader));
}

static void all(void)
{
	same_fifo();
	passing_readers();
	by_both();
	in_all_ways();
	numbers();
	write_only();
	check_unlinked(open_and_close, O_RDONLY);
}

int main(void)
{
	make_fifo();
	long tasks = crowd();
	meet_others();
	check_alone_and_beside_others(all);
	remove_fifo();
	printf("tasks=%ld\n", tasks);
	return 0;
}
