/* What else belongs to one thread: the execution domain, the base of GS, the signal at the parent's death, a working
 * directory of its own; and its name. */
#include "thread_state.h"
#include <sys/personality.h>

enum { ARCH_SET_GS = 0x1001, ARCH_GET_GS = 0x1004 };

static int personality_change(void)
{
	return personality(ADDR_NO_RANDOMIZE) == -1 ? -1 : 0;
}

static int personality_is_changed(void)
{
	return personality(0xffffffff) == ADDR_NO_RANDOMIZE;
}

static char area[64];

static int gs_change(void)
{
	return (int)syscall(SYS_arch_prctl, ARCH_SET_GS, area);
}

static int gs_is_changed(void)
{
	unsigned long base;
	CHECK_OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	return base == (unsigned long)area;
}

static int death_signal_change(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGHUP, 0, 0, 0);
}

static int death_signal_is_changed(void)
{
	int signal_number = 0;
	CHECK_OK(prctl(PR_GET_PDEATHSIG, &signal_number, 0, 0, 0));
	return signal_number == SIGHUP;
}

static int directory_change(void)
{
	return unshare(CLONE_FS) == -1 ? -1 : chdir("/tmp");
}

static int directory_is_changed(void)
{
	char name[64];
	return getcwd(name, sizeof name) && strcmp(name, "/tmp") == 0;
}

static int name_change(void)
{
	return prctl(PR_SET_NAME, "changed", 0, 0, 0);
}

static int name_is_changed(void)
{
	char name[16];
	CHECK_OK(pthread_getname_np(pthread_self(), name, sizeof name));
	return strcmp(name, "changed") == 0;
}

static int name_by_number_change(void)
{
	/* in a thread that has a kernel thread to itself, too */
	return prctl(PR_SET_TIMERSLACK, 12345, 0, 0, 0) == -1 ? -1 : (int)syscall(SYS_prctl, PR_SET_NAME, "changed");
}

static int name_by_number_is_changed(void)
{
	char name[16];
	CHECK_OK(syscall(SYS_prctl, PR_GET_NAME, name));
	return strcmp(name, "changed") == 0;
}

int main(void)
{
	static const struct state states[] = {
		{"personality", personality_change, personality_is_changed, 1},
		{"GS", gs_change, gs_is_changed, 1},
		{"death signal", death_signal_change, death_signal_is_changed, 0},
		{"directory", directory_change, directory_is_changed, 1},
		{"name", name_change, name_is_changed, 1},
		{"name by number", name_by_number_change, name_by_number_is_changed, 1},
	};
	CHECK_OK(chdir("/"));
	check_states(states, sizeof states / sizeof *states);
	return 0;
}
