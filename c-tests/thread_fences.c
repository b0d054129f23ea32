/* Whether a process may use private fences (membarrier(2)) depends on what it has registered for itself, threads or
 * not, and so it does in its children. */
#include "check.h"
#include <linux/membarrier.h>
#include <sys/syscall.h>

enum { GET_REGISTRATIONS = 1 << 9 };

static long membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

/* Those of the calls that the kernel knows. */
static long known;

static void *not_registered(void *unused)
{
	CHECK_ERRNO(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED), EPERM);
	if (known & GET_REGISTRATIONS)
		CHECK_EQ(membarrier(GET_REGISTRATIONS) & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0);
	return unused;
}

static void *registered(void *unused)
{
	CHECK_OK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
	if (known & GET_REGISTRATIONS)
		CHECK(membarrier(GET_REGISTRATIONS) & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	return unused;
}

static void also_in_a_child(void *(*check)(void *))
{
	check_here_and_in_thread(check, NULL);
	pid_t child = check_fork();
	if (child == 0) {
		check_here_and_in_thread(check, NULL);
		_exit(0);
	}
	check_child_succeeds(child);
}

int main(void)
{
	known = membarrier(MEMBARRIER_CMD_QUERY);
	if (known < 0 || !(known & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
		return 0;
	also_in_a_child(not_registered);
	CHECK_OK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED));
	also_in_a_child(registered);
	return 0;
}
