/* Memory that is known by a thread that waits, in each of the ways that a thread can know it, and some that nobody
 * knows any more: LeakSanitizer, which looks when main returns, finds the latter only. */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EACH = 8 };

static pthread_key_t key;
static __thread char *variable;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t ready;
static int sockets[2];

/* The pointer lies nowhere but on the stack of the caller of a call that does not return. */
static __attribute__((noinline)) void wait_by(int way)
{
	char byte;
	sem_post(&ready);
	switch (way) {
	case 0:
		pthread_mutex_lock(&mutex);
		for (;;)
			pthread_cond_wait(&never, &mutex);
	case 1:
		for (;;)
			nanosleep(&(struct timespec){ .tv_sec = 1000 }, NULL);
	case 2:
		if (read(sockets[0], &byte, 1) != 0)
			abort();
		break;
	default:
		for (;;)
			pause();
	}
}

static __attribute__((noinline)) char *new_block(void)
{
	char *block = malloc(100);
	memset(block, 1, 100);
	return block;
}

static void *on_stack(void *way)
{
	char *volatile block = new_block();
	wait_by((int)(intptr_t)way);
	free(block);
	return NULL;
}

static void *in_register(void *way)
{
	char *block = new_block();
	wait_by((int)(intptr_t)way);
	free(block);
	return NULL;
}

static void *in_variable(void *way)
{
	variable = new_block();
	wait_by((int)(intptr_t)way);
	free(variable);
	return NULL;
}

static void *in_key(void *way)
{
	pthread_setspecific(key, new_block());
	wait_by((int)(intptr_t)way);
	return NULL;
}

static __attribute__((noinline)) void lose(void)
{
	char *volatile block = new_block();
	block = NULL;
}

static void *lost(void *unused)
{
	lose();
	return unused;
}

int main(void)
{
	void *(*ways[])(void *) = { on_stack, in_register, in_variable, in_key };
	pthread_t thread;
	int count = 0;

	pthread_key_create(&key, free);
	sem_init(&ready, 0, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
		return 1;
	for (intptr_t i = 0; i < EACH; i++)
		for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
			if (pthread_create(&thread, NULL, ways[way], (void *)(i % 4)) != 0)
				return 1;
			count++;
		}
	for (int i = 0; i < count; i++)
		sem_wait(&ready);
	for (int i = 0; i < EACH; i++) {
		pthread_create(&thread, NULL, lost, NULL);
		pthread_join(thread, NULL);
	}
	usleep(50000);
	return 0;
}
