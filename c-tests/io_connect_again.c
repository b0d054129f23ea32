/* connect, called once more on the same socket: after a refusal it tries anew, after a handler has interrupted it it
 * waits for what is under way, and once there is a connection it says so. */
#include "net.h"
#include <semaphore.h>

static struct sockaddr_in address;
static sem_t was_interrupted, may_go_on;
static int is_over;

static void do_nothing(int signal_number)
{
	(void)signal_number;
}

static int connect_to(int descriptor)
{
	return connect(descriptor, (struct sockaddr *)&address, sizeof address);
}

static void *after_a_refusal(void *unused)
{
	int listener = bound_socket(SOCK_STREAM, &address), descriptor = socket(AF_INET, SOCK_STREAM, 0);
	for (int i = 0; i < 3; i++)
		CHECK_ERRNO(connect_to(descriptor), ECONNREFUSED);
	CHECK_OK(listen(listener, 1));
	CHECK_OK(connect_to(descriptor));
	CHECK_ERRNO(connect_to(descriptor), EISCONN);
	CHECK_ERRNO(connect_to(descriptor), EISCONN);
	CHECK_OK(close(descriptor));
	CHECK_OK(close(listener));
	return unused;
}

static void *after_an_interruption(void *descriptor)
{
	CHECK_ERRNO(connect_to((int)(long)descriptor), EINTR);
	__atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
	CHECK_OK(sem_post(&was_interrupted));
	/* The last signal may come here. */
	check_await(&may_go_on);
	/* The connection is under way. */
	CHECK_OK(connect_to((int)(long)descriptor));
	CHECK_ERRNO(connect_to((int)(long)descriptor), EISCONN);
	return NULL;
}

int main(void)
{
	struct sigaction action = {.sa_handler = do_nothing};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sem_init(&was_interrupted, 0, 0));
	CHECK_OK(sem_init(&may_go_on, 0, 0));
	check_here_and_in_thread(after_a_refusal, NULL);
	after_a_refusal(NULL);

	/* A listener whose queue is full lets the next one wait. */
	int listener = tcp_listener(&address, 0), first = tcp_connect(&address);
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(descriptor >= 0);
	pthread_t thread = check_start(after_an_interruption, (void *)(long)descriptor);
	while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
		sleep_ms(5);
		CHECK_OK(pthread_kill(thread, SIGUSR1));
	}
	CHECK_OK(sem_wait(&was_interrupted));
	int accepted = accept(listener, NULL, NULL);
	CHECK_OK(sem_post(&may_go_on));
	check_join(thread);
	CHECK_OK(close(accepted));
	CHECK_OK(close(first));
	CHECK_OK(close(descriptor));
	CHECK_OK(close(listener));
	return 0;
}
