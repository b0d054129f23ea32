/* pthread_t 0 names nobody. What libc says of it (ESRCH; older versions crash) is what the program hears, also
 * beside threads. */
#include "check.h"
#include <dlfcn.h>
#include <sched.h>

/* Calls the function for nobody. */
typedef int call(void *function);

static int join(void *function)
{
	int (*join)(pthread_t, void **) = function;
	return join(0, NULL);
}

static int join_by_a_time(void *function)
{
	int (*join)(pthread_t, void **, const struct timespec *) = function;
	struct timespec now = in_ms(CLOCK_REALTIME, 0);
	return join(0, NULL, &now);
}

static int join_by_a_clock(void *function)
{
	int (*join)(pthread_t, void **, clockid_t, const struct timespec *) = function;
	struct timespec now = in_ms(CLOCK_MONOTONIC, 0);
	return join(0, NULL, CLOCK_MONOTONIC, &now);
}

static int detach(void *function)
{
	int (*detach)(pthread_t) = function;
	return detach(0);
}

static int ask_for_clock(void *function)
{
	int (*ask)(pthread_t, clockid_t *) = function;
	clockid_t clock;
	return ask(0, &clock);
}

static int ask_for_policy(void *function)
{
	int (*ask)(pthread_t, int *, struct sched_param *) = function;
	int policy;
	struct sched_param parameters;
	return ask(0, &policy, &parameters);
}

static int change_policy(void *function)
{
	int (*change)(pthread_t, int, const struct sched_param *) = function;
	struct sched_param parameters = {.sched_priority = 0};
	return change(0, SCHED_OTHER, &parameters);
}

static int change_priority(void *function)
{
	int (*change)(pthread_t, int) = function;
	return change(0, 0);
}

static const struct {
	const char *name;
	call *made;
} calls[] = {
	{"pthread_join", join},
	{"pthread_timedjoin_np", join_by_a_time},
	{"pthread_clockjoin_np", join_by_a_clock},
	{"pthread_detach", detach},
	{"pthread_getcpuclockid", ask_for_clock},
	{"pthread_getschedparam", ask_for_policy},
	{"pthread_setschedparam", change_policy},
	{"pthread_setschedprio", change_priority},
	{"thrd_join", join},
	{"thrd_detach", detach},
};

/* How a child ends that makes the call, with what it returns. */
static int outcome(call *made, void *function)
{
	int status;
	pid_t pid = check_fork();
	if (pid == 0)
		_exit(made(function));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void *check_all(void *libc)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		int libcs = outcome(calls[i].made, dlsym(libc, calls[i].name));
		int program = outcome(calls[i].made, dlsym(RTLD_DEFAULT, calls[i].name));
		if (program != libcs)
			fprintf(stderr, "%s: status %x instead of %x\n", calls[i].name, program, libcs);
		CHECK_EQ(program, libcs);
		/* Where no crash is to be feared, here, too: a child has no other threads. */
		if (WIFEXITED(libcs))
			CHECK_EQ(calls[i].made(dlsym(RTLD_DEFAULT, calls[i].name)), WEXITSTATUS(libcs));
	}
	return NULL;
}

int main(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	CHECK(libc != NULL);
	check_here_and_in_thread(check_all, libc);
	return 0;
}
