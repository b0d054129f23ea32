/* When no further kernel thread is to be had, because of a filter of system calls or of the limit on tasks, threads that are
 * there already go on as natively: who waits for a lock between processes, a child or a message holds up nobody, not
 * even the one he waits for. */
#include "denied_threads.h"
#include <linux/futex.h>
#include <sys/file.h>

enum { TURNS = 4 };

/* Two threads that take turns at one call each: the first waits in the kernel until the second has done what it is woken
 * for, and the second begins when the first is about to wait. */
struct pair {
	void (*prepare)(void);
	void (*wait)(void);
	void (*wake)(void);
	const char *name;
};

static sem_t begun, ended, prepared;
static const struct pair *pair;

static void *waiter(void *unused)
{
	for (;;) {
		check_await(&begun);
		if (!pair)
			return unused;
		pair->wait();
		CHECK_OK(sem_post(&ended));
	}
}

static void *waker(void *unused)
{
	for (;;) {
		check_await(&prepared);
		if (!pair)
			return unused;
		if (pair->prepare)
			pair->prepare();
		CHECK_OK(sem_post(&begun));
		/* Most often he waits by now; it has to work either way. */
		sleep_ms(3);
		pair->wake();
		CHECK_OK(sem_post(&ended));
	}
}

static void lock_file(void) { CHECK_OK(flock(file, LOCK_EX)); }
static void unlock_file(void) { CHECK_OK(flock(file, LOCK_UN)); }
static void lock_other(void)
{
	CHECK_OK(flock(other_file, LOCK_EX));
	CHECK_OK(flock(other_file, LOCK_UN));
}

static void lock_record(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	CHECK_OK(fcntl(file, F_OFD_SETLK, &lock));
}

static void unlock_record(void)
{
	struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_len = 1};
	CHECK_OK(fcntl(file, F_OFD_SETLK, &lock));
}

static void await_record(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	CHECK_OK(fcntl(other_file, F_OFD_SETLKW, &lock));
	lock.l_type = F_UNLCK;
	CHECK_OK(fcntl(other_file, F_OFD_SETLK, &lock));
}

static void receive_message(void)
{
	struct msgbuf message;
	CHECK_EQ(msgrcv(queue, &message, 0, 0, 0), 0);
}

static void send_message(void)
{
	struct msgbuf message = {.mtype = 1};
	CHECK_OK(msgsnd(queue, &message, 0, 0));
}

static void take_unit(void)
{
	struct sembuf operation = {.sem_op = -1};
	CHECK_OK(semop(set, &operation, 1));
}

static void give_unit(void)
{
	struct sembuf operation = {.sem_op = 1};
	CHECK_OK(semop(set, &operation, 1));
}

/* What it is given is enough for the operation that waits, and then the next one may not. */
static void take_two_or_none(void)
{
	struct sembuf operations[] = {{.sem_op = -1}, {.sem_op = -1, .sem_flg = IPC_NOWAIT}};
	CHECK_ERRNO(semop(set, operations, 2), EAGAIN);
	take_unit();
}

static pid_t child;
static int child_pipe[2];

static void make_child(void)
{
	CHECK_OK(pipe(child_pipe));
	child = fork();
	if (child == 0) {
		char byte;
		setpgid(0, 0);
		close(child_pipe[1]);
		_exit((int)read(child_pipe[0], &byte, 1));
	}
	CHECK(child > 0);
	setpgid(child, child);
	CHECK_OK(close(child_pipe[0]));
}

static void end_child(void) { CHECK_OK(close(child_pipe[1])); }

