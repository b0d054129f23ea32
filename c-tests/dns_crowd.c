/* A thousand threads wait for a name server at the same time: all are answered, on a handful of kernel threads, and
 * none waits for the answer to another. The older calls and res_query wait so, too. */
#include "dns.h"

enum { THREADS = 1000, LATER_MS = 1500, WAYS = 5 };

static struct sockaddr_in server;
static int asking;

static void *look_up(void *argument)
{
	long index = (long)argument;
	char name[64], buffer[1024];
	unsigned char answer[DNS_UDP];
	struct addrinfo *found;
	struct hostent entry, *entry_found;
	int error;
	dns_use(&server, 5, 6);
	snprintf(name, sizeof name, "late%d-%ld.example", LATER_MS, index);
	__atomic_add_fetch(&asking, 1, __ATOMIC_RELEASE);
	switch (index % WAYS) {
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
	default:
		CHECK(res_query(name, ns_c_in, ns_t_a, answer, sizeof answer) > HFIXEDSZ);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static pthread_t threads[10 * THREADS];
	long count = size_argument(argc, argv, 1, THREADS), peak = 0;
	CHECK(count <= 10 * THREADS);
	server = dns_start();
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, 256 << 10));
	for (long i = 0; i < count; i++)
		CHECK_OK(pthread_create(&threads[i], &attributes, look_up, (void *)i));
	while (__atomic_load_n(&asking, __ATOMIC_ACQUIRE) < count)
		sleep_ms(1);
	for (long i = 0; i < count; i++) {
		long tasks = check_kernel_threads();
		peak = tasks > peak ? tasks : peak;
		check_join(threads[i]);
	}
	printf("tasks=%ld\n", peak);
	return 0;
}
