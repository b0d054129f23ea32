/* Children: forked, spawned, waited for. */
#include "states.h"
#include <spawn.h>
#include <sys/mman.h>

extern char **environ;

static void do_nothing(long unused)
{
	(void)unused;
}

static void wait_for_a_child(void)
{
	int status, ends[2];
	char byte;
	pipe_pair(ends);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0)
		_exit(read(ends[1], &byte, 1) == 1 ? 0 : 1);
	CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
	write_byte(ends[0]);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status));
	CHECK_ERRNO(waitpid(child, &status, 0), ECHILD);
}

static void wait_for_any_child(void)
{
	siginfo_t information;
	pid_t child = child_soon(do_nothing, 0);
	CHECK_OK(waitid(P_ALL, 0, &information, WEXITED | WNOWAIT));
	CHECK_EQ(information.si_pid, child);
	CHECK_EQ(wait(NULL), child);
}

static void *wait_for(void *child)
{
	CHECK_EQ(waitpid((pid_t)(long)child, NULL, 0), (long)child);
	return NULL;
}

static void stop_and_read(long fd)
{
	char byte;
	raise(SIGSTOP);
	CHECK_EQ(read((int)fd, &byte, 1), 1);
}

/* Where others wait as well: for a stop, for that to be over, and for a child of a group. */
static void wait_among_others(void)
{
	enum { OTHERS = 5 };
	pthread_t threads[OTHERS];
	int status, ends[2], end[2];
	char byte;
	pipe_pair(ends);
	pipe_pair(end);
	for (int i = 0; i < OTHERS; i++) {
		pid_t other = check_fork();
		if (other == 0) {
			close(ends[0]);
			_exit(read(ends[1], &byte, 1) == 0 ? 0 : 1);
		}
		threads[i] = check_start(wait_for, (void *)(long)other);
	}
	pid_t child = child_soon(stop_and_read, end[1]);
	CHECK_OK(setpgid(child, child));
	CHECK_EQ(waitpid(child, &status, WUNTRACED | WCONTINUED), child);
	CHECK(WIFSTOPPED(status));
	CHECK_OK(kill(child, SIGCONT));
	CHECK_EQ(waitpid(child, &status, WCONTINUED), child);
	CHECK(WIFCONTINUED(status));
	write_byte(end[0]);
	CHECK_EQ(waitpid(-child, &status, 0), child);
	CHECK(WIFEXITED(status));
	CHECK_ERRNO(waitpid(-child, &status, 0), ECHILD);
	CHECK_OK(close(ends[0]));
	for (int i = 0; i < OTHERS; i++)
		check_join(threads[i]);
	CHECK_OK(close(ends[1]));
	CHECK_OK(close(end[0]));
	CHECK_OK(close(end[1]));
}

static void *return_argument(void *argument)
{
	return argument;
}

static void child_makes_threads(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		CHECK(check_join(check_start(return_argument, &child)) == &child);
		_exit(0);
	}
	check_child_succeeds(child);
}

static void child_of_a_child(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		pid_t grandchild = check_fork();
		if (grandchild == 0)
			_exit(0);
		check_child_succeeds(grandchild);
		_exit(0);
	}
	check_child_succeeds(child);
}

static void exec_replaces(void)
{
	int status;
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", "exit 7", NULL);
		_exit(1);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(WEXITSTATUS(status), 7);
}

static void vfork_and_exec(void)
{
	int status;
	pid_t child = vfork();
	CHECK(child >= 0);
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", "exit 7", NULL);
		_exit(1);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(WEXITSTATUS(status), 7);
}

static void spawn_with_a_pipe(void)
{
	int ends[2];
	char byte;
	pid_t child;
	char *arguments[] = {"sh", "-c", "printf x", NULL};
	posix_spawn_file_actions_t actions;
	pipe_pair(ends);
	CHECK_OK(posix_spawn_file_actions_init(&actions));
	CHECK_OK(posix_spawn_file_actions_adddup2(&actions, ends[0], 1));
	CHECK_OK(posix_spawn_file_actions_addclose(&actions, ends[1]));
	CHECK_OK(posix_spawn(&child, "/bin/sh", &actions, NULL, arguments, environ));
	CHECK_OK(close(ends[0]));
	CHECK_EQ(read(ends[1], &byte, 1), 1);
	CHECK_EQ(read(ends[1], &byte, 1), 0);
	check_child_succeeds(child);
	CHECK_EQ(posix_spawn(&child, "/nonexistent", NULL, NULL, arguments, environ), ENOENT);
	CHECK_OK(posix_spawn_file_actions_destroy(&actions));
	CHECK_OK(close(ends[1]));
}

static void system_returns_the_status(void)
{
	CHECK_EQ(WEXITSTATUS(system("exit 7")), 7);
}

static void popen_reads_to_the_end(void)
{
	char line[20];
	FILE *stream = popen("sleep 0.02; echo there", "r");
	CHECK(stream != NULL);
	CHECK(fgets(line, sizeof line, stream) != NULL);
	CHECK_EQ(strcmp(line, "there\n"), 0);
	CHECK_OK(pclose(stream));
}

static int prepared, resumed;

static void prepare(void)
{
	prepared++;
}

static void resume(void)
{
	resumed++;
}

static void fork_handlers_run(void)
{
	CHECK_OK(pthread_atfork(prepare, resume, resume));
	pid_t child = check_fork();
	CHECK_EQ(prepared, 1);
	CHECK_EQ(resumed, 1);
	if (child == 0)
		_exit(0);
	check_child_succeeds(child);
}

CHECKS({"wait_for_a_child", wait_for_a_child, SIGNAL_SAFE | FORKS},
       {"wait_among_others", wait_among_others, FORKS},
       {"wait_for_any_child", wait_for_any_child, 0},
       {"child_makes_threads", child_makes_threads, 0},
       {"child_of_a_child", child_of_a_child, 0},
       {"exec_replaces", exec_replaces, SIGNAL_SAFE | FORKS},
       {"vfork_and_exec", vfork_and_exec, 0},
       {"spawn_with_a_pipe", spawn_with_a_pipe, 0},
       {"system_returns_the_status", system_returns_the_status, 0},
       {"popen_reads_to_the_end", popen_reads_to_the_end, 0},
       {"fork_handlers_run", fork_handlers_run, 0});
