/* Programs started from threads: fork and exec, vfork and exec, posix_spawn, system, popen, many at once; their
 * status and output come back, and they inherit just the descriptors and the signal mask that they should. */
#include "check.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>

enum { THREADS = 8 };

extern char **environ;

static void check_status(pid_t pid, int expected)
{
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), expected);
}

static void fork_and_exec(void)
{
	/* the program runs until its standard input ends */
	int input[2];
	CHECK_OK(pipe2(input, O_CLOEXEC));
	pid_t pid = fork();
	if (pid == 0) {
		dup2(input[0], STDIN_FILENO);
		execl("/bin/sh", "sh", "-c", "read line; exit 3", (char *)NULL);
		_exit(127);
	}
	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	CHECK_OK(close(input[0]));
	CHECK_OK(close(input[1]));
	check_status(pid, 3);
	CHECK_ERRNO(waitpid(pid, NULL, 0), ECHILD);
}

static void vfork_and_exec(void)
{
	pid_t pid = vfork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "exit 4", (char *)NULL);
		_exit(127);
	}
	CHECK(pid > 0);
	check_status(pid, 4);
}

static void spawn(void)
{
	char *arguments[] = {"sh", "-c", "exit 5", NULL};
	pid_t pid;
	CHECK_OK(posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, environ));
	check_status(pid, 5);
	CHECK_OK(posix_spawnp(&pid, "sh", NULL, NULL, arguments, environ));
	check_status(pid, 5);
	CHECK_EQ(posix_spawn(&pid, "/no/such/program", NULL, NULL, arguments, environ), ENOENT);
}

/* glibc 2.39 has them. */
static void spawn_with_descriptor(void)
{
	typedef int spawner(int *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
			    char *const[]);
	static const char *const names[] = {"pidfd_spawn", "pidfd_spawnp"};
	char *arguments[] = {"sh", "-c", "exit 5", NULL};
	for (int i = 0; i < 2; i++) {
		int descriptor = -1;
		siginfo_t information = {0};
		spawner *start = (spawner *)dlsym(RTLD_DEFAULT, names[i]);
		int error = start ? start(&descriptor, "/bin/sh", NULL, NULL, arguments, environ) : ENOSYS;
		if (error == ENOSYS)
			continue;
		CHECK_OK(error);
		CHECK_EQ(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
		CHECK_OK(waitid((idtype_t)3 /* P_PIDFD */, (id_t)descriptor, &information, WEXITED));
		CHECK_EQ(information.si_status, 5);
		CHECK_OK(close(descriptor));
		CHECK_EQ(start(&descriptor, "/no/such/program", NULL, NULL, arguments, environ), ENOENT);
	}
}

static void run_system(void)
{
	CHECK_EQ(WEXITSTATUS(system("exit 6")), 6);
	CHECK(system(NULL) != 0);
}

static void read_popen(void)
{
	char line[64];
	FILE *pipe = popen("sleep 0.01; echo some output; exit 7", "r");
	CHECK(pipe != NULL);
	CHECK(fgets(line, sizeof line, pipe) != NULL);
	CHECK_EQ(strcmp(line, "some output\n"), 0);
	CHECK_EQ(WEXITSTATUS(pclose(pipe)), 7);
	pipe = popen("read line && test \"$line\" = question", "w");
	CHECK(pipe != NULL);
	CHECK(fputs("question\n", pipe) >= 0);
	CHECK_EQ(pclose(pipe), 0);
}

static void *each_way(void *unused)
{
	fork_and_exec();
	vfork_and_exec();
	spawn();
	spawn_with_descriptor();
	run_system();
	read_popen();
	return unused;
}

/* The new program sees 0, 1, 2 and the listing's own descriptor, whatever a runtime keeps open. */
static void descriptors_are_not_inherited(void)
{
	char line[256];
	int allowed = 0;
	FILE *listing = popen("ls -l /proc/self/fd | grep -c ' -> '", "r");
	CHECK(listing && fgets(line, sizeof line, listing));
	CHECK_OK(pclose(listing));
	for (int descriptor = 3; descriptor < 1024; descriptor++) {
		int flags = fcntl(descriptor, F_GETFD);
		allowed += flags >= 0 && !(flags & FD_CLOEXEC);
	}
	CHECK_EQ(atoi(line), 3 + allowed + 1);
}

/* The new program starts with the mask of the thread that started it, and of no other. */
static void *the_mask_is_inherited(void *signal_number)
{
	sigset_t mask;
	unsigned long blocked = 0;
	CHECK_OK(sigemptyset(&mask));
	if (signal_number)
		CHECK_OK(sigaddset(&mask, (int)(long)signal_number));
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &mask, NULL));
	FILE *status = popen("exec grep SigBlk /proc/self/status", "r");
	CHECK(status && fscanf(status, "SigBlk: %lx", &blocked) == 1);
	CHECK_OK(pclose(status));
	CHECK_EQ(blocked, signal_number ? 1ul << ((long)signal_number - 1) : 0);
	return NULL;
}

static void *exec_from_thread(void *unused)
{
	execl("/bin/sh", "sh", "-c", "exit 8", (char *)NULL);
	return unused;
}

/* exec from a thread other than the main one replaces the whole process. */
static void exec_from_a_thread(void)
{
	pid_t pid = check_fork();
	if (pid == 0) {
		check_join(check_start(exec_from_thread, NULL));
		_exit(127);
	}
	check_status(pid, 8);
}

static void *wait_for_any(void *unused)
{
	int status;
	CHECK(waitpid(-1, &status, 0) > 0);
	return (void *)(long)(WEXITSTATUS(status) + (unused != NULL));
}

static void wait_variants(void)
{
	siginfo_t information = {0};
	pid_t pid = check_fork();
	if (pid == 0) {
		sleep_ms(10);
		_exit(9);
	}
	CHECK_OK(waitid(P_PID, (id_t)pid, &information, WEXITED | WNOWAIT));
	CHECK_EQ(information.si_status, 9);
	CHECK_EQ((long)check_join(check_start(wait_for_any, NULL)), 9);
	CHECK_ERRNO(wait(NULL), ECHILD);
	pid = check_fork();
	if (pid == 0)
		for (;;)
			pause();
	CHECK_OK(kill(pid, SIGKILL));
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
	pthread_t threads[THREADS];
	each_way(NULL);
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(each_way, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	descriptors_are_not_inherited();
	the_mask_is_inherited(NULL);
	check_join(check_start(the_mask_is_inherited, (void *)(long)SIGUSR2));
	the_mask_is_inherited(NULL);
	exec_from_a_thread();
	wait_variants();
	return 0;
}
