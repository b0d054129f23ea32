/* Streams that somebody waits in, and what others do meanwhile: they flush and open all that there is, end the process,
 * fork and use the very stream in the child, take the output of a command that another thread has started; and streams
 * whose functions are the program's own wait in those. */
#include "check.h"
#include <fcntl.h>
#include <gnu/libc-version.h>

enum { LENGTH = 8, CROWD = 1000, CALLBACKS = 50 };

#define LINE "at last\n"

static FILE *stream;
static int ends[2];

static void open_stream(void)
{
	CHECK_OK(pipe(ends));
	stream = fdopen(ends[0], "r");
	CHECK(stream != NULL);
}

static void close_stream(void)
{
	CHECK_OK(fclose(stream));
	CHECK_OK(close(ends[1]));
}

static void write_line(int fd) { CHECK_EQ(write(fd, LINE, LENGTH), LENGTH); }

static void *read_line(void *from)
{
	char line[64];
	CHECK(fgets(line, sizeof line, from) == line);
	CHECK_EQ(strcmp(line, LINE), 0);
	return NULL;
}

/* Somebody is in a function of stdio on the stream. */
static void await_visitor(FILE *visited)
{
	while (ftrylockfile(visited) == 0) {
		funlockfile(visited);
		sleep_ms(1);
	}
}

static int flushed;

static void *flush_all(void *unused)
{
	CHECK_OK(fflush(NULL));
	__atomic_store_n(&flushed, 1, __ATOMIC_RELEASE);
	return unused;
}

static void *open_and_close(void *unused)
{
	FILE *other = fopen("/dev/null", "r");
	CHECK(other && fclose(other) == 0);
	return unused;
}

/* It waits for the reader, and who opens a stream then waits for it, or not: either way all come to their end. */
static void all_flushed(void)
{
	enum { OPENERS = 10 };
	pthread_t openers[OPENERS];
	open_stream();
	pthread_t reader = check_start(read_line, stream);
	await_visitor(stream);
	pthread_t flusher = check_start(flush_all, NULL);
	sleep_ms(2);
	for (int i = 0; i < OPENERS; i++)
		openers[i] = check_start(open_and_close, NULL);
	sleep_ms(2);
	write_line(ends[1]);
	check_join(reader);
	check_join(flusher);
	CHECK_EQ(flushed, 1);
	for (int i = 0; i < OPENERS; i++)
		check_join(openers[i]);
	close_stream();
}

static void *print_much(void *to)
{
	static char much[1 << 17];
	memset(much, 'x', sizeof much - 1);
	fprintf(to, "%s", much);
	CHECK(0);
	return NULL;
}

/* Nobody waits for the locks of those who are in streams, and what has been printed elsewhere is written. Later glibcs
 * do wait: there such a process does not end. */
static void ended_beside_visitors(void)
{
	if (strverscmp(gnu_get_libc_version(), "2.41") >= 0)
		return;
	int full[2], printed[2];
	char got[LENGTH + 1];
	CHECK_OK(pipe(full) | pipe(printed));
	open_stream();
	pid_t child = check_fork();
	if (child == 0) {
		FILE *crammed = fdopen(full[1], "w"), *out = fdopen(printed[1], "w");
		CHECK(crammed && out);
		check_start(read_line, stream);
		check_start(print_much, crammed);
		await_visitor(stream);
		await_visitor(crammed);
		CHECK(fputs(LINE, out) >= 0);
		exit(0);
	}
	check_child_succeeds(child);
	CHECK_EQ(read(printed[0], got, sizeof got), LENGTH);
	for (int i = 0; i < 2; i++)
		CHECK_OK(close(full[i]) | close(printed[i]));
	close_stream();
}

/* In the child nobody is in the stream. */
static void forked_beside_a_reader(void)
{
	open_stream();
	pthread_t reader = check_start(read_line, stream);
	await_visitor(stream);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		alarm(WATCHDOG_SECONDS);
		int own[2];
		CHECK_OK(pipe(own));
		CHECK_EQ(dup2(own[0], ends[0]), ends[0]);
		write_line(own[1]);
		write_line(own[1]);
		read_line(stream);
		CHECK_OK(fflush(NULL));
		check_join(check_start(read_line, stream));
		CHECK_OK(fclose(stream));
		_exit(0);
	}
	check_child_succeeds(child);
	write_line(ends[1]);
	check_join(reader);
	close_stream();
}

static void *end_command(void *command)
{
	CHECK_EQ(pclose(command), 3 << 8);
	return NULL;
}

