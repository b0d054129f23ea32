/* A handler forks in the midst of a call that waits in the kernel, and returns in the child, too: there the call ends,
 * and the child goes on with threads and waits of its own. */
#include "check.h"
#include <stdatomic.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

enum { TIMES = 3 };

struct message {
	long type;
	char text[1];
};

static int queue, semaphores;
static atomic_int is_about_to, forked;
static __thread volatile int is_child;

static void fork_in_midst(int signal_number)
{
	(void)signal_number;
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		alarm(WATCHDOG_SECONDS);
		is_child = 1;
	} else {
		atomic_store(&forked, pid);
	}
}

static int receive(void)
{
	struct message message;
	return msgrcv(queue, &message, sizeof message.text, 0, 0) < 0 ? -1 : 0;
}

static int take(void)
{
	struct sembuf one = {.sem_op = -1};
	return semop(semaphores, &one, 1);
}

static void *nothing(void *unused)
{
	return unused;
}

static void *wait_twice(void *call)
{
	int (*wait)(void) = (int (*)(void))call;
	atomic_store(&is_about_to, 1);
	int result = wait();
	CHECK(result == 0 || errno == EINTR);
	if (is_child) {
		for (int i = 0; i < 8; i++)
			check_join(check_start(nothing, NULL));
	}
	/* the signal may have come before the call */
	if (result != 0)
		CHECK_OK(wait());
	if (is_child)
		_exit(0);
	return NULL;
}

static void give_two(int (*call)(void))
{
	struct message message = {.type = 1};
	struct sembuf two = {.sem_op = 2};
	if (call == receive) {
		CHECK_OK(msgsnd(queue, &message, sizeof message.text, 0));
		CHECK_OK(msgsnd(queue, &message, sizeof message.text, 0));
	} else {
		CHECK_OK(semop(semaphores, &two, 1));
	}
}

static void try(int (*call)(void))
{
	atomic_store(&is_about_to, 0);
	atomic_store(&forked, 0);
	pthread_t thread = check_start(wait_twice, (void *)call);
	while (!atomic_load(&is_about_to))
		sleep_ms(1);
	/* until it is in the call, where the signal ends that */
	sleep_ms(50);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	while (!atomic_load(&forked))
		sleep_ms(1);
	give_two(call);
	check_join(thread);
	check_child_succeeds(atomic_load(&forked));
}

int main(void)
{
	struct sigaction action = {.sa_handler = fork_in_midst};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	semaphores = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
	CHECK(queue >= 0 && semaphores >= 0);
	for (int i = 0; i < TIMES; i++) {
		try(receive);
		try(take);
	}
	CHECK_OK(msgctl(queue, IPC_RMID, NULL));
	CHECK_OK(semctl(semaphores, 0, IPC_RMID));
	return 0;
}
