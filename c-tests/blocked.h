/* Threads of which each blocks a kernel thread, in msgrcv, until they are let go. */
#ifndef BLOCKED_H
#define BLOCKED_H

#include "check.h"
#include <sys/ipc.h>
#include <sys/msg.h>

enum { MOST_BLOCKED = 8 };

struct blocked {
	int queue, count;
	pthread_t threads[MOST_BLOCKED];
};

static void *receive(void *queue)
{
	struct {
		long kind;
		char byte;
	} message;
	CHECK_EQ(msgrcv((int)(long)queue, &message, sizeof message.byte, 0, 0), 0);
	return NULL;
}

static struct blocked have_blocked(int count)
{
	struct blocked blocked = {msgget(IPC_PRIVATE, 0600), count, {0}};
	CHECK(blocked.queue >= 0);
	for (int i = 0; i < count; i++)
		blocked.threads[i] = check_start(receive, (void *)(long)blocked.queue);
	return blocked;
}

static void unblock(struct blocked *blocked)
{
	struct {
		long kind;
		char byte;
	} message = {1, 0};
	for (int i = 0; i < blocked->count; i++)
		CHECK_OK(msgsnd(blocked->queue, &message, 0, 0));
	for (int i = 0; i < blocked->count; i++)
		check_join(blocked->threads[i]);
	CHECK_OK(msgctl(blocked->queue, IPC_RMID, NULL));
}

#endif
