/* Threads that wait in functions of stdio, on streams of their own or on the standard ones, until the other end of the
 * pipe behind it goes on. */
#ifndef STDIO_VISITS_H
#define STDIO_VISITS_H

#include "check.h"
#include <fcntl.h>

enum { PIPE_BYTES = 4096, ROUNDS = 3, SHORT_MS = 5, KINDS = 32 };

static const char text[] = "12 words\n";

enum { LENGTH = sizeof text - 1 };

/* Has the text in the stream's buffer. */
static void buffer(FILE *stream)
{
	CHECK_OK(setvbuf(stream, NULL, _IOFBF, 512));
	CHECK_EQ(fwrite(text, 1, LENGTH, stream), LENGTH);
}

/* A way to use a stream. */
struct kind {
	void (*use)(FILE *);
	/* what is written begins with so many bytes of the text; 0 if it reads */
	int writes;
	/* which of the standard streams it is for */
	FILE **standard;
};

struct visit {
	const struct kind *kind;
	FILE *stream;
	int peer;
	pthread_t thread;
};

static void *visit_stream(void *argument)
{
	struct visit *visit = argument;
	visit->kind->use(visit->stream);
	return NULL;
}

/* At an empty pipe, or a full one. */
static void begin(struct visit *visit, const struct kind *kind)
{
	int ends[2], writes = kind->writes > 0;
	static const char zeros[PIPE_BYTES];
	CHECK_OK(pipe(ends));
	CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES), PIPE_BYTES);
	if (writes)
		CHECK_EQ(write(ends[1], zeros, PIPE_BYTES), PIPE_BYTES);
	*visit = (struct visit){.kind = kind, .stream = fdopen(ends[writes], writes ? "w" : "r"), .peer = ends[!writes]};
	CHECK(visit->stream != NULL);
	CHECK_OK(setvbuf(visit->stream, NULL, _IONBF, 0));
}

static void end(struct visit *visit)
{
	char got[PIPE_BYTES];
	if (visit->kind->writes > 0)
		CHECK_EQ(read(visit->peer, got, sizeof got), sizeof got);
	else
		CHECK_EQ(write(visit->peer, text, LENGTH), LENGTH);
	check_join(visit->thread);
	CHECK_OK(fclose(visit->stream));
	if (visit->kind->writes > 0) {
		CHECK(read(visit->peer, got, sizeof got) >= visit->kind->writes);
		CHECK_EQ(memcmp(got, text, (size_t)visit->kind->writes), 0);
	}
	CHECK_OK(close(visit->peer));
}

/* All at once, a few times each; how many kernel threads that took. */
static long streams_of_their_own(const struct kind *kinds, size_t count)
{
	static struct visit visits[KINDS * ROUNDS];
	CHECK(count <= KINDS);
	for (size_t i = 0; i < count * ROUNDS; i++) {
		begin(&visits[i], &kinds[i % count]);
		visits[i].thread = check_start(visit_stream, &visits[i]);
	}
	sleep_ms(SHORT_MS);
	long threads = check_kernel_threads();
	for (size_t i = 0; i < count * ROUNDS; i++)
		end(&visits[i]);
	return threads;
}

/* One at a time: what stands for the stream is a variable of the process. */
static void standard_streams(const struct kind *kinds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct visit visit;
		FILE **standard = kinds[i].standard, *before = *standard;
		begin(&visit, &kinds[i]);
		*standard = visit.stream;
		visit.thread = check_start(visit_stream, &visit);
		sleep_ms(1);
		end(&visit);
		*standard = before;
	}
}

#endif
