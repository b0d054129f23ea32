/* Children that live on a leash, and threads that wait for them: alone, beside others that wait, in a child of a process
 * in which others wait, and where libgreen is denied what it would know of their ends by. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include "check.h"
#include "deny.h"
#include "leash.h"
#include "open_numbers.h"

enum { BACKGROUND = 6, CROWD = 60 };

static struct leash background_leash;
static pid_t background_children[BACKGROUND];
static pthread_t background_threads[BACKGROUND];

static void *wait_for_exit_7(void *pid)
{
	int status;
	CHECK_EQ(waitpid((pid_t)(long)pid, &status, 0), (long)pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 7);
	return NULL;
}

/* From here on there are others who wait. */
static void begin_background(void)
{
	background_leash = new_leash();
	for (int i = 0; i < BACKGROUND; i++)
		background_children[i] = child_on(&background_leash, 7);
	for (int i = 0; i < BACKGROUND; i++)
		background_threads[i] = check_start(wait_for_exit_7, (void *)(long)background_children[i]);
	sleep_ms(10);
}

static void end_background(void)
{
	let_go(&background_leash);
	for (int i = 0; i < BACKGROUND; i++)
		check_join(background_threads[i]);
}

/* The children inherit the write end of every leash that is open: they are made before the next one. */
struct job {
	pthread_t thread;
	pid_t pid;
	int status;
	long result;
	int error;
};

static volatile sig_atomic_t handled;

static void note_handled(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void handle_by(int signal_number, int flags)
{
	struct sigaction action = {.sa_handler = note_handled, .sa_flags = flags};
	CHECK_OK(sigaction(signal_number, &action, NULL));
}

/* A handler ends the wait that a thread makes by `routine`. */
__attribute__((unused)) static void interrupt_wait(void *(*routine)(void *), void *argument)
{
	handle_by(SIGUSR1, 0);
	handled = 0;
	pthread_t thread = check_start(routine, argument);
	/* until the handler has met the wait, and not what is before it */
	while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
		pthread_kill(thread, SIGUSR1);
		sleep_ms(1);
	}
	CHECK(handled > 0);
}

/* Handlers do not end it: the thread, which waits on. */
__attribute__((unused)) static pthread_t restart_wait(void *(*routine)(void *), void *argument)
{
	handle_by(SIGUSR2, SA_RESTART);
	pthread_t thread = check_start(routine, argument);
	for (int i = 0; i < 5; i++) {
		sleep_ms(1);
		CHECK_OK(pthread_kill(thread, SIGUSR2));
	}
	sleep_ms(1);
	CHECK_EQ(pthread_tryjoin_np(thread, NULL), EBUSY);
	return thread;
}

/* Threads that wait by `routine` are cancelled. */
__attribute__((unused)) static void cancel_waits(void *(*routine)(void *), void *argument)
{
	for (int i = 0; i < 3; i++) {
		pthread_t thread = check_start(routine, argument);
		sleep_ms(i);
		CHECK_OK(pthread_cancel(thread));
		CHECK(check_join(thread) == PTHREAD_CANCELED);
	}
}

static long most_kernel_threads;

static void note_kernel_threads(void)
{
	long now = check_kernel_threads();
	most_kernel_threads = now > most_kernel_threads ? now : most_kernel_threads;
}

static void *wait_for(void *argument)
{
	struct job *job = argument;
	errno = 0;
	job->result = waitpid(job->pid, &job->status, 0);
	job->error = errno;
	return job;
}

static void *nothing(void *unused)
{
	return unused;
}

/* In a process of its own; the children's own threads wait for their own children. */
static void in_child(void (*act)(void))
{
	pid_t pid = check_fork();
	if (pid == 0) {
		act();
		_exit(0);
	}
	check_child_succeeds(pid);
}

/* What is checked beside background threads that wait, and what is checked afterwards. */
static void (*beside_others)(void), (*afterwards)(void);

static void check_all(void)
{
	check_join(check_start(nothing, NULL));
	int before = open_descriptors();
	if (beside_others) {
		begin_background();
		beside_others();
		/* Two ends of the leash that the others are on. */
		CHECK_EQ(open_descriptors(), before + 2);
		end_background();
	}
	if (afterwards)
		afterwards();
	CHECK_EQ(open_descriptors(), before);
}

static void check_denied(void)
{
	static const int calls[] = {SYS_pidfd_open, SYS_close_range};
	deny(calls, 2, EPERM);
	check_all();
}

/* A child of a process in which others wait begins anew. */
static void check_in_child_of_waiting(void)
{
	begin_background();
	struct leash leash = new_leash();
	struct job job = {.pid = child_on(&leash, 1)};
	job.thread = check_start(wait_for, &job);
	sleep_ms(5);
	pid_t pid = check_fork();
	if (pid == 0) {
		/* or the others would never end */
		close(leash.ends[1]);
		close(background_leash.ends[1]);
		CHECK_ERRNO(waitpid(job.pid, NULL, 0), ECHILD);
		CHECK_ERRNO(wait(NULL), ECHILD);
		check_all();
		_exit(0);
	}
	check_child_succeeds(pid);
	let_go(&leash);
	check_join(job.thread);
	CHECK_EQ(WEXITSTATUS(job.status), 1);
	end_background();
}

/* In all circumstances; prints how many kernel threads there were at most. */
static void check_everywhere(void (*beside)(void), void (*after)(void))
{
	beside_others = beside;
	afterwards = after;
	in_child(check_denied);
	in_child(check_in_child_of_waiting);
	check_all();
	printf("tasks=%ld\n", most_kernel_threads);
}

#endif
