/* When no further kernel thread is to be had waits in the kernel end as natively: by handlers, by requests for cancellation,
 * by their time, and at once where the caller asks for that. */
#include "denied_threads.h"
#include <sys/file.h>

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

static void end_without(int (*refuse)(void))
{
	CHECK_OK(sem_init(&go, 0, 0));
	CHECK_OK(sem_init(&in_call, 0, 0));
	interrupted = check_start(after_that, be_interrupted);
	cancelled = check_start(after_that, be_cancelled);
	refuse();
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
}

int main(void)
{
	check_without_threads(end_without);
	return 0;
}
