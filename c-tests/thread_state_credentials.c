/* Credentials that the kernel keeps for each thread (credentials(7), capabilities(7), keyrings(7)): the file-system
 * ids, those set by the system call alone, capabilities, the session keyring. Most can be changed by root only. */
#include "thread_state.h"
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/fsuid.h>

enum { USER = 65534 };

int capset(cap_user_header_t header, cap_user_data_t data);
int capget(cap_user_header_t header, cap_user_data_t data);

static int fsuid_change(void)
{
	setfsuid(USER);
	errno = EPERM;
	return setfsuid((uid_t)-1) == USER ? 0 : -1;
}

static int fsuid_is_changed(void)
{
	return setfsuid((uid_t)-1) == USER;
}

static int fsgid_change(void)
{
	syscall(SYS_setfsgid, USER);
	errno = EPERM;
	return setfsgid((gid_t)-1) == USER ? 0 : -1;
}

static int fsgid_is_changed(void)
{
	return setfsgid((gid_t)-1) == USER;
}

static int user_change(void)
{
	return (int)syscall(SYS_setresuid, -1, USER, -1);
}

static int user_is_changed(void)
{
	return geteuid() == USER;
}

static int groups_change(void)
{
	gid_t groups[] = {USER, USER - 1};
	return (int)syscall(SYS_setgroups, 2, groups);
}

static int groups_is_changed(void)
{
	gid_t groups[2] = {0};
	return getgroups(0, NULL) == 2 && getgroups(2, groups) == 2 && groups[0] >= USER - 1;
}

/* The header names the thread in both ways. */
static int capabilities_change(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	if (capget(&header, data) == -1)
		return -1;
	if (!(data[0].effective & 1u << CAP_SYS_TIME)) {
		errno = EPERM;
		return -1;
	}
	header.pid = (pid_t)syscall(SYS_gettid);
	data[0].effective &= ~(1u << CAP_SYS_TIME);
	return capset(&header, data);
}

static int capabilities_is_changed(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, (int)syscall(SYS_gettid)};
	struct __user_cap_data_struct data[2];
	CHECK_OK(capget(&header, data));
	return geteuid() == 0 && !(data[0].effective & 1u << CAP_SYS_TIME);
}

static int bounding_change(void)
{
	return prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0);
}

static int bounding_is_changed(void)
{
	return prctl(PR_CAPBSET_READ, CAP_SYS_TIME, 0, 0, 0) == 0;
}

static int keep_change(void)
{
	return (int)syscall(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

static int keep_is_changed(void)
{
	return prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 1;
}

static int securebits_change(void)
{
	enum { NO_SETUID_FIXUP = 4 };
	return prctl(PR_SET_SECUREBITS, NO_SETUID_FIXUP, 0, 0, 0);
}

static int securebits_is_changed(void)
{
	return (prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) & 4) != 0;
}

static long first_session;

static long session(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
}

static int session_change(void)
{
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) == -1 ? -1 : 0;
}

static int session_is_changed(void)
{
	return session() != first_session;
}

int main(void)
{
	static const struct state states[] = {
		{"fsuid", fsuid_change, fsuid_is_changed, 1},
		{"fsgid", fsgid_change, fsgid_is_changed, 1},
		{"effective user", user_change, user_is_changed, 1},
		{"groups", groups_change, groups_is_changed, 1},
		{"capabilities", capabilities_change, capabilities_is_changed, 1},
		{"bounding set", bounding_change, bounding_is_changed, 1},
		{"kept capabilities", keep_change, keep_is_changed, 1},
		{"securebits", securebits_change, securebits_is_changed, 1},
		{"session keyring", session_change, session_is_changed, 1},
	};
	first_session = session();
	check_states(states, sizeof states / sizeof *states);
	return 0;
}
