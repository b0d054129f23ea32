/* Destructors of thread-specific data can be cancelled where their thread has returned: the thread ends, without
 * the other ones, and leaves no value to the next thread. One that ends otherwise cannot be cancelled any more. */
#include "check.h"

static pthread_key_t waits, follows;
static sem_t entered, never;
static int followed;

static void wait_for_good(void *unused)
{
	(void)unused;
	int state = -1;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state));
	CHECK_EQ(state, PTHREAD_CANCEL_ENABLE);
	sem_post(&entered);
	sem_wait(&never);
}

static void note(void *unused)
{
	(void)unused;
	followed++;
}

static void exit_there(void *unused)
{
	(void)unused;
	pthread_exit(&followed);
}

static void look(void *unused)
{
	(void)unused;
	CHECK_OK(pthread_cancel(pthread_self()));
	pthread_testcancel();
	sleep_ms(1);
	followed++;
}

static void *with_values(void *how)
{
	CHECK(pthread_getspecific(waits) == NULL && pthread_getspecific(follows) == NULL);
	CHECK_OK(pthread_setspecific(waits, &followed));
	CHECK_OK(pthread_setspecific(follows, &followed));
	if (how != NULL)
		pthread_exit(how);
	return how;
}

static void *ended(void *how, void (*first)(void *), int is_cancelled)
{
	CHECK_OK(pthread_key_create(&waits, first));
	CHECK_OK(pthread_key_create(&follows, note));
	followed = 0;
	pthread_t thread = check_start(with_values, how);
	if (is_cancelled) {
		check_await(&entered);
		CHECK_OK(pthread_cancel(thread));
	}
	void *result = check_join(thread);
	CHECK_OK(pthread_key_delete(waits));
	CHECK_OK(pthread_key_delete(follows));
	return result;
}

int main(void)
{
	CHECK_OK(sem_init(&entered, 0, 0));
	CHECK_OK(sem_init(&never, 0, 0));
	for (int i = 0; i < 20; i++) {
		CHECK(ended(NULL, wait_for_good, 1) == PTHREAD_CANCELED);
		CHECK_EQ(followed, 0);
		CHECK(ended(NULL, exit_there, 0) == &followed);
		CHECK_EQ(followed, 0);
		CHECK(ended(&entered, look, 0) == &entered);
		CHECK_EQ(followed, 2);
		CHECK(ended(NULL, look, 0) == PTHREAD_CANCELED);
		CHECK_EQ(followed, 0);
	}
	return 0;
}
