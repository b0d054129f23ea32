/* The files of /proc that are about a thread, below thread-self and by its id, tell of that thread: its name, which can be
 * written there as well, and what CPU time it has used. */
#include "check.h"
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static char by_id[64], by_process[64], by_id_alone[64];
static sem_t ready, seen;
static pid_t id;

static void check_name(pthread_t thread, const char *expected)
{
	char name[16];
	CHECK_OK(pthread_getname_np(thread, name, sizeof name));
	CHECK_EQ(strcmp(name, expected), 0);
}

static void check_content(int file, const char *expected)
{
	char text[64];
	CHECK(file >= 0);
	ssize_t length = read(file, text, sizeof text);
	CHECK_EQ(length, strlen(expected) + 1);
	CHECK_EQ(memcmp(text, expected, (size_t)length - 1), 0);
	CHECK_EQ(text[length - 1], '\n');
	CHECK_EQ(read(file, text, sizeof text), 0);
	CHECK_OK(close(file));
}

static void check_file(const char *path, const char *expected)
{
	check_content(open(path, O_RDONLY), expected);
	check_content((int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC), expected);
	char text[64] = "";
	FILE *stream = fopen(path, "r");
	CHECK(stream != NULL);
	CHECK(fgets(text, sizeof text, stream) != NULL);
	CHECK_EQ(strcspn(text, "\n"), strlen(expected));
	CHECK_EQ(strncmp(text, expected, strlen(expected)), 0);
	CHECK_OK(fclose(stream));
}

static void write_file(const char *path, const char *name)
{
	int file = open(path, O_WRONLY);
	CHECK(file >= 0);
	CHECK_EQ(write(file, name, strlen(name)), strlen(name));
	CHECK_OK(close(file));
}

static long cpu_time(const char *path)
{
	unsigned long nanoseconds = 0;
	FILE *stream = fopen(path, "r");
	CHECK(stream != NULL);
	CHECK_EQ(fscanf(stream, "%lu", &nanoseconds), 1);
	CHECK_OK(fclose(stream));
	return (long)nanoseconds;
}

static void compute(long ns)
{
	long end = now_ns(CLOCK_THREAD_CPUTIME_ID) + ns;
	while (now_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static void own_name(void)
{
	pthread_t self = pthread_self();
	CHECK_OK(pthread_setname_np(self, "one"));
	const char *const paths[] = {"/proc/thread-self/comm", by_id, by_process, by_id_alone};
	for (int i = 0; i < 4; i++) {
		CHECK_OK(pthread_setname_np(self, "named"));
		check_file(paths[i], "named");
		write_file(paths[i], "written");
		check_name(self, "written");
		check_file(paths[i], "written");
		write_file(paths[i], "too long for a name");
		check_name(self, "too long for a ");
		FILE *stream = fopen(paths[i], "w");
		CHECK(stream != NULL);
		CHECK(fprintf(stream, "printed") == 7);
		CHECK_OK(fclose(stream));
		check_name(self, "printed");
		/* While it is open. */
		int file = open(paths[i], O_WRONLY);
		CHECK(file >= 0);
		CHECK_EQ(write(file, "early", 5), 5);
		char name[16];
		CHECK_OK(prctl(PR_GET_NAME, name));
		CHECK_EQ(strcmp(name, "early"), 0);
		CHECK_OK(prctl(PR_SET_NAME, "later"));
		CHECK_OK(close(file));
		check_name(self, "later");
	}
}

static void *run(void *unused)
{
	id = gettid();
	snprintf(by_id, sizeof by_id, "/proc/self/task/%d/comm", id);
	snprintf(by_process, sizeof by_process, "/proc/%d/task/%d/comm", getpid(), id);
	snprintf(by_id_alone, sizeof by_id_alone, "/proc/%d/comm", id);
	own_name();
	CHECK_OK(pthread_setname_np(pthread_self(), "by itself"));
	CHECK_OK(sem_post(&ready));
	check_await(&seen);
	check_name(pthread_self(), "by another");

	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", id);
	long before = cpu_time("/proc/thread-self/schedstat");
	compute(20 * NS_PER_MS);
	CHECK(cpu_time(path) - before >= 15 * NS_PER_MS);
	/* It has a kernel thread of its own by now. */
	own_name();
	CHECK_OK(sem_post(&ready));
	check_await(&seen);
	return unused;
}

int main(void)
{
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(sem_init(&seen, 0, 0));
	CHECK_OK(pthread_setname_np(pthread_self(), "main's"));
	pthread_t thread = check_start(run, NULL);
	check_await(&ready);
	check_name(thread, "by itself");
	check_file(by_id, "by itself");
	write_file(by_id, "by another");
	check_name(thread, "by another");
	check_file("/proc/self/comm", "main's");
	check_file("/proc/thread-self/comm", "main's");
	CHECK_OK(sem_post(&seen));

	check_await(&ready);
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", id);
	long before = cpu_time(path);
	compute(20 * NS_PER_MS);
	CHECK(cpu_time(path) - before < 10 * NS_PER_MS);
	check_file("/proc/self/comm", "main's");
	const char *const own[] = {"/proc/self/comm", "/proc/thread-self/comm"};
	for (int i = 0; i < 2; i++) {
		write_file(own[i], i ? "main's own" : "process");
		check_name(pthread_self(), i ? "main's own" : "process");
		check_file("/proc/self/comm", i ? "main's own" : "process");
	}
	CHECK_OK(sem_post(&seen));
	check_join(thread);
	return 0;
}
