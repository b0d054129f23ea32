/* A library that stands in for functions of libc's, before or after libgreen in LD_PRELOAD: it calls the next one, and
 * tells at the exit how often each was called. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FUNCTIONS(F) \
	F(int, accept, (int a, struct sockaddr *b, socklen_t *c), (a, b, c)) \
	F(int, close, (int a), (a)) \
	F(int, connect, (int a, const struct sockaddr *b, socklen_t c), (a, b, c)) \
	F(void *, dlopen, (const char *a, int b), (a, b)) \
	F(int, epoll_wait, (int a, struct epoll_event *b, int c, int d), (a, b, c, d)) \
	F(int, fsync, (int a), (a)) \
	F(int, nanosleep, (const struct timespec *a, struct timespec *b), (a, b)) \
	F(int, poll, (struct pollfd *a, nfds_t b, int c), (a, b, c)) \
	F(int, pthread_create, (pthread_t *a, const pthread_attr_t *b, void *(*c)(void *), void *d), (a, b, c, d)) \
	F(int, pthread_join, (pthread_t a, void **b), (a, b)) \
	F(int, pthread_mutex_lock, (pthread_mutex_t *a), (a)) \
	F(ssize_t, read, (int a, void *b, size_t c), (a, b, c)) \
	F(ssize_t, recv, (int a, void *b, size_t c, int d), (a, b, c, d)) \
	F(int, select, (int a, fd_set *b, fd_set *c, fd_set *d, struct timeval *e), (a, b, c, d, e)) \
	F(int, sem_post, (sem_t *a), (a)) \
	F(int, sem_wait, (sem_t *a), (a)) \
	F(ssize_t, send, (int a, const void *b, size_t c, int d), (a, b, c, d)) \
	F(unsigned, sleep, (unsigned a), (a)) \
	F(int, usleep, (useconds_t a), (a)) \
	F(ssize_t, write, (int a, const void *b, size_t c), (a, b, c))

#define STAND_IN(type, name, parameters, arguments) \
	static long name##_calls; \
	type name parameters \
	{ \
		static type(*next) parameters; \
		if (!next) \
			next = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
		__atomic_add_fetch(&name##_calls, 1, __ATOMIC_RELAXED); \
		return next arguments; \
	}
FUNCTIONS(STAND_IN)

/* Of condition variables libc has two kinds, so who stands in for them asks for the later one, as libfaketime does. */
static long pthread_cond_timedwait_calls;
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *time)
{
	static int (*next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
	if (!next)
		next = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlvsym(
			RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
	__atomic_add_fetch(&pthread_cond_timedwait_calls, 1, __ATOMIC_RELAXED);
	return next(condition, mutex, time);
}

__attribute__((destructor)) static void tell(void)
{
#define TELL(type, name, parameters, arguments) printf(#name " %ld\n", name##_calls);
	FUNCTIONS(TELL)
	printf("pthread_cond_timedwait %ld\n", pthread_cond_timedwait_calls);
}
