/* Many threads that are blocked in one call, until a second after the last has entered it.
 *
 *   blocked CALL THREADS    prints one JSON line: the most kernel threads that the process
 *                           had, when the last thread had entered the call, and when the
 *                           last was served, in seconds since the first was made
 *   blocked --list          the names of the calls
 *
 * Who serves the threads, and who counts the kernel threads, are processes of their own
 * without threads: whatever holds up the threads does not hold up those.
 */
#include "blocked.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STACK_BYTES = 256 * 1024, SAMPLE_MICROSECONDS = 5000, CHUNK_BYTES = 1 << 16 };
#define BLOCKED_SECONDS 1.0

int ends[THREADS_MAX][2];

static const struct call *const tables[] = {file_calls, transfer_calls, stdio_calls, process_calls, ipc_calls};
static const struct call *call;
static double entered[THREADS_MAX], served[THREADS_MAX];
static struct shared {
	atomic_int entered; /* threads that are about to make the call, or have made it */
	atomic_int peak;
	atomic_bool done;
} *shared;

void must_failed(const char *file, int line, const char *what)
{
	int error = errno;
	fprintf(stderr, "%s:%d: %s (errno %d: %s)\n", file, line, what, error, strerror(error));
	_exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void make_pipes(int threads)
{
	for (int i = 0; i < threads; i++)
		MUST(pipe2(ends[i], O_CLOEXEC) == 0);
}

void make_sockets(int threads)
{
	for (int i = 0; i < threads; i++)
		MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends[i]) == 0);
}

static void fill(int fd)
{
	static const char chunk[CHUNK_BYTES];
	int flags = fcntl(fd, F_GETFL);
	MUST(fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
	for (size_t size = sizeof chunk; size > 0;)
		if (write(fd, chunk, size) < 0)
			size /= 2;
	MUST(errno == EAGAIN && fcntl(fd, F_SETFL, flags) == 0);
}

void make_full_pipes(int threads)
{
	for (int i = 0; i < threads; i++) {
		int fds[2];
		MUST(pipe2(fds, O_CLOEXEC) == 0);
		fcntl(fds[1], F_SETPIPE_SZ, 4096);
		ends[i][0] = fds[1];
		ends[i][1] = fds[0];
		fill(ends[i][0]);
	}
}

void make_full_sockets(int threads)
{
	make_sockets(threads);
	for (int i = 0; i < threads; i++)
		fill(ends[i][0]);
}

void write_lines(int threads)
{
	for (int i = 0; i < threads; i++)
		MUST(write(ends[i][1], LINE, LINE_LENGTH) == LINE_LENGTH);
}

void drain_all(int threads)
{
	static char chunk[CHUNK_BYTES];
	for (int i = 0; i < threads; i++) {
		MUST(fcntl(ends[i][1], F_SETFL, O_NONBLOCK) == 0);
		while (read(ends[i][1], chunk, sizeof chunk) > 0)
			;
	}
}

static void sample_kernel_threads(pid_t process)
{
	char path[64], status[4096];
	snprintf(path, sizeof path, "/proc/%d/status", (int)process);
	while (!atomic_load(&shared->done)) {
		int fd = open(path, O_RDONLY);
		ssize_t length = fd < 0 ? -1 : read(fd, status, sizeof status - 1);
		if (length <= 0)
			return; /* the process is gone */
		close(fd);
		status[length] = 0;
		const char *threads = strstr(status, "\nThreads:");
		int count = threads ? atoi(threads + strlen("\nThreads:")) : 0;
		if (count > atomic_load(&shared->peak))
			atomic_store(&shared->peak, count);
		usleep(SAMPLE_MICROSECONDS);
	}
}

/* Until nobody has entered the call for a second. That need not be all: perhaps some are
 * let in only when others have been served. */
static void await_entries(void)
{
	int seen = -1;
	double since = 0;
	while (seen < 0 || now() - since < BLOCKED_SECONDS) {
		int entries = atomic_load(&shared->entered);
		if (entries != seen) {
			seen = entries;
			since = now();
		}
		usleep(SAMPLE_MICROSECONDS);
	}
}

static void serve(int threads, int ready, int go)
{
	char byte = 0;
	if (call->hold)
		call->hold(threads);
	MUST(write(ready, &byte, 1) == 1);
	/* Nothing comes if the process has failed. */
	if (read(go, &byte, 1) != 1 || !call->release)
		return;
	if (!call->at_once)
		await_entries();
	call->release(threads);
}

/* A process that is nobody's child here, so that no `wait` finds it: true in that. */
static bool in_helper(void)
{
	pid_t child = fork();
	MUST(child >= 0);
	if (child > 0) {
		MUST(waitpid(child, NULL, 0) == child);
		return false;
	}
	pid_t helper = fork();
	if (helper != 0)
		_exit(helper < 0);
	/* The longest that anybody waits for this program. */
	alarm(180);
	return true;
}

static void start_helpers(int threads, int *ready, int *go)
{
	int readies[2], goes[2];
	pid_t process = getpid();
	MUST(pipe2(readies, O_CLOEXEC) == 0 && pipe2(goes, O_CLOEXEC) == 0);
	if (in_helper()) {
		sample_kernel_threads(process);
		_exit(0);
	}
	if (in_helper()) {
		close(goes[1]);
		serve(threads, readies[1], goes[0]);
		_exit(0);
	}
	*ready = readies[0];
	*go = goes[1];
}

static void *thread(void *argument)
{
	int index = (int)(long)argument;
	entered[index] = now();
	atomic_fetch_add(&shared->entered, 1);
	call->block(index);
	served[index] = now();
	return NULL;
}

static void list(void)
{
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (const struct call *each = tables[t]; each->name; each++)
			puts(each->name);
}

static const struct call *find(const char *name)
{
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (const struct call *each = tables[t]; each->name; each++)
			if (strcmp(each->name, name) == 0)
				return each;
	return NULL;
}

static double latest(const double *times, int count)
{
	double last = 0;
	for (int i = 0; i < count; i++)
		last = times[i] > last ? times[i] : last;
	return last;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		list();
		return 0;
	}
	int threads = argc == 3 ? atoi(argv[2]) : 0;
	call = argc == 3 ? find(argv[1]) : NULL;
	if (!call || threads < 1 || threads > THREADS_MAX) {
		fprintf(stderr, "usage: blocked CALL THREADS | blocked --list\n");
		return 2;
	}
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(shared != MAP_FAILED);

	int ready, go;
	char byte = 0;
	call->prepare(threads);
	start_helpers(threads, &ready, &go);
	MUST(read(ready, &byte, 1) == 1);

	static pthread_t ids[THREADS_MAX];
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	double began = now();
	for (int i = 0; i < threads; i++) {
		errno = pthread_create(&ids[i], &attributes, thread, (void *)(long)i);
		MUST(errno == 0);
	}
	MUST(write(go, &byte, 1) == 1);
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	atomic_store(&shared->done, true);

	printf("{\"threads\": %d, \"kernel_threads\": %d, \"entered_seconds\": %.3f, \"seconds\": %.3f}\n", threads,
	       atomic_load(&shared->peak), latest(entered, threads) - began, latest(served, threads) - began);
	return 0;
}
