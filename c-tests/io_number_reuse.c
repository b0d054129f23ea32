/* Descriptor numbers that are closed and reused all the time, with readers blocked on them, never mix up
 * connections: each carries records of its own tag, and a reader sees its own tag only and all of them. */
#include "net.h"

enum { COUPLES = 24, CONNECTIONS = 60, RECORDS = 8 };

struct record {
	long tag;
	int sequence;
};

struct side {
	int descriptor;
	long tag;
};

static long connections;

static int replace_by_duplicate(int descriptor, long way)
{
	int duplicate;
	switch (way % 4) {
	case 0:
		duplicate = dup(descriptor);
		break;
	case 1:
		duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
		break;
	case 2:
		duplicate = dup2(descriptor, dup(descriptor));
		break;
	default:
		return descriptor;
	}
	CHECK(duplicate >= 0);
	CHECK_OK(close(descriptor));
	return duplicate;
}

static void *write_records(void *argument)
{
	struct side *side = argument;
	int descriptor = side->descriptor;
	for (int i = 0; i < RECORDS; i++) {
		struct record record = {.tag = side->tag, .sequence = i};
		write_exactly(descriptor, &record, sizeof record);
		if (i % 3 == 0)
			sched_yield();
		descriptor = replace_by_duplicate(descriptor, side->tag + i);
	}
	CHECK_OK(close(descriptor));
	return NULL;
}

static void read_records(int descriptor, long tag)
{
	for (int i = 0; i < RECORDS; i++) {
		struct record record;
		read_exactly(descriptor, &record, sizeof record);
		CHECK_EQ(record.tag, tag);
		CHECK_EQ(record.sequence, i);
		/* A blocked read after this waits on a number that another thread may just have given back. */
		descriptor = replace_by_duplicate(descriptor, tag + i);
	}
	char byte;
	CHECK_EQ(read(descriptor, &byte, 1), 0);
	CHECK_OK(close(descriptor));
}

static void *run(void *own)
{
	static void (*const pairs[])(int[2]) = {unix_pair, pipe_pair, tcp_pair};
	for (long i = 0; i < connections; i++) {
		int ends[2];
		pairs[((long)own + i) % 3](ends);
		struct side writing = {.descriptor = ends[0], .tag = (long)own * 1000000 + i};
		pthread_t writer = check_start(write_records, &writing);
		read_records(ends[1], writing.tag);
		check_join(writer);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	connections = size_argument(argc, argv, 1, CONNECTIONS);
	pthread_t couples[COUPLES];
	for (long i = 0; i < COUPLES; i++)
		couples[i] = check_start(run, (void *)i);
	for (int i = 0; i < COUPLES; i++)
		check_join(couples[i]);
	return 0;
}
