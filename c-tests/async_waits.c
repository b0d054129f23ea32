/* Waiting for what libc does on threads of its own: aio_suspend, lio_listio, gai_suspend, getaddrinfo_a. Other threads
 * go on meanwhile, and time-outs, handlers and cancellation end the waits. */
#include "net.h"
#include <aio.h>
#include <netdb.h>

static int ends[2];
static char byte;
static struct aiocb request;

static const struct aiocb *const list[] = {&request};
static struct aiocb *const own_list[] = {&request};

static void begin_read(void)
{
	request = (struct aiocb){.aio_fildes = ends[1], .aio_buf = &byte, .aio_nbytes = 1};
	CHECK_OK(aio_read(&request));
}

static void end_read(void)
{
	while (aio_error(&request) == EINPROGRESS)
		sleep_ms(1);
	CHECK_OK(aio_error(&request));
	CHECK_EQ(aio_return(&request), 1);
}

static void *write_late(void *unused)
{
	sleep_ms(5);
	CHECK_EQ(write(ends[0], "x", 1), 1);
	return unused;
}

static void served(void)
{
	begin_read();
	pthread_t thread = check_start(write_late, NULL);
	while (aio_error(&request) == EINPROGRESS)
		CHECK_OK(aio_suspend(list, 1, NULL));
	check_join(thread);
	end_read();

	request = (struct aiocb){.aio_fildes = ends[1], .aio_buf = &byte, .aio_nbytes = 1, .aio_lio_opcode = LIO_READ};
	thread = check_start(write_late, NULL);
	CHECK_OK(lio_listio(LIO_WAIT, own_list, 1, NULL));
	check_join(thread);
	end_read();
}

static void expires(void)
{
	struct timespec limit = {.tv_nsec = 10 * NS_PER_MS};
	begin_read();
	long start = monotonic_ms();
	CHECK_ERRNO(aio_suspend(list, 1, &limit), EAGAIN);
	CHECK(monotonic_ms() - start >= 10);
	write_late(NULL);
	end_read();
	CHECK_OK(aio_suspend(list, 1, &limit));
}

static void handle(int signal_number)
{
	(void)signal_number;
}

static void *is_interrupted(void *unused)
{
	CHECK_ERRNO(aio_suspend(list, 1, NULL), EINTR);
	return unused;
}

static void *is_served(void *unused)
{
	CHECK_OK(aio_suspend(list, 1, NULL));
	return unused;
}

static void *is_cancelled(void *unused)
{
	aio_suspend(list, 1, NULL);
	return unused;
}

static void ended_from_outside(void)
{
	struct sigaction action = {.sa_handler = handle};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	begin_read();
	pthread_t thread = check_start(is_interrupted, NULL);
	while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
		pthread_kill(thread, SIGUSR1);
		sleep_ms(1);
	}
	thread = check_start(is_cancelled, NULL);
	sleep_ms(5);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	/* The wait goes on after such a handler. */
	action.sa_flags = SA_RESTART;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	thread = check_start(is_served, NULL);
	for (int i = 0; i < 3; i++) {
		sleep_ms(1);
		CHECK_OK(pthread_kill(thread, SIGUSR1));
	}
	CHECK_EQ(aio_error(&request), EINPROGRESS);
	write_late(NULL);
	check_join(thread);
	end_read();
}

static void *look_up(void *unused)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_family = AF_INET};
	struct gaicb lookup = {.ar_name = "127.0.0.1", .ar_request = &hints}, *all[] = {&lookup};
	CHECK_OK(getaddrinfo_a(GAI_WAIT, all, 1, NULL));
	CHECK_OK(gai_error(&lookup));
	freeaddrinfo(lookup.ar_result);
	CHECK_OK(getaddrinfo_a(GAI_NOWAIT, all, 1, NULL));
	while (gai_error(&lookup) == EAI_INPROGRESS) {
		int result = gai_suspend((const struct gaicb *const *)all, 1, NULL);
		CHECK(result == 0 || result == EAI_ALLDONE);
	}
	CHECK_OK(gai_error(&lookup));
	freeaddrinfo(lookup.ar_result);
	return unused;
}

