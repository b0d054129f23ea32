/* A signal that the process ignores, by its action or by default, interrupts nobody: a call in the kernel that it would
 * begin anew takes what it needs once. A thread that blocks one keeps it. */
#include "fifo.h"
#include "leash.h"
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/resource.h>

enum { ROUNDS = 30, FEW = 10, BUSY = 6, CROWD = 20 };

static pthread_t busy[BUSY];
static atomic_int is_over;

/* Has now this kernel thread run, now that one. */
static void *comes_and_goes(void *number)
{
	while (!is_over)
		usleep(200 + 100 * (useconds_t)(long)number);
	return NULL;
}

/* Beside threads that accept what the caller accepts now. */
static void beside_busy_ones(void (*act)(void))
{
	is_over = 0;
	for (long i = 0; i < BUSY; i++)
		busy[i] = check_start(comes_and_goes, (void *)i);
	act();
	is_over = 1;
	for (int i = 0; i < BUSY; i++)
		check_join(busy[i]);
}

static struct rlimit few_numbers(struct rlimit *all)
{
	CHECK_OK(getrlimit(RLIMIT_NOFILE, all));
	struct rlimit tight = *all;
	tight.rlim_cur = 3;
	return tight;
}

static int next_number(void)
{
	int number = dup(STDIN_FILENO);
	CHECK_OK(close(number));
	return number;
}

/* A thread waits in open(2), whose number it has; from then on there are none. */
static void beside_an_open(void (*act)(void))
{
	char byte;
	/* What was asked for a moment ago has been done. */
	sleep_ms(5);
	int number = next_number();
	struct rlimit limit, tight = few_numbers(&limit);
	pthread_t thread = check_start(write_one, name);
	/* An attempt that fails has it for a moment. */
	for (int times = 0; times < 3; times = next_number() == number ? 0 : times + 1)
		sleep_ms(1);
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &tight));
	act();
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	int reader = open(name, O_RDONLY);
	CHECK(reader >= 0);
	CHECK_EQ(read(reader, &byte, 1), 1);
	check_join(thread);
	CHECK_OK(close(reader));
}

static pid_t children[ROUNDS];
static struct leash leashes[ROUNDS];

/* The last one first: it has the others' leashes, too. */
static void children_end(void)
{
	for (int i = ROUNDS; i-- > 0;) {
		let_go(&leashes[i]);
		check_child_succeeds(children[i]);
	}
}

static void ends_of_children(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		leashes[i] = new_leash();
		children[i] = child_on(&leashes[i], 0);
	}
	beside_an_open(children_end);
}

static int go[2];

static void be_signalled(void)
{
	char byte;
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(write(go[0], "x", 1), 1);
		CHECK_EQ(read(go[0], &byte, 1), 1);
		sleep_ms(1);
	}
}

/* Another process sends them. */
static void signals(int signal_number)
{
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, go));
	pid_t parent = getpid(), child = check_fork();
	if (child == 0) {
		char byte;
		CHECK_OK(close(go[0]));
		while (read(go[1], &byte, 1) == 1) {
			CHECK_OK(kill(parent, signal_number));
			CHECK_EQ(write(go[1], "x", 1), 1);
		}
		_exit(0);
	}
	beside_an_open(be_signalled);
	close_both(go);
	check_child_succeeds(child);
}

static int is_pending(int signal_number)
{
	sigset_t pending;
	CHECK_OK(sigpending(&pending));
	return sigismember(&pending, signal_number);
}

static sigset_t child_ends;

static void change_mask(int how)
{
	sigemptyset(&child_ends);
	sigaddset(&child_ends, SIGCHLD);
	CHECK_OK(pthread_sigmask(how, &child_ends, NULL));
}

/* Blocked, although the default is to ignore it, it waits for whoever accepts it. */
static void blocked_ones(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct leash leash = new_leash();
		pid_t child = child_on(&leash, 0);
		sleep_ms(i % 3);
		change_mask(SIG_BLOCK);
		let_go(&leash);
		check_child_succeeds(child);
		CHECK(is_pending(SIGCHLD));
		if (i % 2)
			CHECK_EQ(sigwaitinfo(&child_ends, NULL), SIGCHLD);
		change_mask(SIG_UNBLOCK);
		CHECK(!is_pending(SIGCHLD));
		sleep_ms(i % 2 ? 0 : 1);
	}
}

static sem_t handled;

static void note_signal(int signal_number)
{
	(void)signal_number;
	sem_post(&handled);
}

