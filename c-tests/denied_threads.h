/* Processes to which the kernel gives no further threads, and what their threads wait for in the kernel. */
#ifndef DENIED_THREADS_H
#define DENIED_THREADS_H

#include "deny.h"
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { NOBODY = 1000000 };

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

static int events, news[2];

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
static void check_without(int (*refuse)(void), void (*check)(int (*refuse)(void)))
{
	queue = msgget(IPC_PRIVATE, 0666);
	set = semget(IPC_PRIVATE, 1, 0666);
	CHECK(queue >= 0 && set >= 0);
	pid_t pid = check_fork();
	if (pid == 0) {
		make_shared();
		check(refuse);
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_OK(msgctl(queue, IPC_RMID, NULL));
	CHECK_OK(semctl(set, 0, IPC_RMID));
	CHECK_EQ(status, 0);
}

/* `check` holds where further threads are refused by what it is given, which it calls when it has those that it needs: that
 * says whether processes are not refused. */
static void check_without_threads(void (*check)(int (*refuse)(void)))
{
	check_without(filter_threads, check);
	if (geteuid() == 0)
		check_without(limit_tasks, check);
}

#endif
