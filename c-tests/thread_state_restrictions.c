/* Restrictions that a thread puts on itself: no new privileges, filters of system calls, Landlock. The others are
 * free, it cannot get rid of them, and threads that it creates have them; what is for all threads is for all. */
#include "thread_state.h"
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>

static int no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int has_no_new_privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

/* Refuses getppid. */
static struct sock_filter code[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};

static int filter_by_prctl(void)
{
	return no_new_privileges() == -1 ? -1 : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

static int filter_by_number(void)
{
	if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}

static int is_filtered(void)
{
	return syscall(SYS_getppid) == -1;
}

static int landlock(void)
{
	struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_ACCESS_FS_READ_DIR};
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
	if (rules == -1 || no_new_privileges() == -1)
		return -1;
	CHECK_OK(syscall(SYS_landlock_restrict_self, rules, 0));
	return close(rules);
}

static int is_landlocked(void)
{
	int root = open("/", O_RDONLY | O_DIRECTORY);
	if (root == -1)
		return 1;
	CHECK_OK(close(root));
	return 0;
}

static sem_t looked;

static void *look_at_both(void *unused)
{
	CHECK(!is_filtered());
	CHECK_OK(sem_post(&looked));
	check_await(&changed);
	CHECK(is_filtered());
	return unused;
}

static void check_filter_for_all(void)
{
	pthread_t thread = check_start(look_at_both, NULL);
	CHECK_OK(sem_wait(&looked));
	CHECK_OK(no_new_privileges());
	CHECK_OK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter));
	CHECK(is_filtered());
	CHECK_OK(sem_post(&changed));
	check_join(thread);
	state = &(struct state){"filter for all", NULL, is_filtered, 1};
	check_children();
}

int main(void)
{
	static const struct state states[] = {
		{"no new privileges", no_new_privileges, has_no_new_privileges, 1},
		{"filter", filter_by_prctl, is_filtered, 1},
		{"filter by number", filter_by_number, is_filtered, 1},
		{"Landlock", landlock, is_landlocked, 1},
	};
	check_states(states, sizeof states / sizeof *states);
	CHECK_OK(sem_init(&looked, 0, 0));
	check_filter_for_all();
	return 0;
}
