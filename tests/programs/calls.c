/* Calls that wait, a known number of each, by two threads. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t accepted;
static struct sockaddr_in address = {.sin_family = AF_INET};

static struct timespec in_milliseconds(long milliseconds)
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_sec += milliseconds / 1000;
	time.tv_nsec += milliseconds % 1000 * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_nsec -= 1000000000;
		time.tv_sec++;
	}
	return time;
}

static void wait_for_nothing(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	assert(poll(&polled, 1, 10) == 0);
	fd_set set;
	FD_ZERO(&set);
	FD_SET(fd, &set);
	assert(select(fd + 1, &set, NULL, NULL, &(struct timeval){.tv_usec = 10000}) == 0);
	int epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	assert(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	assert(epoll_wait(epoll, &event, 1, 10) == 0);
	assert(close(epoll) == 0);
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	usleep(1000);
	sleep(0);
}

static void *connects(void *unused)
{
	char bytes[8];
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	assert(sem_wait(&accepted) == 0);
	assert(send(fd, "hello", 5, 0) == 5);
	assert(recv(fd, bytes, 5, MSG_WAITALL) == 5);
	wait_for_nothing(fd);
	struct timespec soon = in_milliseconds(20);
	pthread_mutex_lock(&mutex);
	assert(pthread_cond_timedwait(&condition, &mutex, &soon) == ETIMEDOUT);
	/* main waits for this, and the answer is for who waits for it */
	assert(write(fd, "x", 1) == 1);
	struct timespec late = in_milliseconds(100000);
	assert(pthread_cond_timedwait(&condition, &mutex, &late) == 0);
	pthread_mutex_unlock(&mutex);
	assert(close(fd) == 0);
	return unused;
}

int main(void)
{
	char bytes[8];
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
	assert(listen(listener, 1) == 0);
	assert(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
	assert(sem_init(&accepted, 0, 0) == 0);
	pthread_t thread;
	assert(pthread_create(&thread, NULL, connects, NULL) == 0);
	int fd = accept(listener, NULL, NULL);
	assert(fd >= 0 && sem_post(&accepted) == 0);
	assert(recv(fd, bytes, 5, MSG_WAITALL) == 5);
	assert(send(fd, "reply", 5, 0) == 5);
	assert(read(fd, bytes, 1) == 1);
	pthread_mutex_lock(&mutex);
	pthread_cond_signal(&condition);
	pthread_mutex_unlock(&mutex);
	assert(pthread_join(thread, NULL) == 0);
	FILE *file = tmpfile();
	assert(file && fsync(fileno(file)) == 0);
	puts("done");
	return 0;
}