static void commands_of_others(void)
{
	FILE *command = popen("echo at last; exit 3", "r");
	CHECK(command != NULL);
	check_join(check_start(read_line, command));
	check_join(check_start(end_command, command));
}

static void crowd(void)
{
	static FILE *streams[CROWD];
	static int inputs[CROWD];
	static pthread_t threads[CROWD];
	int count = 0;
	/* as many as there are descriptors for */
	for (; count < CROWD; count++) {
		int both[2];
		if (pipe(both) != 0)
			break;
		streams[count] = fdopen(both[0], "r");
		inputs[count] = both[1];
		CHECK(streams[count] != NULL);
	}
	/* Threads may need one, too. */
	count -= 10;
	for (int i = count; i < count + 10 && streams[i]; i++)
		CHECK_OK(fclose(streams[i]) | close(inputs[i]));
	for (int i = 0; i < count; i++)
		threads[i] = check_start(read_line, streams[i]);
	for (int i = 0; i < count; i++)
		write_line(inputs[i]);
	for (int i = 0; i < count; i++) {
		check_join(threads[i]);
		CHECK_OK(fclose(streams[i]) | close(inputs[i]));
	}
}

static sem_t called, go;

static ssize_t give_line(void *unused, char *buffer, size_t size)
{
	(void)unused;
	CHECK(size >= LENGTH);
	CHECK_OK(sem_post(&called));
	check_await(&go);
	memcpy(buffer, LINE, LENGTH);
	return LENGTH;
}

static ssize_t take_line(void *unused, const char *buffer, size_t size)
{
	(void)unused;
	(void)buffer;
	CHECK_OK(sem_post(&called));
	check_await(&go);
	return size;
}

static void *print_line(void *to)
{
	flockfile(to);
	CHECK(fputs(LINE, to) >= 0);
	CHECK_OK(fflush(to));
	funlockfile(to);
	return NULL;
}

/* Each in a callback of its own stream, and as many who want the streams. */
static void callbacks(void)
{
	static FILE *streams[CALLBACKS];
	static pthread_t threads[2 * CALLBACKS];
	for (int writes = 0; writes < 2; writes++) {
		cookie_io_functions_t functions = {.read = give_line, .write = take_line};
		for (int i = 0; i < CALLBACKS; i++) {
			streams[i] = fopencookie(NULL, writes ? "w" : "r", functions);
			CHECK(streams[i] != NULL);
			for (int j = 0; j < 2; j++)
				threads[2 * i + j] = check_start(writes ? print_line : read_line, streams[i]);
		}
		for (int i = 0; i < CALLBACKS; i++)
			check_await(&called);
		CHECK_EQ(sem_trywait(&called), -1);
		for (int i = 0; i < 2 * CALLBACKS; i++)
			CHECK_OK(sem_post(&go));
		for (int i = 0; i < 2 * CALLBACKS; i++)
			check_join(threads[i]);
		for (int i = 0; i < CALLBACKS; i++) {
			check_await(&called);
			CHECK_OK(fclose(streams[i]));
		}
	}
}

static void *print_into_memory(void *memory)
{
	for (int i = 0; i < 1000; i++)
		CHECK(fprintf(memory, "%s", LINE) == LENGTH);
	return NULL;
}

static void memory(void)
{
	enum { THREADS = 20 };
	pthread_t threads[THREADS];
	char *text = NULL;
	size_t size = 0;
	FILE *into = open_memstream(&text, &size);
	CHECK(into != NULL);
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(print_into_memory, into);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_OK(fclose(into));
	CHECK_EQ(size, THREADS * 1000 * LENGTH);
	for (size_t i = 0; i < size; i += LENGTH)
		CHECK_EQ(memcmp(text + i, LINE, LENGTH), 0);
	free(text);
}

static void *push_back(void *unused)
{
	CHECK_EQ(getc(stream), 'a');
	CHECK_EQ(ungetc('b', stream), 'b');
	return unused;
}

/* What one has put back the next one gets. */
static void pushed_back(void)
{
	char line[64];
	open_stream();
	CHECK_OK(setvbuf(stream, NULL, _IONBF, 0));
	pthread_t first = check_start(push_back, NULL);
	await_visitor(stream);
	write_line(ends[1]);
	check_join(first);
	CHECK(fgets(line, sizeof line, stream) && strcmp(line, "bt last\n") == 0);
	close_stream();
}

int main(void)
{
	CHECK_OK(sem_init(&called, 0, 0) | sem_init(&go, 0, 0));
	all_flushed();
	ended_beside_visitors();
	forked_beside_a_reader();
	commands_of_others();
	pushed_back();
	callbacks();
	memory();
	crowd();
	return 0;
}
