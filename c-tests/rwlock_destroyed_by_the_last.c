/* Whoever finds that nobody else needs a read-write lock may destroy it as soon as it has unlocked it: the unlock of
 * the one before is done with it. */
#include "check.h"
#include <sys/mman.h>

enum { THREADS = 4, ROUNDS = 2000 };

static struct object {
	pthread_rwlock_t lock;
	int users;
} *objects[ROUNDS];

static long size;

static void *use(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct object *object = objects[i];
		CHECK_OK(pthread_rwlock_rdlock(&object->lock));
		CHECK(object->users > 0);
		CHECK_OK(pthread_rwlock_unlock(&object->lock));
		CHECK_OK(pthread_rwlock_wrlock(&object->lock));
		int last = --object->users == 0;
		CHECK_OK(pthread_rwlock_unlock(&object->lock));
		if (last) {
			CHECK_OK(pthread_rwlock_destroy(&object->lock));
			CHECK_OK(mprotect(object, size, PROT_NONE));
		}
	}
	return unused;
}

int main(void)
{
	size = sysconf(_SC_PAGESIZE);
	for (int i = 0; i < ROUNDS; i++) {
		objects[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(objects[i] != MAP_FAILED);
		CHECK_OK(pthread_rwlock_init(&objects[i]->lock, NULL));
		objects[i]->users = THREADS;
	}
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(use, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	return 0;
}
