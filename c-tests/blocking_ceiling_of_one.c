/* One kernel thread may be blocked at once (GREEN_MAX_BLOCKING). Each call that needs one still ends: where a thread
 * of this process holds what it waits for, and has to queue itself before it lets go; where another process does; by a
 * handler or a request for cancellation while it queues. Who asks not to wait does not, and who comes where one waits
 * for long is let in soon. */
#include "check.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

enum { WAITERS = 5, LOOKS = 10, SOON_MS = 40 };

struct message {
	long type;
	char text[4096];
};

static char path[] = "/tmp/green-ceiling-XXXXXX";
/* `full` takes no further message, `queue` has none. */
static int queue, full, semaphores;

static int open_file(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static int lock_whole(int fd, int command, short type)
{
	struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
	return fcntl(fd, command, &whole);
}

static int operate(short number, short change, short flags)
{
	struct sembuf operation = {.sem_num = number, .sem_op = change, .sem_flg = flags};
	return semop(semaphores, &operation, 1);
}

/* How to wait for something, and how whoever holds it lets go. A record lock by F_SETLKW or lockf is the process's,
 * so none of its threads waits for it. */
struct family {
	void (*hold)(int fd);
	int (*wait)(int fd);
	void (*let_go)(int fd);
	int by_process, is_point;
};

static void hold_flock(int fd) { CHECK_OK(flock(fd, LOCK_EX)); }
static int wait_flock(int fd) { return flock(fd, LOCK_SH); }
static void let_go_flock(int fd) { CHECK_OK(flock(fd, LOCK_UN)); }

static void hold_record(int fd) { CHECK_OK(lock_whole(fd, F_SETLKW, F_WRLCK)); }
static int wait_record(int fd) { return lock_whole(fd, F_SETLKW, F_RDLCK); }
static int wait_lockf(int fd) { return lockf(fd, F_LOCK, 0); }
static void let_go_record(int fd) { CHECK_OK(lock_whole(fd, F_SETLKW, F_UNLCK)); }

static void hold_description(int fd) { CHECK_OK(lock_whole(fd, F_OFD_SETLKW, F_WRLCK)); }
static int wait_description(int fd) { return lock_whole(fd, F_OFD_SETLKW, F_RDLCK); }
static void let_go_description(int fd) { CHECK_OK(lock_whole(fd, F_OFD_SETLKW, F_UNLCK)); }

static void hold_nothing(int fd) { (void)fd; }

static int wait_semaphore(int fd)
{
	(void)fd;
	return operate(0, -1, 0);
}
static void let_go_semaphore(int fd)
{
	(void)fd;
	CHECK_OK(operate(0, WAITERS, 0));
}

static int wait_message(int fd)
{
	struct message message;
	(void)fd;
	return msgrcv(queue, &message, 1, 1, 0) == -1 ? -1 : 0;
}
static void let_go_message(int fd)
{
	struct message message = {.type = 1};
	(void)fd;
	for (int i = 0; i < WAITERS; i++)
		CHECK_OK(msgsnd(queue, &message, 1, 0));
}

static int wait_room(int fd)
{
	struct message message = {.type = 1};
	(void)fd;
	return msgsnd(full, &message, sizeof message.text, 0);
}
static void let_go_room(int fd)
{
	struct message message;
	(void)fd;
	for (int i = 0; i < WAITERS; i++)
		CHECK_EQ(msgrcv(full, &message, sizeof message.text, 0, 0), sizeof message.text);
}

static const struct family families[] = {
	{hold_flock, wait_flock, let_go_flock, 0, 0},
	{hold_record, wait_record, let_go_record, 1, 1},
	{hold_record, wait_lockf, let_go_record, 1, 1},
	{hold_description, wait_description, let_go_description, 0, 1},
	{hold_nothing, wait_semaphore, let_go_semaphore, 0, 0},
	{hold_nothing, wait_message, let_go_message, 0, 1},
	{hold_nothing, wait_room, let_go_room, 0, 1},
};

static const struct family *family;

static void *be_served(void *unused)
{
	int fd = open_file();
	CHECK_OK(family->wait(fd));
	CHECK_OK(close(fd));
	return unused;
}

static void serve(void (*let_go)(void *), void *holder)
{
	pthread_t waiters[WAITERS];
	for (int i = 0; i < WAITERS; i++)
		waiters[i] = check_start(be_served, NULL);
	sleep_ms(2);
	let_go(holder);
	for (int i = 0; i < WAITERS; i++)
		check_join(waiters[i]);
}

/* It comes behind the waiters with a call that has to queue, and only then lets go. */
static void sync_and_let_go(void *fd)
{
	CHECK_OK(fsync(*(int *)fd));
	family->let_go(*(int *)fd);
}

static void held_by_a_thread(void)
{
	int fd = open_file();
	family->hold(fd);
	serve(sync_and_let_go, &fd);
	CHECK_OK(close(fd));
}

static void tell(void *pipe_end)
{
	CHECK_EQ(write(*(int *)pipe_end, "", 1), 1);
}

static void held_by_a_process(void)
{
	int held[2], let_go[2];
	char byte;
	CHECK_OK(pipe(held) | pipe(let_go));
	pid_t child = check_fork();
	if (child == 0) {
		int fd = open_file();
		family->hold(fd);
		tell(&held[1]);
		CHECK_EQ(read(let_go[0], &byte, 1), 1);
		family->let_go(fd);
		_exit(0);
	}
	CHECK_EQ(read(held[0], &byte, 1), 1);
	serve(tell, &let_go[1]);
	check_child_succeeds(child);
	for (int i = 0; i < 2; i++)
		CHECK_OK(close(held[i]) | close(let_go[i]));
}

/* In the kernel, as the only one that may be, until `release_first`. */
static void *be_first(void *unused)
{
	CHECK_OK(operate(1, -1, 0));
	return unused;
}

static void release_first(void) { CHECK_OK(operate(1, 1, 0)); }

static int handled;

static void handle(int number)
{
	(void)number;
	__atomic_store_n(&handled, 1, __ATOMIC_RELAXED);
}

static void *be_interrupted(void *unused)
{
	int fd = open_file();
	CHECK_ERRNO(family->wait(fd), EINTR);
	CHECK_OK(close(fd));
	return unused;
}

static void *be_cancelled(void *unused)
{
	int fd = open_file();
	family->wait(fd);
	CHECK(0);
	return unused;
}

/* What they wait for is held by this process's parent. */
static void end_in_the_queue(void)
{
	pthread_t first = check_start(be_first, NULL);
	sleep_ms(1);
	pthread_t interrupted = check_start(be_interrupted, NULL);
	while (pthread_tryjoin_np(interrupted, NULL) == EBUSY) {
		pthread_kill(interrupted, SIGUSR1);
		sleep_ms(1);
	}
	if (family->is_point) {
		pthread_t cancelled = check_start(be_cancelled, NULL);
		sleep_ms(1);
		CHECK_OK(pthread_cancel(cancelled));
		CHECK(check_join(cancelled) == PTHREAD_CANCELED);
	}
	release_first();
	check_join(first);
}

static void ended_in_the_queue(void)
{
	int fd = open_file();
	family->hold(fd);
	pid_t child = check_fork();
	if (child == 0) {
		end_in_the_queue();
		_exit(0);
	}
	check_child_succeeds(child);
	if (family->hold != hold_nothing)
		family->let_go(fd);
	CHECK_OK(close(fd));
}

static int held_file, other_file;

static void sync_file(void) { CHECK_OK(fsync(held_file)); }
static void look_at_flock(void) { CHECK_ERRNO(flock(other_file, LOCK_SH | LOCK_NB), EWOULDBLOCK); }
static void look_at_record(void) { CHECK_ERRNO(lock_whole(other_file, F_OFD_SETLK, F_RDLCK), EAGAIN); }
static void look_at_semaphore(void) { CHECK_ERRNO(operate(0, -1, IPC_NOWAIT), EAGAIN); }
static void look_at_queue(void)
{
	struct message message;
	CHECK_ERRNO(msgrcv(queue, &message, 1, 1, IPC_NOWAIT), ENOMSG);
}

static void (*const looks[])(void) = {look_at_flock, look_at_record, look_at_semaphore, look_at_queue, sync_file};

/* The quickest of several, so that a busy machine does not matter. */
static void *come_beside_one(void *unused)
{
	for (size_t kind = 0; kind < sizeof looks / sizeof *looks; kind++) {
		long quickest = SOON_MS;
		for (int i = 0; i < LOOKS; i++) {
			long start = monotonic_ms();
			looks[kind]();
			long took = monotonic_ms() - start;
			quickest = took < quickest ? took : quickest;
			sleep_ms(10);
		}
		CHECK(quickest < SOON_MS);
	}
	return unused;
}

static void beside_one_that_waits_long(void)
{
	held_file = open_file();
	other_file = open_file();
	hold_flock(held_file);
	hold_description(held_file);
	pthread_t first = check_start(be_first, NULL);
	sleep_ms(5);
	check_join(check_start(come_beside_one, NULL));
	release_first();
	check_join(first);
	CHECK_OK(close(held_file) | close(other_file));
}

static void fill_queue(void)
{
	struct message message = {.type = 1};
	while (msgsnd(full, &message, sizeof message.text, IPC_NOWAIT) == 0) {
	}
	CHECK_EQ(errno, EAGAIN);
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		CHECK_OK(setenv("GREEN_MAX_BLOCKING", "1", 1));
		execl("/proc/self/exe", argv[0], "again", (char *)NULL);
		CHECK(0);
	}
	queue = msgget(IPC_PRIVATE, 0600);
	full = msgget(IPC_PRIVATE, 0600);
	semaphores = semget(IPC_PRIVATE, 2, 0600);
	int fd = mkstemp(path);
	CHECK(queue >= 0 && full >= 0 && semaphores >= 0 && fd >= 0);
	CHECK_OK(close(fd));
	struct sigaction action = {.sa_handler = handle};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	fill_queue();
	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		family = &families[i];
		if (!family->by_process)
			held_by_a_thread();
		held_by_a_process();
		ended_in_the_queue();
	}
	beside_one_that_waits_long();
	CHECK_OK(msgctl(queue, IPC_RMID, NULL) | msgctl(full, IPC_RMID, NULL) | semctl(semaphores, 0, IPC_RMID));
	CHECK_OK(unlink(path));
	return 0;
}
