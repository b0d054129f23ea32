/* More threads in calls that have to block a kernel thread than may do so at once (GREEN_MAX_BLOCKING): all of them
 * are served, also where what one waits for comes from one that is behind all others; signals, cancellation and
 * results are as if each had entered its call. */
#include "check.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

enum { THREADS = 100 };

struct message {
	long type;
	char text;
};

static int queue, semaphores;
static char path[] = "/tmp/green-ceiling-XXXXXX";

/* The last one to come is the first to be served, and lets the one before it be served. */
static void *pass_on(void *number)
{
	struct message message;
	long own = (long)number + 1;
	CHECK_EQ(msgrcv(queue, &message, sizeof message.text, own, 0), 1);
	CHECK_EQ(message.type, own);
	if (own > 1) {
		message.type = own - 1;
		CHECK_OK(msgsnd(queue, &message, sizeof message.text, 0));
	}
	return NULL;
}

static void messages_in_reverse(void)
{
	pthread_t threads[THREADS];
	struct message first = {.type = THREADS};
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(pass_on, (void *)i);
	sleep_ms(5);
	CHECK_OK(msgsnd(queue, &first, sizeof first.text, 0));
	for (long i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static int inside;

static void *lock_file(void *number)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int by_range = (long)number % 2;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	/* Both, so that all exclude all. */
	CHECK_OK(flock(fd, LOCK_EX));
	if (by_range)
		CHECK_OK(fcntl(fd, F_OFD_SETLKW, &whole));
	else
		CHECK_OK(fsync(fd));
	CHECK_EQ(inside++, 0);
	sched_yield();
	CHECK_EQ(--inside, 0);
	CHECK_OK(close(fd));
	return NULL;
}

static void files(void)
{
	pthread_t threads[THREADS];
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(lock_file, (void *)i);
	for (long i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static void *down(void *unused)
{
	struct sembuf operation = {.sem_op = -1};
	CHECK_OK(semop(semaphores, &operation, 1));
	return unused;
}

static volatile sig_atomic_t handled;

static void handle(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void *is_interrupted(void *unused)
{
	struct message message;
	CHECK_ERRNO(msgrcv(queue, &message, sizeof message.text, 1, 0), EINTR);
	return unused;
}

static void *is_cancelled(void *unused)
{
	struct message message;
	msgrcv(queue, &message, sizeof message.text, 1, 0);
	return unused;
}

/* While as many as may are blocked. */
static void behind_others(void)
{
	pthread_t threads[THREADS];
	struct sigaction action = {.sa_handler = handle};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(down, NULL);
	for (int i = 0; i < 3; i++) {
		pthread_t cancelled = check_start(is_cancelled, NULL);
		sleep_ms(i);
		CHECK_OK(pthread_cancel(cancelled));
		CHECK(check_join(cancelled) == PTHREAD_CANCELED);
	}
	pthread_t interrupted = check_start(is_interrupted, NULL);
	handled = 0;
	/* until the handler has met the call, and not what is before it */
	while (pthread_tryjoin_np(interrupted, NULL) == EBUSY) {
		pthread_kill(interrupted, SIGUSR1);
		sleep_ms(1);
	}
	CHECK(handled > 0);
	/* What can be had at once is not waited for. */
	struct message message = {.type = 1};
	CHECK_OK(msgsnd(queue, &message, sizeof message.text, 0));
	CHECK_EQ(msgrcv(queue, &message, sizeof message.text, 1, 0), 1);
	CHECK_ERRNO(msgrcv(queue, &message, sizeof message.text, 1, IPC_NOWAIT), ENOMSG);
	struct sembuf up = {.sem_op = THREADS};
	CHECK_OK(semop(semaphores, &up, 1));
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static int begun;

/* Who waited for a queue that is removed learns so. */
static void *finds_it_removed(void *unused)
{
	struct sembuf operation = {.sem_op = -1};
	__atomic_add_fetch(&begun, 1, __ATOMIC_RELAXED);
	CHECK_EQ(semop(semaphores, &operation, 1), -1);
	CHECK(errno == EIDRM || errno == EINVAL);
	return unused;
}

/* A child of a process in which others queue begins anew. */
static void in_child_of_a_crowd(void)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(finds_it_removed, NULL);
	/* AddressSanitizer's allocator is not to be forked while a thread begins: its locks would stay taken. */
	while (__atomic_load_n(&begun, __ATOMIC_RELAXED) < THREADS)
		sleep_ms(1);
	sleep_ms(2);
	pid_t pid = check_fork();
	if (pid == 0) {
		files();
		_exit(0);
	}
	check_child_succeeds(pid);
	CHECK_OK(semctl(semaphores, 0, IPC_RMID));
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		CHECK_OK(setenv("GREEN_MAX_BLOCKING", "8", 1));
		execl("/proc/self/exe", argv[0], "again", (char *)NULL);
		CHECK(0);
	}
	queue = msgget(IPC_PRIVATE, 0600);
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	int fd = mkstemp(path);
	CHECK(queue >= 0 && semaphores >= 0 && fd >= 0);
	messages_in_reverse();
	files();
	behind_others();
	in_child_of_a_crowd();
	CHECK_OK(msgctl(queue, IPC_RMID, NULL));
	CHECK_OK(unlink(path));
	return 0;
}
