/* When no further kernel thread is to be had, because of a filter of system calls or of the limit on tasks, threads that are
 * there already go on as natively: who waits for a lock between processes, a child or a message holds up nobody, not
 * even the one he waits for. */
#include "deny.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { NOBODY = 1000000, TURNS = 4 };

/* What is shared between processes, though here only threads use it. */
struct shared {
	pthread_mutex_t mutex, checking, robust;
	pthread_rwlock_t rwlock;
	pthread_cond_t condition;
	sem_t semaphore;
	unsigned word;
	int flag;
};

static struct shared *shared;
static int file, other_file, queue, set;

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

static int events, news[2];
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

static void handle(int unused) { (void)unused; }

static sem_t in_call;

static void *be_interrupted(void *unused)
{
	struct sembuf operation = {.sem_op = -1};
	CHECK_OK(sem_post(&in_call));
	CHECK_ERRNO(semop(set, &operation, 1), EINTR);
	return unused;
}

static void *be_cancelled(void *unused)
{
	CHECK_OK(sem_post(&in_call));
	sem_wait(&shared->semaphore);
	return unused;
}

/* Started before; they wait until the kernel refuses further ones. */
static pthread_t interrupted, cancelled;
static sem_t go;

static void *after_that(void *what)
{
	check_await(&go);
	return ((void *(*)(void *))what)(NULL);
}

static void make_shared(void)
{
	pthread_mutexattr_t mutex;
	pthread_rwlockattr_t rwlock;
	pthread_condattr_t condition;
	char name[] = "/tmp/denied_threads.XXXXXX";
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	CHECK_OK(pthread_mutexattr_init(&mutex));
	CHECK_OK(pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_mutex_init(&shared->mutex, &mutex));
	CHECK_OK(pthread_mutexattr_settype(&mutex, PTHREAD_MUTEX_ERRORCHECK));
	CHECK_OK(pthread_mutex_init(&shared->checking, &mutex));
	CHECK_OK(pthread_rwlockattr_init(&rwlock));
	CHECK_OK(pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_rwlock_init(&shared->rwlock, &rwlock));
	CHECK_OK(pthread_condattr_init(&condition));
	CHECK_OK(pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_cond_init(&shared->condition, &condition));
	CHECK_OK(sem_init(&shared->semaphore, 1, 0));
	file = mkstemp(name);
	CHECK(file >= 0);
	other_file = open(name, O_RDWR);
	CHECK(other_file >= 0);
	CHECK_OK(unlink(name));
	CHECK_OK(pipe(news));
	events = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	CHECK_OK(epoll_ctl(events, EPOLL_CTL_ADD, news[0], &event));
}

/* `refuse` says whether processes are not refused. */
static void go_on_without(int (*refuse)(void))
{
	sem_t *const semaphores[] = {&begun, &ended, &prepared, &go, &in_call};
	for (size_t i = 0; i < sizeof semaphores / sizeof semaphores[0]; i++)
		CHECK_OK(sem_init(semaphores[i], 0, 0));
	make_shared();
	pthread_t threads[] = {check_start(waiter, NULL), check_start(waker, NULL)};
	interrupted = check_start(after_that, be_interrupted);
	cancelled = check_start(after_that, be_cancelled);
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
	/* Handlers and requests end such a call. */
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sem_post(&go));
	CHECK_OK(sem_post(&go));
	check_await(&in_call);
	check_await(&in_call);
	CHECK_OK(pthread_cancel(cancelled));
	/* until the handler has met the call, and not what is before it */
	while (pthread_tryjoin_np(interrupted, NULL) == EBUSY) {
		CHECK_OK(pthread_kill(interrupted, SIGUSR1));
		sleep_ms(1);
	}
	CHECK(check_join(cancelled) == PTHREAD_CANCELED);
	/* So does the time. */
	struct timespec soon;
	clock_gettime(CLOCK_REALTIME, &soon);
	CHECK_OK(pthread_mutex_lock(&shared->mutex));
	CHECK_EQ(pthread_mutex_timedlock(&shared->mutex, &soon), ETIMEDOUT);
	CHECK_EQ(pthread_cond_timedwait(&shared->condition, &shared->mutex, &soon), ETIMEDOUT);
	CHECK_OK(pthread_mutex_unlock(&shared->mutex));
	CHECK_ERRNO(sem_timedwait(&shared->semaphore, &soon), ETIMEDOUT);
	struct sembuf take = {.sem_op = -1};
	struct timespec moment = {.tv_nsec = NS_PER_MS};
	CHECK_ERRNO(semtimedop(set, &take, 1, &moment), EAGAIN);
	/* Who asks not to wait does not. */
	struct sembuf look = {.sem_op = -1, .sem_flg = IPC_NOWAIT};
	CHECK_ERRNO(semop(set, &look, 1), EAGAIN);
	struct sembuf looks_first[] = {look, take}, waits_first[] = {{.sem_op = 0}, look};
	CHECK_ERRNO(semop(set, looks_first, 2), EAGAIN);
	CHECK_ERRNO(semtimedop(set, waits_first, 2, NULL), EAGAIN);
	CHECK_OK(flock(file, LOCK_EX));
	CHECK_ERRNO(flock(other_file, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(flock(file, LOCK_UN));

	pair = NULL;
	CHECK_OK(sem_post(&begun));
	CHECK_OK(sem_post(&prepared));
	check_join(threads[0]);
	check_join(threads[1]);
}

/* What starts threads fails, what starts processes does not: glibc forks by clone, too, without CLONE_THREAD. */
static int filter_threads(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x10000 /* CLONE_THREAD */, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
	CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_OK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter));
	return 1;
}

/* The limit counts all tasks of the user, so that processes are refused, too. */
static int limit_tasks(void)
{
	struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};
	uid_t user = NOBODY + (uid_t)getpid();
	CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
	CHECK_OK(setresuid(user, user, user));
	return 0;
}

/* In a process of its own; its System V objects are removed here. */
static void check_without(int (*refuse)(void))
{
	queue = msgget(IPC_PRIVATE, 0666);
	set = semget(IPC_PRIVATE, 1, 0666);
	CHECK(queue >= 0 && set >= 0);
	pid_t pid = check_fork();
	if (pid == 0) {
		go_on_without(refuse);
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_OK(msgctl(queue, IPC_RMID, NULL));
	CHECK_OK(semctl(set, 0, IPC_RMID));
	CHECK_EQ(status, 0);
}

int main(void)
{
	check_without(filter_threads);
	if (geteuid() == 0)
		check_without(limit_tasks);
	return 0;
}
