/* mq_notify tells of a message for which nobody waits. One for which a thread waits goes to that and leaves the
 * request as it is, whoever came first, whichever process asks, and by whatever number. Waits beside a request end as
 * others do. */
#include "net.h"
#include <mqueue.h>

enum { SIZE = 32, WAIT_MS = 20, ROUNDS = 50 };

static mqd_t queue, same;
static volatile int told, handled;

static void count(int signal_number)
{
	if (signal_number == SIGRTMIN)
		told++;
	else
		handled++;
}

static void ask(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	CHECK_OK(mq_notify(queue, &event));
}

static void *receive(void *number)
{
	char buffer[SIZE];
	CHECK_EQ(mq_receive(*(mqd_t *)number, buffer, SIZE, NULL), 4);
	return NULL;
}

static void asked_before(void)
{
	ask();
	pthread_t thread = check_start(receive, &queue);
	sleep_ms(WAIT_MS);
	CHECK_OK(mq_send(queue, "text", 4, 0));
	check_join(thread);
}

static void asked_meanwhile(void)
{
	pthread_t first = check_start(receive, &queue), second = check_start(receive, &same);
	sleep_ms(WAIT_MS);
	ask();
	sleep_ms(WAIT_MS);
	CHECK_OK(mq_send(queue, "text", 4, 0));
	CHECK_OK(mq_send(same, "text", 4, 0));
	check_join(first);
	check_join(second);
}

static void asked_elsewhere(void)
{
	ask();
	pid_t child = check_fork();
	if (child == 0) {
		pthread_t thread = check_start(receive, &queue);
		sleep_ms(WAIT_MS);
		CHECK_OK(mq_send(queue, "text", 4, 0));
		check_join(thread);
		_exit(0);
	}
	check_child_succeeds(child);
}

/* In a process that has not asked yet. Whether it was told of a message for which a thread waited; not always is
 * somebody there in time. */
static int is_told_in_a_child(void (*of_a_message)(void))
{
	pid_t child = check_fork();
	if (child == 0) {
		of_a_message();
		sleep_ms(1);
		if (told != 0)
			_exit(3);
		CHECK_OK(mq_send(queue, "text", 4, 0));
		while (told == 0)
			sleep_ms(1);
		receive(&queue);
		CHECK_EQ(told, 1);
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3));
	return status != 0;
}

static void is_not_told(void (*of_a_message)(void))
{
	int rounds = 0;
	while (is_told_in_a_child(of_a_message))
		CHECK(++rounds < ROUNDS);
}

static void *receive_until_handled(void *unused)
{
	char buffer[SIZE];
	CHECK_ERRNO(mq_receive(queue, buffer, SIZE, NULL), EINTR);
	return unused;
}

static void other_ends(void)
{
	char buffer[SIZE];
	ask();
	struct timespec limit = in_ms(CLOCK_REALTIME, WAIT_MS);
	CHECK_ERRNO(mq_timedreceive(queue, buffer, SIZE, NULL, &limit), ETIMEDOUT);
	pthread_t thread = check_start(receive, &queue);
	sleep_ms(WAIT_MS);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	thread = check_start(receive, &queue);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	thread = check_start(receive_until_handled, NULL);
	while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
		CHECK_OK(pthread_kill(thread, SIGUSR1));
		sleep_ms(1);
	}
	struct mq_attr attributes = {.mq_flags = O_NONBLOCK};
	CHECK_OK(mq_setattr(queue, &attributes, NULL));
	CHECK_ERRNO(mq_receive(queue, buffer, SIZE, NULL), EAGAIN);
	CHECK_EQ(told, 0);
}

static void *in_thread(void *unused)
{
	other_ends();
	return unused;
}

int main(void)
{
	char name[64];
	struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = SIZE};
	snprintf(name, sizeof name, "/message_notifications-%d", (int)getpid());
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
	CHECK(queue >= 0);
	same = mq_open(name, O_RDWR);
	CHECK(same >= 0);
	CHECK_OK(mq_unlink(name));
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(SIGRTMIN, &action, NULL));
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	is_not_told(asked_before);
	is_not_told(asked_meanwhile);
	is_not_told(asked_elsewhere);
	check_join(check_start(in_thread, NULL));
	return 0;
}
