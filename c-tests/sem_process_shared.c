/* Semaphores between processes, in shared memory and by name, wake waiters in any thread of either side. */
#include "check.h"
#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>

enum { THREADS = 4, ROUNDS = 200 };

static sem_t *ping, *pong;

static void *serve(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(sem_wait(ping));
		CHECK_OK(sem_post(pong));
	}
	return unused;
}

static void *ask(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(sem_post(ping));
		CHECK_OK(sem_wait(pong));
	}
	return unused;
}

static void run(void *(*routine)(void *))
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(routine, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static void ping_pong(void)
{
	pid_t pid = check_fork();
	run(pid ? ask : serve);
	if (pid == 0)
		_exit(0);
	check_child_succeeds(pid);
	CHECK_ERRNO(sem_trywait(ping), EAGAIN);
	CHECK_ERRNO(sem_trywait(pong), EAGAIN);
}

static sem_t *open_named(const char *suffix)
{
	char name[64];
	snprintf(name, sizeof name, "/libgreen-test-%d-%s", (int)getpid(), suffix);
	CHECK(sem_open(name, 0) == SEM_FAILED && errno == ENOENT);
	sem_t *semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
	CHECK(semaphore != SEM_FAILED);
	CHECK(sem_open(name, O_CREAT | O_EXCL, 0600, 0) == SEM_FAILED && errno == EEXIST);
	/* The same name in one process is the same object. */
	CHECK(sem_open(name, 0) == semaphore);
	CHECK_OK(sem_close(semaphore));
	CHECK_OK(sem_unlink(name));
	CHECK_ERRNO(sem_unlink(name), ENOENT);
	return semaphore;
}

int main(void)
{
	sem_t *shared = mmap(NULL, 2 * sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	ping = &shared[0];
	pong = &shared[1];
	CHECK_OK(sem_init(ping, 1, 0));
	CHECK_OK(sem_init(pong, 1, 0));
	ping_pong();

	ping = open_named("ping");
	pong = open_named("pong");
	ping_pong();
	struct timespec deadline = in_ms(CLOCK_REALTIME, 20);
	CHECK_ERRNO(sem_timedwait(ping, &deadline), ETIMEDOUT);
	CHECK_OK(sem_close(ping));
	CHECK_OK(sem_close(pong));
	return 0;
}
