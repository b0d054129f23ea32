/* Locks, semaphores and queues that processes share: they have no form that is ready or not. */
#include "blocked.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

static int id;

static void remove_queue(void)
{
	msgctl(id, IPC_RMID, NULL);
}

static void make_queue(int threads)
{
	(void)threads;
	id = msgget(IPC_PRIVATE, 0600);
	MUST(id >= 0);
	atexit(remove_queue);
}

static void block_msgrcv(int i)
{
	struct {
		long type;
		char text[8];
	} got;
	(void)i;
	MUST(msgrcv(id, &got, sizeof got.text, 0, 0) == 1);
}

static void send_messages(int threads)
{
	struct {
		long type;
		char text[8];
	} message = {.type = 1};
	for (int i = 0; i < threads; i++)
		MUST(msgsnd(id, &message, 1, 0) == 0);
}

static void remove_semaphore(void)
{
	semctl(id, 0, IPC_RMID);
}

static void make_semaphore(int threads)
{
	(void)threads;
	id = semget(IPC_PRIVATE, 1, 0600);
	MUST(id >= 0);
	atexit(remove_semaphore);
}

static void block_semop(int i)
{
	struct sembuf down = {.sem_op = -1};
	(void)i;
	MUST(semop(id, &down, 1) == 0);
}

static void raise_semaphore(int threads)
{
	struct sembuf up = {.sem_op = (short)threads};
	MUST(semop(id, &up, 1) == 0);
}

/* Each thread has opened the file itself; so has the process that holds the lock. */
static char path[] = "/tmp/green-blocked-XXXXXX";
static int held;

static void make_lock_files(int threads)
{
	int made = mkstemp(path);
	MUST(made >= 0);
	for (int i = 0; i < threads; i++) {
		ends[i][0] = open(path, O_RDWR | O_CLOEXEC);
		MUST(ends[i][0] >= 0);
	}
}

static void open_lock_file(void)
{
	held = open(path, O_RDWR | O_CLOEXEC);
	MUST(held >= 0 && unlink(path) == 0);
}

static void hold_flock(int threads)
{
	(void)threads;
	open_lock_file();
	MUST(flock(held, LOCK_EX) == 0);
}

static void block_flock(int i)
{
	MUST(flock(ends[i][0], LOCK_SH) == 0);
}

static void release_flock(int threads)
{
	(void)threads;
	MUST(flock(held, LOCK_UN) == 0);
}

static void hold_record(int threads)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	(void)threads;
	open_lock_file();
	MUST(fcntl(held, F_SETLKW, &whole) == 0);
}

static void block_record(int i)
{
	struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	MUST(fcntl(ends[i][0], F_SETLKW, &whole) == 0);
}

static void block_open_record(int i)
{
	struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	MUST(fcntl(ends[i][0], F_OFD_SETLKW, &whole) == 0);
}

static void release_record(int threads)
{
	struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
	(void)threads;
	MUST(fcntl(held, F_SETLKW, &whole) == 0);
}

static struct {
	sem_t semaphore;
	pthread_mutex_t mutex;
} *common;

static void make_common(int threads)
{
	pthread_mutexattr_t attributes;
	(void)threads;
	common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(common != MAP_FAILED && sem_init(&common->semaphore, 1, 0) == 0);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	MUST(pthread_mutex_init(&common->mutex, &attributes) == 0);
}

static void block_semaphore(int i)
{
	(void)i;
	MUST(sem_wait(&common->semaphore) == 0);
}

static void post_semaphore(int threads)
{
	for (int i = 0; i < threads; i++)
		MUST(sem_post(&common->semaphore) == 0);
}

static void hold_mutex(int threads)
{
	(void)threads;
	MUST(pthread_mutex_lock(&common->mutex) == 0);
}

static void block_mutex(int i)
{
	(void)i;
	MUST(pthread_mutex_lock(&common->mutex) == 0 && pthread_mutex_unlock(&common->mutex) == 0);
}

static void release_mutex(int threads)
{
	(void)threads;
	MUST(pthread_mutex_unlock(&common->mutex) == 0);
}

const struct call ipc_calls[] = {
    {.name = "msgrcv", make_queue, block_msgrcv, .release = send_messages},
    {.name = "semop", make_semaphore, block_semop, .release = raise_semaphore},
    {.name = "flock", make_lock_files, block_flock, hold_flock, release_flock},
    {.name = "fcntl(F_SETLKW)", make_lock_files, block_record, hold_record, release_record},
    {.name = "fcntl(F_OFD_SETLKW)", make_lock_files, block_open_record, hold_record, release_record},
    {.name = "sem_wait, shared", make_common, block_semaphore, .release = post_semaphore},
    {.name = "pthread_mutex_lock, shared", make_common, block_mutex, hold_mutex, release_mutex},
    {.name = NULL},
};
