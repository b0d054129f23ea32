/* Nothing is left of an open of a FIFO for writing that a handler or a request for cancellation ends: those who wait for
 * the same one wait on, and count, and a forked child has none of them. */
#include "fifo_writers.h"
#include "interrupt.h"

static sem_t can_jump;

static void *is_interrupted(void *unused)
{
	CHECK_ERRNO(open(name, O_WRONLY), EINTR);
	return unused;
}

static void *jumps_away(void *unused)
{
	if (sigsetjmp(away, 1) == 0) {
		CHECK_OK(sem_post(&can_jump));
		open(name, O_WRONLY);
		CHECK(0);
	}
	return unused;
}

static void *waits(void *unused)
{
	open(name, O_WRONLY);
	CHECK(0);
	return unused;
}

static void signals(void)
{
	handle_usr1(count_signal, 0);
	signal_until_over(check_start(is_interrupted, NULL));
	nobody_there();
	/* Goes on, and then finds its reader. */
	handle_usr1(count_signal, SA_RESTART);
	pthread_t thread = check_start(open_and_close, name);
	signal_often(thread);
	int reader = open(name, O_RDONLY);
	CHECK(reader >= 0);
	check_join(thread);
	CHECK_OK(close(reader));
	/* Nothing is left of a call that a handler does not return to. */
	CHECK_OK(sem_init(&can_jump, 0, 0));
	thread = check_start(jumps_away, NULL);
	check_await(&can_jump);
	sleep_ms(5);
	handle_usr1(jump_away, 0);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	check_join(thread);
	nobody_there();
}

static void cancellation(void)
{
	for (int i = 0; i < 3; i++) {
		pthread_t thread = check_start(waits, NULL);
		sleep_ms(i);
		CHECK_OK(pthread_cancel(thread));
		CHECK(check_join(thread) == PTHREAD_CANCELED);
	}
	nobody_there();
}

/* Whoever of those who wait for the same FIFO gives up, the others wait on, and count. */
static void some_give_up(void)
{
	pthread_t quitters[4], thread = check_start(waits, NULL);
	for (int i = 0; i < 4; i++) {
		quitters[i] = thread;
		thread = check_start(i < 3 ? waits : open_and_close, name);
	}
	for (int i = 0; i < 4; i++) {
		sleep_ms(1);
		CHECK_OK(pthread_cancel(quitters[i]));
		CHECK(check_join(quitters[i]) == PTHREAD_CANCELED);
	}
	int reader = open(name, O_RDONLY);
	CHECK(reader >= 0);
	check_join(thread);
	CHECK_OK(close(reader));
	nobody_there();
}

/* A child does not have what its parent's threads were opening. */
static void beside_a_fork(void)
{
	int go[2];
	char byte;
	pthread_t thread = check_start(waits, NULL);
	sleep_ms(5);
	pipe_pair(go);
	pid_t child = check_fork();
	if (child == 0) {
		CHECK_OK(close(go[0]));
		CHECK_EQ(read(go[1], &byte, 1), 0);
		_exit(0);
	}
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	/* Until the child has come to its end of the fork. */
	int reader = reader_at_once(name);
	while (read(reader, &byte, 1) != 0)
		sleep_ms(1);
	CHECK_OK(close(reader));
	close_both(go);
	check_child_succeeds(child);
}

static void all(void)
{
	signals();
	cancellation();
	some_give_up();
	beside_a_fork();
}

int main(void)
{
	make_fifo();
	check_alone_and_beside_others(all);
	remove_fifo();
	return 0;
}
