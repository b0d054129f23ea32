/* What a fork copies and touches does not grow with the limit on descriptors or with the numbers that were in use:
 * a server that starts programs must not pay for them each time. */
#include "net.h"
#include <sys/mman.h>
#include <sys/resource.h>

enum { FORKS = 20, MOST_FAULTS = 150 };

static void *nothing(void *unused)
{
	return unused;
}

static long faults(void)
{
	struct rusage usage;
	CHECK_OK(getrusage(RUSAGE_SELF, &usage));
	return usage.ru_minflt;
}

/* Page faults of the parent and of the child until it ends, for each fork. */
static void forks_are_cheap(void)
{
	volatile long *of_child = mmap(NULL, sizeof *of_child, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(of_child != MAP_FAILED);
	long before = faults(), sum = 0;
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			*of_child = faults();
			_exit(0);
		}
		check_child_succeeds(pid);
		sum += *of_child;
	}
	long own = faults() - before;
	if ((own + sum) / FORKS > MOST_FAULTS)
		fprintf(stderr, "%ld faults of the parent, %ld of the child\n", own / FORKS, sum / FORKS);
	CHECK((own + sum) / FORKS <= MOST_FAULTS);
	CHECK_OK(munmap((void *)of_child, sizeof *of_child));
}

static void *from_a_thread(void *unused)
{
	forks_are_cheap();
	return unused;
}

int main(void)
{
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_max > 20000)
		limit.rlim_max = 20000;
	limit.rlim_cur = limit.rlim_max;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	forks_are_cheap();
	check_join(check_start(nothing, NULL));
	forks_are_cheap();
	check_join(check_start(from_a_thread, NULL));
	/* every number there is, as daemons do; and waits on some */
	for (int number = STDERR_FILENO + 1; number < (int)limit.rlim_cur; number++)
		close(number);
	for (int i = 0; i < 100; i++) {
		int ends[2];
		char byte;
		unix_pair(ends);
		CHECK_EQ(send(ends[0], "x", 1, 0), 1);
		CHECK_EQ(recv(ends[1], &byte, 1, 0), 1);
	}
	forks_are_cheap();
	check_join(check_start(from_a_thread, NULL));
	return 0;
}
