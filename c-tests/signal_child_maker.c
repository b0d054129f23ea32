/* The thread that has made a child is told of its end: SIGCHLD ends its wait, and no other thread's, though the main thread
 * would accept it. Only where it blocks the signal, or has ended, the main thread gets it. (On a loaded machine the kernel
 * may tell the main thread, too, now and then, so what counts is who is told mostly.) */
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

enum way { FORK, FORK_WITHOUT_HANDLERS, VFORK, SPAWN, CLONE, WAYS };

extern char **environ;

static __thread int told;
static volatile sig_atomic_t told_at_all;

static void count(int signal_number)
{
	(void)signal_number;
	told++;
	told_at_all++;
}

/* A child ends when it has read a byte from here. glibc blocks all signals while it makes one, but in vfork. */
static int leash[2];

static int end_when_told(void *unused)
{
	char byte;
	(void)unused;
	_exit(read(leash[0], &byte, 1) == 1 ? 0 : 1);
}

static pid_t make(enum way way)
{
	static char stack[65536];
	static char *arguments[] = {"head", "-c", "1", NULL};
	pid_t child;
	switch (way) {
	case FORK:
		child = fork();
		break;
	case FORK_WITHOUT_HANDLERS:
		child = _Fork();
		break;
	case VFORK:
		child = vfork();
		if (child == 0)
			_exit(0);
		break;
	case SPAWN: {
		posix_spawn_file_actions_t actions;
		CHECK_OK(posix_spawn_file_actions_init(&actions));
		CHECK_OK(posix_spawn_file_actions_adddup2(&actions, leash[0], 0));
		CHECK_OK(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0));
		CHECK_OK(posix_spawnp(&child, "head", &actions, NULL, arguments, environ));
		CHECK_OK(posix_spawn_file_actions_destroy(&actions));
		break;
	}
	default:
		child = clone(end_when_told, stack + sizeof stack, SIGCHLD, NULL);
		break;
	}
	if (child == 0)
		end_when_told(NULL);
	CHECK(child > 0);
	if (way != VFORK)
		CHECK_EQ(write(leash[1], "x", 1), 1);
	return child;
}

static void reap(pid_t child)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(child, &status, 0)) == -1 && errno == EINTR)
		;
	CHECK_EQ(pid, child);
	CHECK_EQ(status, 0);
}

/* Waits until somebody was told, and says whether it was the caller. */
static int is_told(void)
{
	int tries = 0;
	while (told_at_all == 0 && tries++ < 5000)
		sleep_ms(1);
	CHECK_EQ(told_at_all, 1);
	int is_own = told;
	told = 0;
	told_at_all = 0;
	return is_own;
}

static void *is_told_of_its_own(void *unused)
{
	enum { TIMES = 20, MOSTLY = 14 };
	for (enum way way = FORK; way < WAYS; way++) {
		int own = 0;
		for (int i = 0; i < TIMES; i++) {
			pid_t child = make(way);
			own += is_told();
			reap(child);
		}
		CHECK(own >= MOSTLY);
	}
	return unused;
}

/* On a stack of its own it has a kernel thread of its own, too. */
static void on_a_stack_of_its_own(void)
{
	static char stack[1 << 18] __attribute__((aligned(4096)));
	pthread_attr_t attributes;
	pthread_t thread;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstack(&attributes, stack, sizeof stack));
	CHECK_OK(pthread_create(&thread, &attributes, is_told_of_its_own, NULL));
	check_join(thread);
	CHECK_OK(pthread_attr_destroy(&attributes));
}

enum { MAKERS = 12 };

static int begun, told_of_own, turn = MAKERS;

/* Each of several is told of the child that it has made, and only of that. */
static void *is_told_in_turn(void *argument)
{
	int number = (int)(long)argument;
	pid_t child = fork();
	if (child == 0)
		end_when_told(NULL);
	CHECK(child > 0);
	__atomic_add_fetch(&begun, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) != number)
		sleep_ms(1);
	CHECK_EQ(told, 0);
	CHECK_OK(kill(child, SIGKILL));
	__atomic_add_fetch(&told_of_own, is_told(), __ATOMIC_SEQ_CST);
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	__atomic_sub_fetch(&turn, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void each_of_its_own(void)
{
	enum { MOSTLY = MAKERS * 2 / 3 };
	pthread_t makers[MAKERS];
	for (long i = 0; i < MAKERS; i++)
		makers[i] = check_start(is_told_in_turn, (void *)i);
	while (__atomic_load_n(&begun, __ATOMIC_SEQ_CST) < MAKERS)
		sched_yield();
	__atomic_sub_fetch(&turn, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < MAKERS; i++)
		check_join(makers[i]);
	CHECK(told_of_own >= MOSTLY);
}

static void *leaves_a_child(void *pipe_end)
{
	pid_t child = check_fork();
	if (child == 0) {
		char byte;
		CHECK_EQ(read((int)(long)pipe_end, &byte, 1), 1);
		_exit(0);
	}
	return (void *)(long)child;
}

static void main_for_who_has_ended(void)
{
	int pipe_ends[2];
	CHECK_OK(pipe(pipe_ends));
	pid_t child = (pid_t)(long)check_join(check_start(leaves_a_child, (void *)(long)pipe_ends[0]));
	told = 0;
	CHECK_EQ(write(pipe_ends[1], "x", 1), 1);
	while (told == 0)
		sleep_ms(1);
	reap(child);
}

static void *blocks_it(void *unused)
{
	sigset_t child_ends;
	sigemptyset(&child_ends);
	sigaddset(&child_ends, SIGCHLD);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &child_ends, NULL));
	told_at_all = 0;
	reap(make(FORK));
	for (int tries = 0; told_at_all == 0 && tries < 5000; tries++)
		sleep_ms(1);
	CHECK_EQ(told, 0);
	CHECK_EQ(told_at_all, 1);
	return unused;
}

static void main_for_who_blocks_it(void)
{
	told = 0;
	check_join(check_start(blocks_it, NULL));
	CHECK_EQ(told, 1);
}

int main(void)
{
	CHECK_OK(pipe(leash));
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(SIGCHLD, &action, NULL));
	check_join(check_start(is_told_of_its_own, NULL));
	on_a_stack_of_its_own();
	each_of_its_own();
	main_for_who_has_ended();
	main_for_who_blocks_it();
	return 0;
}
