/* Without /proc, as in some chroots and containers, programs beside this one hold what they promise. (Where none may be
 * hidden, for want of namespaces, nothing is checked.) */
#include "check.h"
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>

static const char *const programs[] = {"signal_raised_blocked", "signal_order", "signal_masks", "io_special_files"};

/* From here on, for this process and its children. */
static int hide_proc(void)
{
	if (unshare(CLONE_NEWNS) == -1 && unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1)
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return -1;
	return mount("none", "/proc", "tmpfs", 0, NULL);
}

int main(int argc, char **argv)
{
	char path[PATH_MAX], own[PATH_MAX];
	CHECK(argc > 0 && strlen(argv[0]) < sizeof own);
	const char *directory = dirname(strcpy(own, argv[0]));
	if (hide_proc() == -1)
		return 0;
	CHECK(access("/proc/self", F_OK) == -1);
	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
		CHECK(snprintf(path, sizeof path, "%s/%s", directory, programs[i]) < (int)sizeof path);
		pid_t child = check_fork();
		if (child == 0) {
			execl(path, path, NULL);
			_exit(127);
		}
		check_child_succeeds(child);
	}
	return 0;
}
