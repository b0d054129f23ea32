/* dup2 closes the file that was there, which may take long (SO_LINGER), after the new one is in its place. Who has
 * found the new one meanwhile reads from it, whether its bytes come before dup2 returns or after. */
#include "net.h"
#include <sys/stat.h>

enum { LINGER_MS = 1000 };

struct place {
	struct lingering lingering;
	int number;
	ino_t new_file;
};

/* Not before the old file is being closed: a look at the number would hold it for a moment, and if that were its last one
 * wait in the place of dup2. */
static void await_the_new(const struct place *place)
{
	struct stat status;
	await_close(&place->lingering);
	do {
		CHECK_OK(fstat(place->number, &status));
		sleep_ms(1);
	} while (status.st_ino != place->new_file);
}

static void *read_more(void *argument)
{
	struct place *place = argument;
	char byte;
	CHECK_EQ(recv(place->number, &byte, 1, 0), 1);
	return (void *)(long)byte;
}

static void *read_the_new(void *argument)
{
	struct place *place = argument;
	await_the_new(place);
	return read_more(argument);
}

static void *write_all_to_the_new(void *argument)
{
	static char bytes[1 << 20];
	struct place *place = argument;
	await_the_new(place);
	/* A part goes before dup2 has returned. */
	long sent = send(place->number, bytes, sizeof bytes, 0);
	CHECK(sent > 0);
	return (void *)sent;
}

static void *write_late(void *descriptor)
{
	sleep_ms(LINGER_MS / 3);
	write_exactly((int)(long)descriptor, "n", 1);
	return NULL;
}

static void replace(int before_it_returns)
{
	int peer, ends[2];
	struct stat status;
	struct place place = {.number = lingering_end(LINGER_MS / 1000, &peer)};
	place.lingering = lingering_connection(place.number, peer);
	unix_pair(ends);
	CHECK_OK(fstat(ends[0], &status));
	place.new_file = status.st_ino;
	pthread_t reader = check_start(read_the_new, &place), writer = pthread_self();
	if (before_it_returns)
		writer = check_start(write_late, (void *)(long)ends[1]);
	long began = monotonic_ms();
	CHECK_EQ(dup2(ends[0], place.number), place.number);
	CHECK(monotonic_ms() - began >= LINGER_MS / 2);
	if (before_it_returns) {
		check_join(writer);
	} else {
		sleep_ms(20);
		CHECK_EQ(pthread_tryjoin_np(reader, NULL), EBUSY);
		write_exactly(ends[1], "n", 1);
	}
	CHECK_EQ((long)check_join(reader), 'n');
	/* later ones as well, and each end of a life is noticed again */
	reader = check_start(read_more, &place);
	sleep_ms(5);
	write_exactly(ends[1], "m", 1);
	CHECK_EQ((long)check_join(reader), 'm');
	CHECK_OK(close(place.number));
	CHECK_OK(close(peer));
	close_both(ends);
}

static void nothing_is_sent_twice_or_elsewhere(void)
{
	int peer, ends[2];
	struct stat status;
	struct place place = {.number = lingering_end(LINGER_MS / 1000, &peer)};
	place.lingering = lingering_connection(place.number, peer);
	char byte;
	unix_pair(ends);
	CHECK_OK(fstat(ends[0], &status));
	place.new_file = status.st_ino;
	pthread_t writer = check_start(write_all_to_the_new, &place);
	CHECK_EQ(dup2(ends[0], place.number), place.number);
	long received = 0;
	void *sent = NULL;
	int ended = 0;
	while ((ended = ended || pthread_tryjoin_np(writer, &sent) == 0) == 0 ||
	       recv(ends[1], &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0) {
		static char sink[1 << 16];
		long got = recv(ends[1], sink, sizeof sink, MSG_DONTWAIT);
		received += got > 0 ? got : 0;
		if (got <= 0)
			sleep_ms(1);
	}
	CHECK_EQ(received, (long)sent);
	CHECK_OK(close(place.number));
	CHECK_OK(close(peer));
	close_both(ends);
}

int main(void)
{
	replace(1);
	replace(0);
	nothing_is_sent_twice_or_elsewhere();
	return 0;
}
