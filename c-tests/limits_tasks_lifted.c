/* Where no further kernel thread is to be had for a while, and all that there are block where nobody expected it, those
 * who can run do so when the limit has been lifted. */
#include "check.h"
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { BLOCKERS = 10, SOON_MS = 50, WHILE_MS = 600, LIMIT = 200, NOBODY = 2000000 };

static atomic_int is_limited;
static int ends[2];

/* Not by libc, whose functions libgreen knows. */
static long raw_call(long number, long first, long second, long third)
{
	long result = number;
	__asm__ volatile("syscall" : "+a"(result) : "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
	return result;
}

static void set_limit(rlim_t tasks)
{
	struct rlimit limit = {.rlim_cur = tasks, .rlim_max = LIMIT};
	CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
}

static void read_raw(void)
{
	char byte;
	long result;
	do
		result = raw_call(SYS_read, ends[0], (long)&byte, 1);
	while (result == -EINTR);
	CHECK_EQ(result, 1);
}

static void await_limit(void)
{
	while (!is_limited)
		sleep_ms(1);
}

static void *block(void *unused)
{
	await_limit();
	read_raw();
	return unused;
}

/* Holds a kernel thread itself, so that it needs no other one for that. */
static void *lift_late(void *unused)
{
	struct timespec late = {.tv_nsec = WHILE_MS * NS_PER_MS};
	set_limit(1);
	is_limited = 1;
	CHECK_EQ(raw_call(SYS_nanosleep, (long)&late, 0, 0), 0);
	set_limit(LIMIT);
	read_raw();
	return unused;
}

static void *release(void *unused)
{
	static const char bytes[BLOCKERS + 1];
	await_limit();
	sleep_ms(SOON_MS);
	CHECK_EQ(write(ends[1], bytes, sizeof bytes), (long)sizeof bytes);
	return unused;
}

int main(void)
{
	pthread_t threads[BLOCKERS + 2];
	/* The limit is not that of root, and counts all threads of the user. */
	if (geteuid() != 0)
		return 0;
	CHECK_OK(pipe(ends));
	set_limit(LIMIT);
	uid_t user = NOBODY + (uid_t)getpid();
	CHECK_OK(setresuid(user, user, user));
	for (int i = 0; i < BLOCKERS; i++)
		threads[i] = check_start(block, NULL);
	threads[BLOCKERS] = check_start(release, NULL);
	threads[BLOCKERS + 1] = check_start(lift_late, NULL);
	for (int i = 0; i < BLOCKERS + 2; i++)
		check_join(threads[i]);
	return 0;
}
