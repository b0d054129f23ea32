/* A program whose threads work without a system call works without it under libgreen, too, whatever error a
 * container's profile has for it (EPERM, or ENOSYS as an old kernel) and whether that comes before the first thread
 * or later; and when a resource has run out. */
#include "deny.h"
#include "net.h"
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

enum { THREADS = 8, BYTES = 20, AT_ONCE = 16 };

/* Calls that none of what follows needs, by itself or inside libc. */
static const struct {
	int call;
	int errors[4];
} denials[] = {
	{SYS_epoll_create1, {EPERM, ENOSYS, EMFILE, ENOMEM}},
	{SYS_epoll_ctl, {EPERM, ENOSYS, ENOSPC, ENOMEM}},
	{SYS_epoll_wait, {EPERM, ENOSYS}},
	{SYS_epoll_pwait, {EPERM, ENOSYS}},
	{SYS_epoll_pwait2, {EPERM, ENOSYS, EACCES, EINVAL}},
	{SYS_eventfd2, {EPERM, ENOSYS, EMFILE, ENOMEM}},
	{SYS_signalfd4, {EPERM, ENOSYS, EMFILE, ENOMEM}},
	{SYS_set_tid_address, {EPERM, ENOSYS}},
	{SYS_membarrier, {EPERM, ENOSYS}},
	{SYS_get_robust_list, {EPERM, ENOSYS}},
	{SYS_sched_yield, {EPERM, ENOSYS}},
	{SYS_arch_prctl, {EPERM, ENOSYS}},
	{SYS_preadv2, {EPERM, ENOSYS, EACCES}},
	{SYS_pwritev2, {EPERM, ENOSYS, EACCES}},
	{SYS_getsockopt, {EPERM, ENOSYS}},
	{SYS_fstat, {EPERM, ENOSYS}},
	{SYS_fcntl, {EPERM, ENOSYS}},
	{SYS_prlimit64, {EPERM, ENOSYS}},
	{SYS_getrlimit, {EPERM, ENOSYS}},
	{SYS_getdents64, {EPERM, ENOSYS}},
	{SYS_open, {EPERM, ENOSYS, EMFILE, ENFILE}},
	{SYS_poll, {EPERM, ENOSYS}},
	{SYS_sigaltstack, {EPERM, ENOSYS}},
	{SYS_rt_sigqueueinfo, {EPERM, ENOSYS}},
	{SYS_rt_tgsigqueueinfo, {EPERM, ENOSYS}},
	{SYS_rt_sigtimedwait, {EPERM, ENOSYS}},
	{SYS_prctl, {EPERM, ENOSYS}},
	{SYS_getuid, {EPERM, ENOSYS}},
	{SYS_clock_getres, {EPERM, ENOSYS}},
	{SYS_sched_getaffinity, {EPERM, ENOSYS}},
	{SYS_rt_sigpending, {EPERM, ENOSYS}},
	{SYS_madvise, {EPERM, ENOSYS}},
	{SYS_ioctl, {EPERM, ENOSYS}},
	{SYS_close_range, {EPERM, ENOSYS}},
	{SYS_pidfd_open, {EPERM, ENOSYS}},
	{SYS_vmsplice, {EPERM, ENOSYS}},
	{SYS_sched_getscheduler, {EPERM, ENOSYS}},
	{SYS_sched_getparam, {EPERM, ENOSYS}},
	{SYS_sched_get_priority_min, {EPERM, ENOSYS}},
	{SYS_readlink, {EPERM, ENOSYS}},
	{SYS_timer_create, {EPERM, ENOSYS}},
	{SYS_getrandom, {EPERM, ENOSYS}},
	{SYS_mlock, {EPERM, ENOSYS}},
	{SYS_inotify_init1, {EPERM, ENOSYS}},
	{SYS_futex_waitv, {EPERM, ENOSYS}},
	{SYS_waitid, {EPERM, ENOSYS}},
	{SYS_tkill, {EPERM, ENOSYS}},
	{SYS_getpriority, {EPERM, ENOSYS}},
	{SYS_process_vm_readv, {EPERM, ENOSYS}},
	{SYS_select, {EPERM, ENOSYS}},
	{SYS_splice, {EPERM, ENOSYS}},
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn, handled;

static void *take_turns(void *number)
{
	pthread_mutex_lock(&mutex);
	while (turn != (int)(long)number)
		pthread_cond_wait(&condition, &mutex);
	turn++;
	pthread_cond_broadcast(&condition);
	pthread_mutex_unlock(&mutex);
	return number;
}

/* Each byte is answered before the next one goes out. */
static void *answer(void *ends)
{
	char byte;
	for (int i = 0; i < BYTES; i++) {
		CHECK_EQ(read(((int *)ends)[0], &byte, 1), 1);
		CHECK_EQ(byte, (char)i);
		CHECK_EQ(write(((int *)ends)[1], &byte, 1), 1);
	}
	return NULL;
}

static void converse(int to_read, int to_write, int here_read, int here_write)
{
	int ends[2] = {to_read, to_write};
	pthread_t thread = check_start(answer, ends);
	for (int i = 0; i < BYTES; i++) {
		char byte = (char)i, back;
		CHECK_EQ(write(here_write, &byte, 1), 1);
		CHECK_EQ(read(here_read, &back, 1), 1);
		CHECK_EQ(back, byte);
	}
	check_join(thread);
}

static void *wait_on(void *semaphore)
{
	check_await(semaphore);
	return NULL;
}

static void handle(int unused)
{
	(void)unused;
	__atomic_fetch_add(&handled, 1, __ATOMIC_RELAXED);
}

/* One that computes and one that waits. */
static void *spin_until_handled(void *unused)
{
	while (__atomic_load_n(&handled, __ATOMIC_RELAXED) < 2)
		;
	return unused;
}

static void *die_with(void *robust)
{
	CHECK_OK(pthread_mutex_lock(robust));
	return NULL;
}

static void inherit_mutex(void)
{
	pthread_mutexattr_t attributes;
	pthread_mutex_t robust;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
	CHECK_OK(pthread_mutex_init(&robust, &attributes));
	check_join(check_start(die_with, &robust));
	CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
	CHECK_OK(pthread_mutex_consistent(&robust));
	CHECK_OK(pthread_mutex_unlock(&robust));
}

static void *wait_for_child(void *unused)
{
	pid_t child = check_fork();
	if (child == 0) {
		sleep_ms(2);
		_exit(0);
	}
	check_child_succeeds(child);
	return unused;
}

static void work(void)
{
	pthread_t threads[THREADS];
	turn = handled = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(wait_for_child, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(take_turns, (void *)(THREADS - 1 - i));
	for (long i = 0; i < THREADS; i++)
		CHECK(check_join(threads[i]) == (void *)(THREADS - 1 - i));

	int there[2], back[2], sockets[2];
	CHECK_OK(pipe(there));
	CHECK_OK(pipe(back));
	converse(there[0], back[1], back[0], there[1]);
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	converse(sockets[1], sockets[1], sockets[0], sockets[0]);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(close(there[i]));
		CHECK_OK(close(back[i]));
		CHECK_OK(close(sockets[i]));
	}

	sem_t semaphore;
	CHECK_OK(sem_init(&semaphore, 0, 0));
	CHECK(signal(SIGUSR1, handle) != SIG_ERR);
	threads[0] = check_start(wait_on, &semaphore);
	threads[1] = check_start(spin_until_handled, NULL);
	sleep_ms(2);
	CHECK_OK(pthread_kill(threads[0], SIGUSR1));
	CHECK_OK(pthread_kill(threads[1], SIGUSR1));
	check_join(threads[1]);
	CHECK_OK(sem_post(&semaphore));
	check_join(threads[0]);

	threads[0] = check_start(wait_on, &semaphore);
	sleep_ms(1);
	CHECK_OK(pthread_cancel(threads[0]));
	CHECK(check_join(threads[0]) == PTHREAD_CANCELED);
	inherit_mutex();
}

static int is_last;

static void at_exit(void)
{
	if (!is_last)
		_exit(1);
}

static void *outlive_main(void *main_thread)
{
	CHECK_OK(pthread_join((pthread_t)main_thread, NULL));
	/* Another one that ends before the process does. */
	check_join(check_start(take_turns, (void *)(long)turn));
	is_last = 1;
	return NULL;
}

/* main ends, and the process goes on until its last thread ends. */
static void end_by_thread(void)
{
	CHECK_OK(atexit(at_exit));
	CHECK_OK(pthread_detach(check_start(outlive_main, (void *)pthread_self())));
	pthread_exit(NULL);
}

static struct denial {
	int call, error, threads_before;
	pid_t child;
} running[AT_ONCE];

static size_t started;

static void await(struct denial *denial)
{
	int status = 0;
	if (denial->child == 0)
		return;
	CHECK_EQ(waitpid(denial->child, &status, 0), denial->child);
	if (status != 0)
		fprintf(stderr, "call %d, error %d, threads before: %d\n", denial->call, denial->error,
			denial->threads_before);
	CHECK_EQ(status, 0);
	denial->child = 0;
}

static void check_denial(int call, int error, int threads_before)
{
	struct denial *place = &running[started++ % AT_ONCE];
	await(place);
	*place = (struct denial){call, error, threads_before, check_fork()};
	if (place->child != 0)
		return;
	if (threads_before)
		work();
	deny(&call, 1, error);
	work();
	end_by_thread();
}

/* All numbers that the hard limit allows are used up before the first thread, and free afterwards. */
static void without_descriptors(void)
{
	enum { LIMIT = 24 };
	struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = LIMIT};
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	if (geteuid() == 0)
		CHECK_OK(setresuid(65534, 65534, 65534));
	int last = -1;
	for (int fd; (fd = dup(2)) >= 0;)
		last = fd;
	CHECK_EQ(errno, EMFILE);
	pthread_t thread = check_start(take_turns, (void *)0);
	check_join(thread);
	while (last > 2)
		CHECK_OK(close(last--));
	work();
	end_by_thread();
}

int main(void)
{
	/* The first cancellation opens it, for which later loaders need fstat. */
	if (strverscmp(gnu_get_libc_version(), "2.41") >= 0)
		CHECK(dlopen("libgcc_s.so.1", RTLD_NOW) != NULL);
	for (size_t i = 0; i < sizeof denials / sizeof denials[0]; i++)
		for (int j = 0; j < 4 && denials[i].errors[j]; j++)
			for (int before = 0; before < 2; before++)
				check_denial(denials[i].call, denials[i].errors[j], before);
	for (size_t i = 0; i < AT_ONCE; i++)
		await(&running[i]);
	pid_t pid = check_fork();
	if (pid == 0)
		without_descriptors();
	check_child_succeeds(pid);
	return 0;
}
