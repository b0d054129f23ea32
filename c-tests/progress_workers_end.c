/* Kernel threads that a crowd needed, each for a call that blocks in the kernel, end when the crowd is gone, and
 * begin again for the next one. */
#include "net.h"
#include <sys/syscall.h>

enum { THREADS = 100, CROWDS = 2, FEW = 20 };

static int pipes[THREADS][2];

static void *read_raw(void *number)
{
	char byte;
	long result;
	/* what nobody hooks, and what every thread has a state of its own in */
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(SYS_read), "D"(pipes[(long)number][0]), "S"(&byte), "d"(1)
			 : "rcx", "r11", "memory");
	CHECK_EQ(result, 1);
	CHECK_EQ(byte, (char)(long)number);
	errno = (int)(long)number;
	CHECK_EQ(errno, (int)(long)number);
	return NULL;
}

static void crowd(void)
{
	pthread_t threads[THREADS];
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(read_raw, (void *)i);
	while (check_kernel_threads() < THREADS)
		sleep_ms(1);
	for (long i = 0; i < THREADS; i++) {
		char byte = (char)i;
		write_exactly(pipes[i][1], &byte, 1);
	}
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static int finished;

/* Threads that end are counted, and the last one ends the process. */
static void at_exit(void)
{
	if (!finished)
		_exit(1);
}

int main(void)
{
	CHECK_OK(atexit(at_exit));
	for (int i = 0; i < THREADS; i++)
		CHECK_OK(pipe(pipes[i]));
	for (int i = 0; i < CROWDS; i++) {
		crowd();
		while (check_kernel_threads() > FEW)
			sleep_ms(10);
	}
	/* while others go on, and from a process that has begun anew */
	pid_t pid = check_fork();
	if (pid == 0) {
		crowd();
		while (check_kernel_threads() > FEW)
			sleep_ms(1);
		_exit(0);
	}
	check_child_succeeds(pid);
	finished = 1;
	return 0;
}
