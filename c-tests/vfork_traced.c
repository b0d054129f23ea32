/* A child of vfork that has itself traced, as debuggers start programs, stops for a signal, and who waits for it is told,
 * also where many threads block. */
#include "check.h"
#include <stdatomic.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/ptrace.h>

enum { BLOCKED = 8 };

static int queue;
static atomic_int child;

static void *receive(void *unused)
{
	struct {
		long kind;
		char byte;
	} message;
	CHECK_EQ(msgrcv(queue, &message, sizeof message.byte, 0, 0), 0);
	return unused;
}

static void *wait_for_child(void *unused)
{
	int status;
	while (child == 0)
		sleep_ms(1);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1);
	CHECK_OK(kill(child, SIGKILL));
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status));
	return unused;
}

int main(void)
{
	pthread_t threads[BLOCKED], waiter;
	queue = msgget(IPC_PRIVATE, 0600);
	CHECK(queue >= 0);
	for (int i = 0; i < BLOCKED; i++)
		threads[i] = check_start(receive, NULL);
	waiter = check_start(wait_for_child, NULL);
	sleep_ms(20);
	pid_t made = vfork();
	if (made == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		child = getpid();
		/* until it is waited for */
		sleep_ms(50);
		raise(SIGUSR1);
		_exit(127);
	}
	CHECK_EQ(made, child);
	check_join(waiter);
	for (int i = 0; i < BLOCKED; i++) {
		struct {
			long kind;
			char byte;
		} message = {1, 0};
		CHECK_OK(msgsnd(queue, &message, 0, 0));
	}
	for (int i = 0; i < BLOCKED; i++)
		check_join(threads[i]);
	CHECK_OK(msgctl(queue, IPC_RMID, NULL));
	return 0;
}
