/* A thread that has only just been made, in a process that had none before, and has changed what the kernel keeps for
 * it: another thread's is what it was. */
#include "check.h"
#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { TIMES = 100 };

static int nice_of_main;

static void *ask(void *unused)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = getpid()};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	CHECK_OK(setpriority(PRIO_PROCESS, 0, nice_of_main + 1));
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), nice_of_main + 1);
	CHECK_EQ(getpriority(PRIO_PROCESS, getpid()), nice_of_main);
	CHECK_OK(syscall(SYS_capget, &header, data));
	CHECK_ERRNO(syscall(SYS_capset, &header, data), EPERM);
	return unused;
}

int main(void)
{
	nice_of_main = getpriority(PRIO_PROCESS, 0);
	for (int i = 0; i < TIMES; i++) {
		pid_t child = check_fork();
		if (child == 0) {
			check_join(check_start(ask, NULL));
			_exit(0);
		}
		check_child_succeeds(child);
	}
	return 0;
}
