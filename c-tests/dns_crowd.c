/* A thousand threads wait for a name server at the same time: all are answered, on a handful of kernel threads, and
 * none waits for the answer to another. The older calls, names of addresses and res_query wait so, too.
 *
 *   dns_crowd [THREADS [MILLISECONDS until the answer [WAYS to ask, of six]]] */
#include "dns.h"
#include <sys/resource.h>

enum { THREADS = 1000, LATER_MS = 1500, WAYS = 6 };

static struct sockaddr_in server;
static long later, ways;
static int asking;

static void *look_up(void *argument)
{
	long index = (long)argument;
	char name[64], buffer[1024];
	unsigned char answer[DNS_UDP];
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct addrinfo *found;
	struct hostent entry, *entry_found;
	int error;
	dns_use(&server, 5, 6);
	snprintf(name, sizeof name, "late%ld-%ld.example", later, index);
	__atomic_add_fetch(&asking, 1, __ATOMIC_RELEASE);
	switch (index % ways) {
	case 0:
		CHECK_OK(dns_look_up(name, AF_UNSPEC, &found));
		CHECK(found->ai_next != NULL);
		freeaddrinfo(found);
		break;
	case 1:
		CHECK_OK(dns_look_up(name, AF_INET, &found));
		CHECK_EQ(ntohl(((struct sockaddr_in *)found->ai_addr)->sin_addr.s_addr), 0xc0000201);
		CHECK_EQ(ntohs(((struct sockaddr_in *)found->ai_addr)->sin_port), 80);
		freeaddrinfo(found);
		break;
	case 2:
		CHECK_OK(dns_look_up(name, AF_INET6, &found));
		CHECK_EQ(found->ai_family, AF_INET6);
		freeaddrinfo(found);
		break;
	case 3:
		CHECK_OK(gethostbyname_r(name, &entry, buffer, sizeof buffer, &entry_found, &error));
		CHECK(entry_found == &entry);
		CHECK_EQ(strcmp(entry.h_name, name), 0);
		break;
	case 4:
		/* In tenths of a second. */
		address.sin_addr.s_addr = htonl(0xc0000000 | (unsigned)(later / 100) << 8 | (unsigned)(index % 250));
		CHECK_OK(getnameinfo((struct sockaddr *)&address, sizeof address, buffer, sizeof buffer, NULL, 0, NI_NAMEREQD));
		snprintf(name, sizeof name, "host%ld.example", index % 250);
		CHECK_EQ(strcmp(buffer, name), 0);
		break;
	default:
		CHECK(res_query(name, ns_c_in, ns_t_a, answer, sizeof answer) > HFIXEDSZ);
	}
	return NULL;
}

/* How many kernel threads the process has, cheaper than check_kernel_threads. */
static long kernel_threads(void)
{
	char line[128];
	long count = 0;
	FILE *status = fopen("/proc/self/status", "re");
	CHECK(status != NULL);
	while (!count && fgets(line, sizeof line, status))
		sscanf(line, "Threads: %ld", &count);
	CHECK_OK(fclose(status));
	return count;
}

int main(int argc, char **argv)
{
	static pthread_t threads[10 * THREADS];
	long count = size_argument(argc, argv, 1, THREADS), peak = 0;
	later = size_argument(argc, argv, 2, LATER_MS);
	ways = size_argument(argc, argv, 3, WAYS);
	CHECK(count <= 10 * THREADS);
	struct rlimit files;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &files));
	files.rlim_cur = files.rlim_max;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &files));
	server = dns_start();
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, 256 << 10));
	long began = monotonic_ms();
	for (long i = 0; i < count; i++) {
		CHECK_OK(pthread_create(&threads[i], &attributes, look_up, (void *)i));
		if (i % 64 == 63 || i == count - 1) {
			long tasks = kernel_threads();
			peak = tasks > peak ? tasks : peak;
		}
	}
	while (__atomic_load_n(&asking, __ATOMIC_ACQUIRE) < count)
		sleep_ms(1);
	for (long i = 0; i < count; i++) {
		if (i % 64 == 0) {
			long tasks = kernel_threads();
			peak = tasks > peak ? tasks : peak;
		}
		check_join(threads[i]);
	}
	printf("tasks=%ld seconds=%.3f\n", peak, (double)(monotonic_ms() - began) / 1000);
	return 0;
}
