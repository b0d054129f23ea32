/* Handlers that jump out of a close, a close_range or a dup2 that waits for what was not sent (SO_LINGER): the old file
 * has left its number, and the number goes on as ever. Who has met the new file meanwhile reads from it, who comes to a
 * number that was closed is told so, and so it is when the number is used again. */
#include "net.h"
#include <setjmp.h>
#include <sys/stat.h>

enum { LINGER_S = 20, SOON_MS = 20 };

static __thread sigjmp_buf back;

static void jump(int signal_number)
{
	(void)signal_number;
	siglongjmp(back, 1);
}

struct place {
	struct lingering lingering;
	int number, is_new, meets_it_meanwhile;
	ino_t new_file;
	pthread_t closer;
};

/* Once the close has begun: before that the closer might not have come to where it jumps to. */
static void *signal_soon(void *argument)
{
	struct place *place = argument;
	await_close(&place->lingering);
	sleep_ms(SOON_MS);
	CHECK_OK(pthread_kill(place->closer, SIGUSR1));
	return NULL;
}

/* Of the caller, who is going to close it. */
static struct place a_lingering_place(int *peer)
{
	struct place place = {.number = lingering_end(LINGER_S, peer), .closer = pthread_self()};
	place.lingering = lingering_connection(place.number, *peer);
	return place;
}

/* Meets the new file at the number, and reads from it. */
static void *read_the_new(void *argument)
{
	struct place *place = argument;
	struct stat status;
	char byte;
	if (place->meets_it_meanwhile)
		await_close(&place->lingering);
	else
		while (!place->is_new)
			sleep_ms(1);
	while (fstat(place->number, &status) == -1 || status.st_ino != place->new_file)
		sleep_ms(1);
	CHECK_EQ(recv(place->number, &byte, 1, 0), 1);
	return (void *)(long)byte;
}

/* What is put to the number is read by who waits there. */
static void is_used_again(int number)
{
	int ends[2];
	struct stat status;
	unix_pair(ends);
	if (ends[1] == number) {
		ends[1] = ends[0];
		ends[0] = number;
	}
	if (ends[0] != number) {
		CHECK_EQ(dup2(ends[0], number), number);
		CHECK_OK(close(ends[0]));
	}
	CHECK_OK(fstat(number, &status));
	struct place place = {.number = number, .is_new = 1, .new_file = status.st_ino};
	pthread_t reader = check_start(read_the_new, &place);
	sleep_ms(2);
	write_exactly(ends[1], "a", 1);
	CHECK_EQ((long)check_join(reader), 'a');
	CHECK_OK(close(number));
	CHECK_OK(close(ends[1]));
}

static int by_close(int number)
{
	return close(number);
}

static int by_close_range(int number)
{
	return close_range((unsigned)number, (unsigned)number, 0);
}

static void *expect_nothing(void *place)
{
	char byte;
	while (!((struct place *)place)->is_new)
		sleep_ms(1);
	CHECK_ERRNO((int)recv(((struct place *)place)->number, &byte, 1, 0), EBADF);
	return NULL;
}

static void jump_out_of_close(int (*close_it)(int))
{
	int peer;
	struct place place = a_lingering_place(&peer);
	pthread_t reader = check_start(expect_nothing, &place), signaller = check_start(signal_soon, &place);
	long began = monotonic_ms();
	if (sigsetjmp(back, 1) == 0) {
		close_it(place.number);
		CHECK(0);
	}
	CHECK(monotonic_ms() - began < LINGER_S * 500);
	CHECK_ERRNO(fcntl(place.number, F_GETFD), EBADF);
	place.is_new = 1;
	check_join(reader);
	check_join(signaller);
	CHECK_OK(close(peer));
	is_used_again(place.number);
}

static void jump_out_of_replacement(int meets_it_meanwhile)
{
	int peer, ends[2];
	struct stat status;
	struct place place = a_lingering_place(&peer);
	place.meets_it_meanwhile = meets_it_meanwhile;
	unix_pair(ends);
	CHECK_OK(fstat(ends[0], &status));
	place.new_file = status.st_ino;
	pthread_t reader = check_start(read_the_new, &place), signaller = check_start(signal_soon, &place);
	if (sigsetjmp(back, 1) == 0) {
		dup2(ends[0], place.number);
		CHECK(0);
	}
	place.is_new = 1;
	sleep_ms(2);
	write_exactly(ends[1], "n", 1);
	CHECK_EQ((long)check_join(reader), 'n');
	check_join(signaller);
	CHECK_OK(close(peer));
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
	CHECK_OK(close(place.number));
	is_used_again(place.number);
}

static void *all(void *unused)
{
	for (int turn = 0; turn < 3; turn++) {
		jump_out_of_close(by_close);
		jump_out_of_close(by_close_range);
		jump_out_of_replacement(0);
		jump_out_of_replacement(1);
	}
	return unused;
}

int main(void)
{
	CHECK(signal(SIGUSR1, jump) != SIG_ERR);
	check_here_and_in_thread(all, NULL);
	return 0;
}
