/* What deep_binding.c opens: it shares a mutex and a condition variable with the program, defines functions of its
 * own that libc and the program have, too, and calls one of libc's that the program defines. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

int whose(void)
{
	return 2;
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
	(void)buffer;
	return fd + (ssize_t)size + flags;
}

int library_whose(void)
{
	return whose();
}

ssize_t library_receive(void)
{
	return recv(70, NULL, 7, 0);
}

int library_page_size(void)
{
	return getpagesize();
}

int library_wait_for(int *word, int value, pthread_mutex_t *mutex, pthread_cond_t *condition)
{
	int error = pthread_mutex_lock(mutex);
	while (!error && *word != value)
		error = pthread_cond_wait(condition, mutex);
	return error ? error : pthread_mutex_unlock(mutex);
}

int library_set(int *word, int value, pthread_mutex_t *mutex, pthread_cond_t *condition)
{
	int error = pthread_mutex_lock(mutex);
	*word = value;
	if (!error)
		error = pthread_cond_broadcast(condition);
	return error ? error : pthread_mutex_unlock(mutex);
}

int library_start(pthread_t *thread, void *(*start)(void *), void *argument)
{
	return pthread_create(thread, NULL, start, argument);
}