static void await_child(void)
{
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

static void await_group(void)
{
	int status;
	CHECK_EQ(waitpid(-child, &status, 0), child);
	CHECK_EQ(status, 0);
}

static void await_semaphore(void) { check_await(&shared->semaphore); }
static void post_semaphore(void) { CHECK_OK(sem_post(&shared->semaphore)); }

static void lock_mutex(void) { CHECK_OK(pthread_mutex_lock(&shared->mutex)); }
static void unlock_mutex(void) { CHECK_OK(pthread_mutex_unlock(&shared->mutex)); }
static void await_mutex(void)
{
	CHECK_OK(pthread_mutex_lock(&shared->mutex));
	CHECK_OK(pthread_mutex_unlock(&shared->mutex));
}

static void lock_checking(void) { CHECK_OK(pthread_mutex_lock(&shared->checking)); }
static void unlock_checking(void)
{
	CHECK_EQ(pthread_mutex_lock(&shared->checking), EDEADLK);
	CHECK_OK(pthread_mutex_unlock(&shared->checking));
}
static void await_checking(void)
{
	struct timespec never = {.tv_sec = time(NULL) + 1000};
	CHECK_OK(pthread_mutex_timedlock(&shared->checking, &never));
	CHECK_OK(pthread_mutex_unlock(&shared->checking));
}

static void lock_to_write(void) { CHECK_OK(pthread_rwlock_wrlock(&shared->rwlock)); }
static void unlock_rwlock(void) { CHECK_OK(pthread_rwlock_unlock(&shared->rwlock)); }
static void await_to_read(void)
{
	CHECK_OK(pthread_rwlock_rdlock(&shared->rwlock));
	CHECK_OK(pthread_rwlock_unlock(&shared->rwlock));
}

static void clear_flag(void) { __atomic_store_n(&shared->flag, 0, __ATOMIC_RELAXED); }
static void raise_flag(void)
{
	CHECK_OK(pthread_mutex_lock(&shared->mutex));
	shared->flag = 1;
	CHECK_OK(pthread_cond_signal(&shared->condition));
	CHECK_OK(pthread_mutex_unlock(&shared->mutex));
}
static void await_flag(void)
{
	CHECK_OK(pthread_mutex_lock(&shared->mutex));
	while (!shared->flag)
		CHECK_OK(pthread_cond_wait(&shared->condition, &shared->mutex));
	CHECK_OK(pthread_mutex_unlock(&shared->mutex));
}

static void clear_word(void) { __atomic_store_n(&shared->word, 0, __ATOMIC_RELAXED); }
static void change_word(void)
{
	__atomic_store_n(&shared->word, 1, __ATOMIC_RELEASE);
	CHECK(syscall(SYS_futex, &shared->word, FUTEX_WAKE, 1, NULL, NULL, 0) >= 0);
}
static void await_word(void)
{
	while (__atomic_load_n(&shared->word, __ATOMIC_ACQUIRE) == 0)
		CHECK(syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 || errno == EAGAIN);
}

/* FUTEX2_SIZE_U32, as far as the kernel has these calls. */
enum { FUTEX_WAIT_BY_MASK = 455, SHARED_U32 = 2 };
static void await_word_by_mask(void)
{
	while (__atomic_load_n(&shared->word, __ATOMIC_ACQUIRE) == 0)
		CHECK(syscall(FUTEX_WAIT_BY_MASK, &shared->word, 0UL, 1UL, SHARED_U32, NULL, 0) == 0 ||
		      errno == EAGAIN || errno == ENOSYS);
}
static void await_one_of_two(void)
{
	static unsigned own;
	struct futex_waitv words[2] = {{0, (unsigned long)&own, SHARED_U32 | FUTEX_PRIVATE_FLAG, 0},
				       {0, (unsigned long)&shared->word, SHARED_U32, 0}};
	while (__atomic_load_n(&shared->word, __ATOMIC_ACQUIRE) == 0)
		CHECK(syscall(SYS_futex_waitv, words, 2, 0, NULL, 0) >= 0 || errno == EAGAIN || errno == ENOSYS);
}

static void await_events(void)
{
	struct epoll_event event;
	char byte;
	CHECK_EQ(epoll_wait(events, &event, 1, -1), 1);
	CHECK_EQ(read(news[0], &byte, 1), 1);
}
static void make_event(void) { CHECK_EQ(write(news[1], "", 1), 1); }

static const struct pair pairs[] = {
	{lock_file, lock_other, unlock_file, "flock"},
	{lock_record, await_record, unlock_record, "F_OFD_SETLKW"},
	{NULL, receive_message, send_message, "msgrcv"},
	{NULL, take_unit, give_unit, "semop"},
	{NULL, take_two_or_none, give_unit, "semop that may wait in part"},
	{make_child, await_child, end_child, "waitpid"},
	{make_child, await_group, end_child, "waitpid of a group"},
	{NULL, await_semaphore, post_semaphore, "sem_wait"},
	{lock_mutex, await_mutex, unlock_mutex, "mutex"},
	{lock_checking, await_checking, unlock_checking, "checking mutex"},
	{lock_to_write, await_to_read, unlock_rwlock, "rwlock"},
	{clear_flag, await_flag, raise_flag, "condition"},
	{clear_word, await_word, change_word, "futex"},
	{clear_word, await_word_by_mask, change_word, "futex_wait"},
	{clear_word, await_one_of_two, change_word, "futex_waitv"},
	{NULL, await_events, make_event, "epoll_wait"},
};

static void go_on_without(int (*refuse)(void))
{
	sem_t *const semaphores[] = {&begun, &ended, &prepared};
	for (size_t i = 0; i < sizeof semaphores / sizeof semaphores[0]; i++)
		CHECK_OK(sem_init(semaphores[i], 0, 0));
	pthread_t threads[] = {check_start(waiter, NULL), check_start(waker, NULL)};
	int may_fork = refuse();
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		if (pairs[i].prepare == make_child && !may_fork)
			continue;
		pair = &pairs[i];
		for (int turn = 0; turn < TURNS; turn++) {
			CHECK_OK(sem_post(&prepared));
			check_await(&ended);
			check_await(&ended);
		}
	}
	pair = NULL;
	CHECK_OK(sem_post(&begun));
	CHECK_OK(sem_post(&prepared));
	check_join(threads[0]);
	check_join(threads[1]);
}

int main(void)
{
	check_without_threads(go_on_without);
	return 0;
}
