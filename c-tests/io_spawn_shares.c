/* A program that is started by posix_spawn, system or popen has the files of its parent, and what it does to their
 * status flags shows there. */
#include "net.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static const char *self;
static int fd;

static void by_spawn(const char *flag)
{
	char number[16];
	char *arguments[] = {(char *)self, number, (char *)flag, NULL};
	pid_t pid;
	int status;
	snprintf(number, sizeof number, "%d", fd);
	CHECK_OK(posix_spawn(&pid, self, NULL, NULL, arguments, environ));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static void by_system(const char *flag)
{
	char command[512];
	snprintf(command, sizeof command, "'%s' %d %s", self, fd, flag);
	CHECK_EQ(system(command), 0);
}

static void by_popen(const char *flag)
{
	char command[512];
	snprintf(command, sizeof command, "'%s' %d %s", self, fd, flag);
	FILE *pipe = popen(command, "r");
	CHECK(pipe != NULL);
	CHECK_EQ(pclose(pipe), 0);
}

static void *send_late(void *descriptor)
{
	sleep_ms(10);
	write_exactly((int)(long)descriptor, "x", 1);
	return NULL;
}

static void check_blocks(int other)
{
	char byte;
	pthread_t thread = check_start(send_late, (void *)(long)other);
	CHECK_EQ(recv(fd, &byte, 1, 0), 1);
	check_join(thread);
}

static void *start(void *unused)
{
	void (*ways[])(const char *) = {by_spawn, by_system, by_popen};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		int ends[2];
		char byte;
		unix_pair(ends);
		fd = ends[0];
		check_blocks(ends[1]);
		ways[i]("nonblock");
		CHECK_ERRNO(recv(fd, &byte, 1, 0), EAGAIN);
		ways[i]("block");
		check_blocks(ends[1]);
		close_both(ends);
	}
	return unused;
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		int flags = fcntl(atoi(argv[1]), F_GETFL);
		CHECK(flags >= 0);
		flags = argv[2][0] == 'n' ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
		CHECK_OK(fcntl(atoi(argv[1]), F_SETFL, flags));
		return 0;
	}
	self = argv[0];
	check_here_and_in_thread(start, NULL);
	return 0;
}
