/* setuid and its kin change the credentials of the whole process: every thread has them, those that wait, those
 * that compute, those that are created later. Without privileges, the calls that change nothing still go to all. */
#include "check.h"
#include <grp.h>
#include <stdatomic.h>
#include <sys/syscall.h>

enum { THREADS = 50, CHANGES = 20, USER = 65534, GROUP = 60000 };

static atomic_int group;
static atomic_int stop;
static int is_root;

/* As the kernel has it for the kernel thread that runs this. */
static void check_group(void)
{
	CHECK_EQ(syscall(SYS_getgid), group);
}

static void *sleep_and_look(void *unused)
{
	while (!stop)
		usleep(1000);
	check_group();
	return unused;
}

static void *compute_and_look(void *unused)
{
	while (!stop)
		;
	check_group();
	return unused;
}

static void *look(void *unused)
{
	check_group();
	return unused;
}

static void change_group(int to)
{
	CHECK_OK(setregid((gid_t)to, (gid_t)to));
	group = to;
	check_group();
}

static void *change(void *unused)
{
	for (int i = 0; i < CHANGES; i++) {
		change_group(is_root ? GROUP + i : group);
		check_join(check_start(look, NULL));
	}
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	is_root = getuid() == 0;
	group = (int)getgid();
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(i < 2 ? compute_and_look : sleep_and_look, NULL);
	check_join(check_start(change, NULL));
	change(NULL);
	CHECK_ERRNO(setgid(is_root ? (gid_t)-1 : 0), is_root ? EINVAL : EPERM);
	if (is_root) {
		gid_t groups[100];
		CHECK_OK(initgroups("root", GROUP));
		CHECK(getgroups(100, groups) >= 1);
		CHECK_OK(setgroups(0, NULL));
		CHECK_EQ(getgroups(100, groups), 0);
		CHECK_OK(setuid(USER));
		CHECK_EQ(syscall(SYS_geteuid), USER);
		CHECK_ERRNO(setuid(0), EPERM);
	}
	stop = 1;
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	return 0;
}
