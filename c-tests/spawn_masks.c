/* A program that is started by posix_spawn with a mask of its own leaves the mask of the thread that starts it, and
 * what is pending there, as they are. So does one that cannot be started, the masks of all threads. */
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>

enum { THREADS = 16, ROUNDS = 50 };

extern char **environ;

static volatile int handled_by;

static void handle(int number)
{
	(void)number;
	CHECK_EQ(handled_by, 0);
	handled_by = getpid();
}

static void spawn(const char *command)
{
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t child;
	char *arguments[] = {"sh", "-c", (char *)command, NULL};
	sigemptyset(&none);
	CHECK_OK(posix_spawnattr_init(&attributes));
	CHECK_OK(posix_spawnattr_setsigmask(&attributes, &none));
	CHECK_OK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK));
	CHECK_OK(posix_spawn(&child, "/bin/sh", NULL, &attributes, arguments, environ));
	CHECK_OK(posix_spawnattr_destroy(&attributes));
	check_child_succeeds(child);
}

static void *start_programs(void *unused)
{
	sigset_t mask, now;
	struct sigaction action = {.sa_handler = handle};
	handled_by = 0;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &mask, NULL));
	CHECK_OK(raise(SIGUSR1));
	/* SIGUSR1 is bit 9: of the third digit from the right the second */
	spawn("grep -q '^SigBlk:.*[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]"
	      "[0-9a-f][0-9a-f][0-9a-f][014589cd][0-9a-f][0-9a-f]$' /proc/self/status");
	FILE *output = popen("echo hello", "r");
	CHECK(output && getc(output) == 'h');
	CHECK_OK(pclose(output));
	CHECK_OK(system("true"));
	CHECK_EQ(handled_by, 0);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, &now));
	CHECK(sigismember(&now, SIGUSR1) == 1 && sigismember(&now, SIGCHLD) == 0);
	CHECK_OK(sigpending(&now));
	CHECK_EQ(sigismember(&now, SIGUSR1), 1);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &mask, NULL));
	CHECK_EQ(handled_by, getpid());
	return unused;
}

/* What the kernel blocks for the caller. */
static unsigned long blocked_now(void)
{
	char status[4096];
	int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	CHECK(fd != -1);
	ssize_t length = read(fd, status, sizeof status - 1);
	CHECK(length > 0);
	CHECK_OK(close(fd));
	status[length] = '\0';
	const char *line = strstr(status, "SigBlk:");
	CHECK(line != NULL);
	return strtoul(line + strlen("SigBlk:"), NULL, 16);
}

/* libc waits for the child of a posix_spawn that fails with all signals blocked. */
static void *start_in_vain(void *unused)
{
	char *arguments[] = {"program", NULL};
	for (int round = 0; round < ROUNDS; round++) {
		pid_t child;
		CHECK_EQ(posix_spawn(&child, "/no/such/program", NULL, NULL, arguments, environ), ENOENT);
		CHECK_EQ(blocked_now(), 0);
		sched_yield();
	}
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	check_here_and_in_thread(start_programs, NULL);
	start_programs(NULL);
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(start_in_vain, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	return 0;
}