/* As many waits as nobody wants to have kernel threads for. */
enum { CROWD = 100 };

static long most_kernel_threads;

static struct aiocb crowd_requests[CROWD];

static void *wait_in_crowd(void *number)
{
	const struct aiocb *own[] = {&crowd_requests[(long)number]};
	while (aio_error(own[0]) == EINPROGRESS)
		CHECK_OK(aio_suspend(own, 1, NULL));
	return NULL;
}

static void crowd(void)
{
	static char bytes[CROWD];
	pthread_t threads[CROWD];
	int pipes[CROWD][2];
	for (long i = 0; i < CROWD; i++) {
		pipe_pair(pipes[i]);
		crowd_requests[i] = (struct aiocb){.aio_fildes = pipes[i][1], .aio_buf = &bytes[i], .aio_nbytes = 1};
		CHECK_OK(aio_read(&crowd_requests[i]));
		threads[i] = check_start(wait_in_crowd, (void *)i);
	}
	sleep_ms(5);
	long tasks = check_kernel_threads();
	most_kernel_threads = tasks > most_kernel_threads ? tasks : most_kernel_threads;
	/* In their order: libc has fewer threads than there are requests. */
	for (int i = 0; i < CROWD; i++)
		CHECK_EQ(write(pipes[i][0], "x", 1), 1);
	for (int i = 0; i < CROWD; i++) {
		check_join(threads[i]);
		CHECK_EQ(aio_return(&crowd_requests[i]), 1);
		close_both(pipes[i]);
	}
}

/* Some of several fail, and some are not there. */
static void list_with_failures(void)
{
	struct aiocb fails = {.aio_fildes = -1, .aio_buf = &byte, .aio_nbytes = 1, .aio_lio_opcode = LIO_READ};
	struct aiocb nothing = {.aio_lio_opcode = LIO_NOP};
	request = (struct aiocb){.aio_fildes = ends[1], .aio_buf = &byte, .aio_nbytes = 1, .aio_lio_opcode = LIO_READ};
	struct aiocb *const several[] = {&fails, NULL, &nothing, &request};
	pthread_t thread = check_start(write_late, NULL);
	CHECK_ERRNO(lio_listio(LIO_WAIT, several, 4, NULL), EIO);
	check_join(thread);
	CHECK_EQ(aio_error(&fails), EBADF);
	end_read();
}

/* A list is waited for to the end, whoever has asked for the thread's cancellation, also before it began to wait. */
static sem_t is_asked_for;
static int lists_done;

static void *wait_for_list(void *is_late)
{
	int before;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before));
	request = (struct aiocb){.aio_fildes = ends[1], .aio_buf = &byte, .aio_nbytes = 1, .aio_lio_opcode = LIO_READ};
	if (is_late)
		check_await(&is_asked_for);
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before));
	CHECK_OK(lio_listio(LIO_WAIT, own_list, 1, NULL));
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before));
	CHECK_EQ(aio_return(&request), 1);
	lists_done++;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before));
	pthread_testcancel();
	CHECK(0);
	return NULL;
}

static void lists_are_no_points(void)
{
	lists_done = 0;
	CHECK_OK(sem_init(&is_asked_for, 0, 0));
	for (long is_late = 0; is_late < 2; is_late++) {
		pthread_t thread = check_start(wait_for_list, (void *)is_late);
		if (!is_late)
			sleep_ms(5);
		CHECK_OK(pthread_cancel(thread));
		CHECK_OK(sem_post(&is_asked_for));
		write_late(NULL);
		CHECK(check_join(thread) == PTHREAD_CANCELED);
		CHECK_EQ(lists_done, is_late + 1);
		if (!is_late)
			check_await(&is_asked_for);
	}
}

static void *all(void *unused)
{
	served();
	lists_are_no_points();
	list_with_failures();
	crowd();
	expires();
	ended_from_outside();
	look_up(NULL);
	return unused;
}

int main(void)
{
	pipe_pair(ends);
	check_here_and_in_thread(all, NULL);
	close_both(ends);
	printf("tasks=%ld\n", most_kernel_threads);
	return 0;
}
