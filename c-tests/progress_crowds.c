/* A crowd in one call that waits: each thread is served, and prints how many kernel threads that took at most. */
#include "net.h"
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <mqueue.h>

enum { THREADS = 60 };

struct visitor {
	void (*wait)(struct visitor *);
	int from, peer, target[2];
};

static void by_recvmmsg(struct visitor *me)
{
	char byte;
	struct iovec part = {&byte, 1};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
	CHECK_EQ(recvmmsg(me->from, &message, 1, 0, NULL), 1);
}

static void by_splice(struct visitor *me)
{
	CHECK_EQ(splice(me->from, NULL, me->target[1], NULL, 1, 0), 1);
}

static void by_preadv2(struct visitor *me)
{
	char byte;
	struct iovec part = {&byte, 1};
	CHECK_EQ(preadv2(me->from, &part, 1, -1, 0), 1);
}

static void by_vmsplice(struct visitor *me)
{
	char byte;
	struct iovec part = {&byte, 1};
	CHECK_EQ(vmsplice(me->from, &part, 1, 0), 1);
}

static void by_eventfd(struct visitor *me)
{
	eventfd_t value;
	CHECK_OK(eventfd_read(me->from, &value));
}

static void by_queue(struct visitor *me)
{
	char byte;
	CHECK_EQ(mq_receive(me->from, &byte, 1, NULL), 1);
}

static void *visit(void *argument)
{
	struct visitor *me = argument;
	me->wait(me);
	return NULL;
}

static void a_socket(struct visitor *visitor)
{
	int ends[2];
	unix_pair(ends);
	visitor->from = ends[0];
	visitor->peer = ends[1];
}

static void a_pipe(struct visitor *visitor)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	visitor->from = ends[0];
	visitor->peer = ends[1];
}

static void an_event(struct visitor *visitor)
{
	visitor->from = visitor->peer = eventfd(0, 0);
}

static mqd_t queue = -1;

static void a_queue(struct visitor *visitor)
{
	if (queue < 0) {
		char name[64];
		struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = 1};
		snprintf(name, sizeof name, "/progress_crowds-%d", (int)getpid());
		queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
		CHECK(queue >= 0);
		CHECK_OK(mq_unlink(name));
	}
	visitor->from = queue;
}

static const struct {
	void (*make)(struct visitor *);
	void (*wait)(struct visitor *);
	int has_target;
} kinds[] = {
	{a_socket, by_recvmmsg, 0},
	{a_pipe, by_splice, 1},
	{a_socket, by_splice, 1},
	{a_pipe, by_preadv2, 0},
	{a_pipe, by_vmsplice, 0},
	{an_event, by_eventfd, 0},
	{a_queue, by_queue, 0},
};

int main(void)
{
	long most = 0;
	for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
		static struct visitor visitors[THREADS];
		pthread_t threads[THREADS];
		for (int i = 0; i < THREADS; i++) {
			visitors[i] = (struct visitor){.wait = kinds[kind].wait};
			/* of its own: a pipe has room for few splices */
			if (kinds[kind].has_target)
				CHECK_OK(pipe(visitors[i].target));
			kinds[kind].make(&visitors[i]);
			threads[i] = check_start(visit, &visitors[i]);
		}
		sleep_ms(50);
		long now = check_kernel_threads();
		most = now > most ? now : most;
		for (int i = 0; i < THREADS; i++) {
			if (kinds[kind].make == an_event)
				CHECK_OK(eventfd_write(visitors[i].peer, 1));
			else if (kinds[kind].make == a_queue)
				CHECK_OK(mq_send(queue, "x", 1, 0));
			else
				write_exactly(visitors[i].peer, "x", 1);
		}
		for (int i = 0; i < THREADS; i++) {
			check_join(threads[i]);
			if (kinds[kind].make != a_queue) {
				CHECK_OK(close(visitors[i].from));
				if (visitors[i].peer != visitors[i].from)
					CHECK_OK(close(visitors[i].peer));
			}
			char byte;
			if (kinds[kind].has_target) {
				CHECK_EQ(read(visitors[i].target[0], &byte, 1), 1);
				CHECK_EQ(byte, 'x');
				close_both(visitors[i].target);
			}
		}
	}
	printf("tasks=%ld\n", most);
	return 0;
}
