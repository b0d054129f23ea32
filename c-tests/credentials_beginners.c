/* Credentials that are changed right after threads were made, which may not have begun yet, or may be about to end in the
 * kernel: whoever changes them is not left waiting for one of those. */
#include "check.h"

enum { CHILDREN = 200, THREADS = 3 };

static void *run(void *unused) { return unused; }

static void change_among_beginners(void)
{
	pthread_t threads[THREADS];
	uid_t user = getuid();
	for (int i = 0; i < THREADS; i++) {
		threads[i] = check_start(run, NULL);
		CHECK_OK(setresuid(user, user, user));
	}
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

int main(void)
{
	/* Each with threads that are its first ones. */
	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = check_fork();
		if (pid == 0) {
			change_among_beginners();
			_exit(0);
		}
		check_child_succeeds(pid);
	}
	return 0;
}
