/* What libc does on threads of its own, and is waited for: transfers (aio_suspend, lio_listio) and look-ups. */
#include "states.h"
#include <aio.h>
#include <netdb.h>

static int ends[2];
static char byte;
static struct aiocb request;

static void begin_read(void)
{
	pipe_pair(ends);
	request = (struct aiocb){
		.aio_fildes = ends[1], .aio_buf = &byte, .aio_nbytes = 1, .aio_lio_opcode = LIO_READ};
}

static void end_read(void)
{
	CHECK_OK(aio_error(&request));
	CHECK_EQ(aio_return(&request), 1);
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
}

static void suspend_is_served(void)
{
	const struct aiocb *list[] = {&request};
	begin_read();
	CHECK_OK(aio_read(&request));
	pid_t child = child_soon(write_byte, ends[0]);
	while (aio_error(&request) == EINPROGRESS)
		CHECK_OK(aio_suspend(list, 1, NULL));
	check_child_succeeds(child);
	end_read();
}

static void suspend_expires(void)
{
	const struct aiocb *list[] = {&request};
	struct timespec limit = {.tv_nsec = EXPIRES_MS * NS_PER_MS};
	begin_read();
	CHECK_OK(aio_read(&request));
	long start = monotonic_ms();
	CHECK_ERRNO(aio_suspend(list, 1, &limit), EAGAIN);
	check_waited(start, EXPIRES_MS);
	write_byte(ends[0]);
	while (aio_error(&request) == EINPROGRESS)
		CHECK_OK(aio_suspend(list, 1, NULL));
	end_read();
}

static void list_is_served(void)
{
	struct aiocb *list[] = {&request};
	begin_read();
	pid_t child = child_soon(write_byte, ends[0]);
	CHECK_OK(lio_listio(LIO_WAIT, list, 1, NULL));
	check_child_succeeds(child);
	end_read();
}

static void look_up_is_served(void)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_family = AF_INET};
	struct gaicb lookup = {.ar_name = "127.0.0.1", .ar_request = &hints}, *all[] = {&lookup};
	CHECK_OK(getaddrinfo_a(GAI_WAIT, all, 1, NULL));
	CHECK_OK(gai_error(&lookup));
	freeaddrinfo(lookup.ar_result);
}

CHECKS({"suspend_is_served", suspend_is_served, FORKS},
       {"suspend_expires", suspend_expires, NO_TRAIT},
       {"list_is_served", list_is_served, FORKS},
       {"look_up_is_served", look_up_is_served, NO_TRAIT});
