/* A thread that reads again and again while another one closes the descriptor: each of its calls has met the old file
 * or none. As long as there is somebody to send to the old file it comes to its end, and so does the thread. */
#include "net.h"
#include <sched.h>
#include <stdatomic.h>

enum { ROUNDS = 2000, SOME = 50, PATIENCE_MS = 10 * 1000 };

struct reader {
	int descriptor;
	atomic_int has_begun, is_over;
};

static void *read_all(void *argument)
{
	struct reader *reader = argument;
	char byte;
	reader->has_begun = 1;
	while (recv(reader->descriptor, &byte, 1, 0) > 0)
		;
	CHECK_EQ(errno, EBADF);
	reader->is_over = 1;
	return NULL;
}

static void close_it(int descriptor)
{
	CHECK_OK(close(descriptor));
}

static void close_it_by_range(int descriptor)
{
	CHECK_OK(close_range((unsigned)descriptor, (unsigned)descriptor, 0));
}

static void close_its_stream(int descriptor)
{
	FILE *stream = fdopen(descriptor, "r");
	CHECK(stream != NULL);
	CHECK_OK(fclose(stream));
}

static void close_between(void (*close_by)(int descriptor))
{
	for (int round = 0; round < ROUNDS; round++) {
		int ends[2];
		unix_pair(ends);
		struct reader reader = {.descriptor = ends[0]};
		pthread_t thread = check_start(read_all, &reader);
		while (!reader.has_begun)
			sched_yield();
		for (int i = 0; i < round % SOME; i++)
			CHECK_EQ(write(ends[1], "x", 1), 1);
		close_by(ends[0]);
		/* If it had begun to wait it has the old file, and what is sent. */
		for (long end = monotonic_ms() + PATIENCE_MS; !reader.is_over;) {
			CHECK(monotonic_ms() < end);
			send(ends[1], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
			usleep(100);
		}
		check_join(thread);
		CHECK_OK(close(ends[1]));
	}
}

int main(void)
{
	close_between(close_it);
	close_between(close_it_by_range);
	close_between(close_its_stream);
	return 0;
}
