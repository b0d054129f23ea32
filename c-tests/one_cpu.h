/* Threads that are the kernel's stay on one CPU, for programs that move those who wait for a futex to another.
 *
 * A waiter that has entered the kernel's queue looks, without its lock, whether it is in one before it sleeps
 * (kernel/futex/waitwake.c, futex_do_wait). While it is moved it is in none (kernel/futex/requeue.c, requeue_futex). If
 * it looks at that very moment, on another CPU, it takes that for a wake-up, finds that it was none, and waits anew, at
 * the word that it was called with: it has been counted as moved, and was not. So natively one in some thousand runs. */
#ifndef ONE_CPU_H
#define ONE_CPU_H

#include "check.h"
#include <sched.h>
#include <sys/syscall.h>

static void *look_for_kernel_thread(void *found)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%ld", (long)syscall(SYS_gettid));
	*(int *)found = access(path, F_OK) == 0;
	return NULL;
}

/* Before there are other threads. Green ones have nothing to do with that, and go on where they will. */
__attribute__((unused)) static void stay_on_one_cpu(void)
{
	int is_kernels = 0;
	check_join(check_start(look_for_kernel_thread, &is_kernels));
	if (is_kernels) {
		cpu_set_t one;
		CPU_ZERO(&one);
		CPU_SET(sched_getcpu(), &one);
		CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
	}
}

#endif
