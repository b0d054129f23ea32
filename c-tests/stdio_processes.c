/* Other processes and stdio: a fork while threads sit in fgets, commands that are read by popen from many threads at
 * once, and what exit has to write to a pipe that is full. */
#include "check.h"
#include <fcntl.h>

enum { SITTERS = 20, COMMANDS = 200 };

static FILE *streams[SITTERS];
static int ends[SITTERS][2];

static void *sit_in_fgets(void *index)
{
	char line[64], expected[64];
	CHECK(fgets(line, sizeof line, streams[(long)index]) != NULL);
	snprintf(expected, sizeof expected, "for %ld\n", (long)index);
	CHECK_EQ(strcmp(line, expected), 0);
	return NULL;
}

static void *say_hello(void *stream)
{
	CHECK(fputs("from a thread of the child\n", stream) >= 0);
	return NULL;
}

/* The child's stdio works: its own streams, and those that nobody of the parent's threads is in. */
static void child_prints(FILE *out)
{
	char line[64];
	FILE *own = tmpfile();
	CHECK(own && fputs("round trip\n", own) >= 0);
	rewind(own);
	CHECK(fgets(line, sizeof line, own) && strcmp(line, "round trip\n") == 0);
	CHECK_OK(fclose(own));
	check_join(check_start(say_hello, out));
	fprintf(out, "bye\n");
	exit(0); /* flushes */
}

static void fork_beside_readers(void)
{
	pthread_t threads[SITTERS];
	for (long i = 0; i < SITTERS; i++) {
		CHECK_OK(pipe(ends[i]));
		streams[i] = fdopen(ends[i][0], "r");
		CHECK(streams[i] != NULL);
		threads[i] = check_start(sit_in_fgets, (void *)i);
	}
	sleep_ms(5);
	int answer[2];
	CHECK_OK(pipe(answer));
	FILE *in = fdopen(answer[0], "r"), *out = fdopen(answer[1], "w");
	CHECK(in && out);
	/* not check_fork: its fflush would wait for the readers */
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0)
		child_prints(out);
	CHECK_OK(fclose(out));
	char line[64];
	CHECK(fgets(line, sizeof line, in) && strcmp(line, "from a thread of the child\n") == 0);
	CHECK(fgets(line, sizeof line, in) && strcmp(line, "bye\n") == 0);
	CHECK(!fgets(line, sizeof line, in) && feof(in));
	CHECK_OK(fclose(in));
	check_child_succeeds(child);
	for (int i = 0; i < SITTERS; i++)
		CHECK(dprintf(ends[i][1], "for %d\n", i) > 0);
	for (int i = 0; i < SITTERS; i++) {
		check_join(threads[i]);
		CHECK_OK(fclose(streams[i]));
		CHECK_OK(close(ends[i][1]));
	}
}

static void *run_command(void *index)
{
	char command[64], line[64], expected[64];
	snprintf(command, sizeof command, "read go; echo $go %ld; exit %ld", (long)index, (long)index % 7);
	/* the shell's own input is the program's, which all of them wait for */
	FILE *output = popen(command, "r");
	CHECK(output != NULL);
	snprintf(expected, sizeof expected, "%ld\n", (long)index);
	CHECK(fgets(line, sizeof line, output) != NULL);
	const char *number = strchr(line, ' ');
	CHECK_EQ(strcmp(number ? number + 1 : line, expected), 0);
	CHECK(!fgets(line, sizeof line, output) && feof(output));
	CHECK_EQ(pclose(output), (long)index % 7 << 8);
	return NULL;
}

static void commands(void)
{
	static pthread_t threads[COMMANDS];
	int input[2];
	CHECK_OK(pipe(input));
	int before = dup(STDIN_FILENO);
	CHECK_EQ(dup2(input[0], STDIN_FILENO), STDIN_FILENO);
	for (long i = 0; i < COMMANDS; i++)
		threads[i] = check_start(run_command, (void *)i);
	for (int i = 0; i < COMMANDS; i++)
		CHECK_EQ(write(input[1], "\n", 1), 1);
	for (int i = 0; i < COMMANDS; i++)
		check_join(threads[i]);
	CHECK_EQ(dup2(before, STDIN_FILENO), STDIN_FILENO);
	CHECK_OK(close(before) | close(input[0]) | close(input[1]));
}

static void *end_the_process(void *unused)
{
	exit(0);
	return unused;
}

/* A thread ends the process while its output does not fit into the pipe: everything arrives. */
static void exit_flushes(int from_thread)
{
	enum { LINES = 500, PIPE_BYTES = 4096 };
	int pipe_ends[2];
	CHECK_OK(pipe(pipe_ends));
	CHECK_EQ(fcntl(pipe_ends[1], F_SETPIPE_SZ, PIPE_BYTES), PIPE_BYTES);
	pid_t child = check_fork();
	if (child == 0) {
		static char buffer[1 << 16];
		FILE *out = fdopen(pipe_ends[1], "w");
		CHECK(out && setvbuf(out, buffer, _IOFBF, sizeof buffer) == 0);
		CHECK_OK(close(pipe_ends[0]));
		for (int i = 0; i < LINES; i++)
			CHECK(fprintf(out, "line %d of what exit writes\n", i) > 0);
		pthread_t thread = check_start(from_thread ? end_the_process : say_hello, out);
		if (from_thread)
			check_join(thread);
		check_join(thread);
		exit(0);
	}
	CHECK_OK(close(pipe_ends[1]));
	FILE *in = fdopen(pipe_ends[0], "r");
	CHECK(in != NULL);
	sleep_ms(5);
	char line[64], expected[64];
	for (int i = 0; i < LINES; i++) {
		snprintf(expected, sizeof expected, "line %d of what exit writes\n", i);
		CHECK(fgets(line, sizeof line, in) && strcmp(line, expected) == 0);
	}
	if (!from_thread)
		CHECK(fgets(line, sizeof line, in) && strcmp(line, "from a thread of the child\n") == 0);
	CHECK(!fgets(line, sizeof line, in) && feof(in));
	CHECK_OK(fclose(in));
	check_child_succeeds(child);
}

int main(void)
{
	exit_flushes(0);
	fork_beside_readers();
	commands();
	exit_flushes(1);
	return 0;
}
