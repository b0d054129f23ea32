/* Locks inside libc: a crowd that wants one stream waits in no kernel thread of its own while somebody sits in fgets
 * there, or while the terminal that it prints to is slow; malloc's are taken by everybody at once, beside forks. Prints
 * how many kernel threads that took at most. */
#include "check.h"
#include <fcntl.h>
#include <pty.h>

enum { THREADS = 100, WORKERS = 8, FORKS = 10 };

static FILE *stream;
static long most;
static int served;

static void count_kernel_threads(void)
{
	long now = check_kernel_threads();
	most = now > most ? now : most;
}

static void *read_number(void *unused)
{
	char line[16];
	CHECK(fgets(line, sizeof line, stream) != NULL);
	__atomic_fetch_add(&served, atoi(line), __ATOMIC_RELAXED);
	return unused;
}

static void readers_of_one_stream(void)
{
	int ends[2];
	pthread_t threads[THREADS];
	CHECK_OK(pipe(ends));
	stream = fdopen(ends[0], "r");
	CHECK(stream != NULL);
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(read_number, NULL);
	sleep_ms(20);
	count_kernel_threads();
	for (int i = 1; i <= THREADS; i++)
		CHECK(dprintf(ends[1], "%d\n", i) > 0);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(served, THREADS * (THREADS + 1) / 2);
	CHECK_OK(fclose(stream));
	CHECK_OK(close(ends[1]));
}

/* One line is more than a terminal takes at once. */
static void *print_line(void *number)
{
	char line[3000];
	memset(line, 'a' + (int)(long)number % 26, sizeof line - 1);
	line[sizeof line - 1] = 0;
	CHECK(fprintf(stream, "%s\n", line) == sizeof line);
	return NULL;
}

static void printers_to_a_slow_terminal(void)
{
	int master, terminal;
	pthread_t threads[THREADS];
	CHECK_OK(openpty(&master, &terminal, NULL, NULL, NULL));
	stream = fdopen(terminal, "w");
	CHECK(stream && setvbuf(stream, NULL, _IOLBF, BUFSIZ) == 0);
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(print_line, (void *)i);
	sleep_ms(20);
	count_kernel_threads();
	/* Lines come whole, each once. */
	int lines[26] = {0}, column = 0;
	char first = 0, bytes[4096];
	for (long total = 0; total < THREADS * 3001L;) {
		ssize_t got = read(master, bytes, sizeof bytes);
		CHECK(got > 0);
		total += got;
		for (ssize_t i = 0; i < got; i++) {
			if (bytes[i] == '\r' || bytes[i] == '\n') {
				CHECK_EQ(column, bytes[i] == '\r' ? 2999 : 0);
				lines[first - 'a'] += bytes[i] == '\n';
				column = 0;
				continue;
			}
			first = column++ ? first : bytes[i];
			CHECK_EQ(bytes[i], first);
		}
	}
	for (int i = 0; i < 26; i++)
		CHECK_EQ(lines[i], THREADS / 26 + (i < THREADS % 26));
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_OK(fclose(stream));
	CHECK_OK(close(master));
}

static int stop;

/* Blocks that go from arena to arena. */
static void *use_memory(void *unused)
{
	static void *shared[64];
	unsigned seed = (unsigned)(size_t)&unused;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (int i = 0; i < 200; i++) {
			size_t size = 16 + rand_r(&seed) % 2000;
			char *block = malloc(size);
			CHECK(block != NULL);
			block[0] = block[size - 1] = 1;
			free(__atomic_exchange_n(&shared[rand_r(&seed) % 64], block, __ATOMIC_ACQ_REL));
		}
		sched_yield();
	}
	return NULL;
}

static void memory_beside_forks(void)
{
	pthread_t threads[WORKERS];
	for (int i = 0; i < WORKERS; i++)
		threads[i] = check_start(use_memory, NULL);
	for (int i = 0; i < FORKS; i++) {
		pid_t child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			alarm(WATCHDOG_SECONDS);
			char *block = malloc(100000);
			CHECK(block && printf(" ") == 1);
			free(block);
			stop = 1;
			check_join(check_start(use_memory, NULL));
			_exit(0);
		}
		check_child_succeeds(child);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < WORKERS; i++)
		check_join(threads[i]);
}

int main(void)
{
	readers_of_one_stream();
	printers_to_a_slow_terminal();
	memory_beside_forks();
	printf("tasks=%ld\n", most);
	return 0;
}