static void handled_ones(void)
{
	CHECK_OK(sem_init(&handled, 0, 0));
	for (int i = 0; i < ROUNDS; i++) {
		struct leash leash = new_leash();
		pid_t child = child_on(&leash, 0);
		sleep_ms(i % 3);
		CHECK(signal(SIGCHLD, note_signal) == SIG_DFL);
		let_go(&leash);
		check_await(&handled);
		check_child_succeeds(child);
		CHECK(signal(SIGCHLD, SIG_DFL) == note_signal);
		CHECK_ERRNO(sem_trywait(&handled), EAGAIN);
	}
}

/* A thread that is not the first one accepts what it waits for. */
static void *awaits_its_child(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct timespec limit = {.tv_sec = 10};
		struct leash leash = new_leash();
		pid_t child = child_on(&leash, 0);
		let_go(&leash);
		CHECK_EQ(sigtimedwait(&child_ends, NULL, &limit), SIGCHLD);
		check_child_succeeds(child);
	}
	return unused;
}

/* Nor does it matter that the first thread does not block it: the kernel tells whoever has made the child, if that waits
 * when the child ends. */
static void *alone_awaits_its_child(void *unused)
{
	int told = 0;
	change_mask(SIG_BLOCK);
	for (int i = 0; i < FEW; i++) {
		struct timespec limit = {.tv_nsec = 200 * NS_PER_MS};
		pid_t child = check_fork();
		if (child == 0) {
			sleep_ms(10);
			_exit(0);
		}
		told += sigtimedwait(&child_ends, NULL, &limit) == SIGCHLD;
		check_child_succeeds(child);
	}
	CHECK(told > FEW / 2);
	return unused;
}

static void in_handler(int unused)
{
	(void)unused;
	alone_awaits_its_child(NULL);
	change_mask(SIG_UNBLOCK);
}

/* It waits while it handles a signal. */
static void *handles_a_signal(void *unused)
{
	CHECK(signal(SIGUSR1, in_handler) == SIG_DFL);
	CHECK_OK(raise(SIGUSR1));
	CHECK(signal(SIGUSR1, SIG_DFL) == in_handler);
	return unused;
}

/* It is a thread of a forked child. */
static void in_a_child(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		check_join(check_start(alone_awaits_its_child, NULL));
		_exit(0);
	}
	check_child_succeeds(child);
}

static void *waits_for_lock(void *unused)
{
	int file = open("/proc/self/exe", O_RDONLY);
	CHECK(file >= 0);
	CHECK_OK(flock(file, LOCK_SH));
	CHECK_OK(close(file));
	return unused;
}

/* Kernel threads come to an end meanwhile, some time after what they were needed for. */
static void beside_kernel_threads_that_end(void)
{
	pthread_t threads[CROWD];
	int file = open("/proc/self/exe", O_RDONLY);
	CHECK(file >= 0);
	CHECK_OK(flock(file, LOCK_EX));
	for (int i = 0; i < CROWD; i++)
		threads[i] = check_start(waits_for_lock, NULL);
	for (long end = monotonic_ms() + 10 * 1000; check_kernel_threads() < CROWD && monotonic_ms() < end;)
		sleep_ms(1);
	long most = check_kernel_threads();
	CHECK_OK(close(file));
	for (int i = 0; i < CROWD; i++)
		check_join(threads[i]);
	for (long end = monotonic_ms() + 10 * 1000; check_kernel_threads() >= most && monotonic_ms() < end;)
		sleep_ms(1);
	CHECK(check_kernel_threads() < most);
	blocked_ones();
}

static void interrupt_nobody(void)
{
	ends_of_children();
	CHECK(signal(SIGUSR1, SIG_IGN) == SIG_DFL);
	signals(SIGWINCH);
	signals(SIGUSR1);
	handled_ones();
	ends_of_children();
	CHECK(signal(SIGUSR1, note_signal) == SIG_IGN);
	CHECK_OK(kill(getpid(), SIGUSR1));
	check_await(&handled);
	CHECK(signal(SIGUSR1, SIG_DFL) == note_signal);
}

int main(void)
{
	make_fifo();
	beside_busy_ones(interrupt_nobody);
	change_mask(SIG_BLOCK);
	beside_busy_ones(blocked_ones);
	change_mask(SIG_UNBLOCK);
	beside_busy_ones(interrupt_nobody);
	change_mask(SIG_BLOCK);
	check_join(check_start(awaits_its_child, NULL));
	change_mask(SIG_UNBLOCK);
	beside_busy_ones(interrupt_nobody);
	check_join(check_start(alone_awaits_its_child, NULL));
	check_join(check_start(handles_a_signal, NULL));
	in_a_child();
	blocked_ones();
	beside_kernel_threads_that_end();
	remove_fifo();
	return 0;
}
