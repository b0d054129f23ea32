/* fork, from the main thread and from others: the child is the calling thread alone, and creates threads, locks
 * and does socket I/O like any process, while the parent goes on; children fork again. */
#include "net.h"

enum { THREADS = 8, FORKERS = 6, FORKS = 5 };

static __thread int own_variable;
static int go_on = 1;

static void *echo_once(void *descriptor)
{
	char text[6];
	CHECK_EQ(own_variable, 0);
	own_variable = 5;
	read_exactly((int)(long)descriptor, text, sizeof text);
	write_exactly((int)(long)descriptor, text, sizeof text);
	sched_yield();
	CHECK_EQ(own_variable, 5);
	return NULL;
}

/* Something of everything: threads, blocking I/O both ways, locks, sleeping. */
static void use_threads(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_t threads[THREADS];
	int ends[THREADS][2];
	for (int i = 0; i < THREADS; i++) {
		(i % 2 ? tcp_pair : unix_pair)(ends[i]);
		threads[i] = check_start(echo_once, (void *)(long)ends[i][1]);
	}
	CHECK_OK(pthread_mutex_lock(&mutex));
	sleep_ms(2);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	for (int i = 0; i < THREADS; i++) {
		char text[6];
		write_exactly(ends[i][0], "hello", 6);
		read_exactly(ends[i][0], text, sizeof text);
		CHECK_EQ(strcmp(text, "hello"), 0);
		check_join(threads[i]);
		close_both(ends[i]);
	}
}

static void *fork_and_wait(void *own)
{
	for (int i = 0; i < FORKS; i++) {
		own_variable = 42;
		pthread_t self = pthread_self();
		pid_t pid = check_fork();
		if (pid == 0) {
			CHECK(pthread_equal(self, pthread_self()));
			CHECK_EQ(own_variable, 42);
			CHECK_EQ(gettid(), getpid());
			use_threads();
			if (own) {
				pid_t grandchild = check_fork();
				if (grandchild == 0) {
					use_threads();
					_exit(0);
				}
				check_child_succeeds(grandchild);
			}
			_exit(0);
		}
		use_threads();
		check_child_succeeds(pid);
	}
	return NULL;
}

static void *keep_busy(void *unused)
{
	int ends[2];
	char byte = 'x';
	unix_pair(ends);
	while (__atomic_load_n(&go_on, __ATOMIC_RELAXED)) {
		write_exactly(ends[0], &byte, 1);
		read_exactly(ends[1], &byte, 1);
		usleep(100);
	}
	close_both(ends);
	return unused;
}

int main(void)
{
	/* before this process has any thread */
	fork_and_wait("with grandchild");

	pthread_t busy = check_start(keep_busy, NULL), forkers[FORKERS];
	fork_and_wait(NULL);
	check_join(check_start(fork_and_wait, "with grandchild"));
	for (int i = 0; i < FORKERS; i++)
		forkers[i] = check_start(fork_and_wait, NULL);
	for (int i = 0; i < FORKERS; i++)
		check_join(forkers[i]);
	__atomic_store_n(&go_on, 0, __ATOMIC_RELAXED);
	check_join(busy);
	return 0;
}
