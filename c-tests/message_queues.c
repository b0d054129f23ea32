/* POSIX message queues: receiving from an empty one and sending to a full one wait, for so long as is said, and are
 * interrupted and cancelled; urgent messages come first. */
#include "net.h"
#include <mqueue.h>

enum { SIZE = 32, CAPACITY = 2 };

static mqd_t queue;

static void *send_late(void *text)
{
	sleep_ms(20);
	CHECK_OK(mq_send(queue, text, strlen(text), 1));
	return NULL;
}

static void *receive_late(void *unused)
{
	char buffer[SIZE];
	sleep_ms(20);
	CHECK(mq_receive(queue, buffer, SIZE, NULL) > 0);
	return unused;
}

static void waits(void)
{
	char buffer[SIZE];
	unsigned priority = 99;
	pthread_t other = check_start(send_late, "late");
	CHECK_EQ(mq_receive(queue, buffer, SIZE, &priority), 4);
	CHECK_EQ(memcmp(buffer, "late", 4), 0);
	CHECK_EQ(priority, 1u);
	check_join(other);
	CHECK_OK(mq_send(queue, "low", 3, 1));
	CHECK_OK(mq_send(queue, "high", 4, 5));
	other = check_start(receive_late, NULL);
	CHECK_OK(mq_send(queue, "middle", 6, 3));
	check_join(other);
	CHECK_EQ(mq_receive(queue, buffer, SIZE, &priority), 6);
	CHECK_EQ(mq_receive(queue, buffer, SIZE, &priority), 3);
}

static void time_limits(void)
{
	char buffer[SIZE];
	struct timespec limit = in_ms(CLOCK_REALTIME, 30), bad = {.tv_nsec = -1}, past = {0};
	long began = monotonic_ms();
	CHECK_ERRNO(mq_timedreceive(queue, buffer, SIZE, NULL, &limit), ETIMEDOUT);
	CHECK(monotonic_ms() - began >= 25);
	CHECK_ERRNO(mq_timedreceive(queue, buffer, SIZE, NULL, &past), ETIMEDOUT);
	CHECK_ERRNO(mq_timedreceive(queue, buffer, SIZE, NULL, &bad), EINVAL);
	CHECK_ERRNO(mq_receive(queue, buffer, SIZE - 1, NULL), EMSGSIZE);
	CHECK_ERRNO(mq_receive(-1, buffer, SIZE, NULL), EBADF);
	for (int i = 0; i < CAPACITY; i++)
		CHECK_OK(mq_timedsend(queue, "x", 1, 0, &past));
	limit = in_ms(CLOCK_REALTIME, 30);
	CHECK_ERRNO(mq_timedsend(queue, "x", 1, 0, &limit), ETIMEDOUT);
	CHECK_ERRNO(mq_timedsend(queue, buffer, SIZE + 1, 0, &limit), EMSGSIZE);
	struct mq_attr attributes = {.mq_flags = O_NONBLOCK};
	CHECK_OK(mq_setattr(queue, &attributes, NULL));
	CHECK_ERRNO(mq_send(queue, "x", 1, 0), EAGAIN);
	for (int i = 0; i < CAPACITY; i++)
		CHECK_EQ(mq_receive(queue, buffer, SIZE, NULL), 1);
	CHECK_ERRNO(mq_receive(queue, buffer, SIZE, NULL), EAGAIN);
	attributes.mq_flags = 0;
	CHECK_OK(mq_setattr(queue, &attributes, NULL));
}

static volatile int handled;

static void note(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void *receive_one(void *restarts)
{
	char buffer[SIZE];
	struct timespec limit = in_ms(CLOCK_REALTIME, 20000);
	ssize_t result = mq_timedreceive(queue, buffer, SIZE, NULL, &limit);
	if (restarts == NULL)
		CHECK(result == -1 && errno == EINTR);
	else
		CHECK_EQ(result, 4);
	return NULL;
}

static void interruptions(void)
{
	struct sigaction action = {.sa_handler = note};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	pthread_t thread = check_start(receive_one, NULL);
	do {
		sleep_ms(10);
		CHECK_OK(pthread_kill(thread, SIGUSR1));
	} while (pthread_tryjoin_np(thread, NULL) == EBUSY);
	action.sa_flags = SA_RESTART;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	handled = 0;
	thread = check_start(receive_one, "");
	sleep_ms(10);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	while (!handled)
		sleep_ms(1);
	CHECK_EQ(pthread_tryjoin_np(thread, NULL), EBUSY);
	CHECK_OK(mq_send(queue, "more", 4, 0));
	check_join(thread);
	thread = check_start(receive_late, NULL);
	sleep_ms(30);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
}

static void *all(void *unused)
{
	waits();
	time_limits();
	return unused;
}

int main(void)
{
	char name[64];
	struct mq_attr attributes = {.mq_maxmsg = CAPACITY, .mq_msgsize = SIZE};
	snprintf(name, sizeof name, "/message_queues-%d", (int)getpid());
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
	CHECK(queue >= 0);
	CHECK_OK(mq_unlink(name));
	check_here_and_in_thread(all, NULL);
	all(NULL);
	interruptions();
	return 0;
}
