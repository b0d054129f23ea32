/* Calls that block a kernel thread, and are few in any program: each returns what it must while others make that
 * happen. */
#include "net.h"
#include <fcntl.h>
#include <pty.h>
#include <sys/mman.h>
#include <termios.h>

enum { THREADS = 3, SHORT_MS = 5 };

static int ready;

static pthread_t threads[THREADS];

static void start_all(void *(*routine)(void *))
{
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(routine, (void *)i);
}

static void join_all(void)
{
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

/* The caller's next wait is the one that others wait for. */
static void say_ready(void)
{
	__atomic_add_fetch(&ready, 1, __ATOMIC_RELEASE);
}

static void wait_until_ready(void)
{
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < THREADS)
		sleep_ms(1);
	sleep_ms(SHORT_MS);
	ready = 0;
}

static int pipes[THREADS][2][2];

static void open_pipes(void)
{
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < 2; j++)
			CHECK_OK(pipe(pipes[i][j]));
}

static void close_pipes(void)
{
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < 2; j++) {
			CHECK_OK(close(pipes[i][j][0]));
			CHECK_OK(close(pipes[i][j][1]));
		}
}

static int terminal;

static void *drain(void *unused)
{
	CHECK_OK(tcdrain(terminal));
	CHECK_ERRNO(tcdrain(pipes[0][0][0]), ENOTTY);
	return unused;
}

static void terminals(void)
{
	int master;
	char got[8];
	CHECK_OK(openpty(&master, &terminal, NULL, NULL, NULL));
	open_pipes();
	CHECK_EQ(write(terminal, "text", 4), 4);
	start_all(drain);
	CHECK_EQ(read(master, got, sizeof got), 4);
	join_all();
	close_pipes();
	CHECK_OK(close(terminal));
	CHECK_OK(close(master));
}

static char path[] = "/tmp/green-blocking-XXXXXX";
static int inside, in_memory;

/* Locks by lockf are the process's, so one thread's do not keep another out; a child's do. */
static void hold_file(int fd, int go, int locked)
{
	char byte;
	CHECK_OK(lockf(fd, F_LOCK, 0));
	CHECK_EQ(write(locked, "x", 1), 1);
	CHECK_EQ(read(go, &byte, 1), 1);
	_exit(0);
}

static void *lock_file(void *number)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	say_ready();
	CHECK_OK((long)number % 2 ? lockf64(fd, F_LOCK, 0) : lockf(fd, F_LOCK, 0));
	CHECK_EQ(__atomic_load_n(&inside, __ATOMIC_ACQUIRE), 1);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK((long)number % 2 ? fdatasync(fd) : syncfs(in_memory));
	CHECK_OK(close(fd));
	return NULL;
}

static void files(void)
{
	int fd = mkstemp(path);
	char byte;
	in_memory = memfd_create("green-blocking", MFD_CLOEXEC);
	CHECK(fd >= 0 && in_memory >= 0);
	open_pipes();
	pid_t pid = check_fork();
	if (pid == 0)
		hold_file(fd, pipes[0][0][0], pipes[0][1][1]);
	CHECK_EQ(read(pipes[0][1][0], &byte, 1), 1);
	start_all(lock_file);
	wait_until_ready();
	__atomic_store_n(&inside, 1, __ATOMIC_RELEASE);
	CHECK_EQ(write(pipes[0][0][1], "x", 1), 1);
	check_child_succeeds(pid);
	join_all();
	close_pipes();
	CHECK_OK(unlink(path));
	CHECK_OK(close(in_memory));
	CHECK_OK(close(fd));
}

int main(void)
{
	terminals();
	files();
	return 0;
}
