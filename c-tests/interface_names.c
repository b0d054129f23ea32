/* What libc asks the kernel of network interfaces by a socket of its own: threads that ask at the same time get what main
 * got before there were any. */
#include "check.h"
#include <ifaddrs.h>
#include <net/if.h>

enum { THREADS = 8 };

static unsigned loopback_index;
static int addresses, interfaces;

static int count_addresses(void)
{
	struct ifaddrs *list;
	int count = 0, has_loopback = 0;
	CHECK_OK(getifaddrs(&list));
	for (struct ifaddrs *each = list; each; each = each->ifa_next, count++)
		has_loopback |= !strcmp(each->ifa_name, "lo");
	freeifaddrs(list);
	CHECK(has_loopback);
	return count;
}

static int count_interfaces(void)
{
	struct if_nameindex *list = if_nameindex();
	CHECK(list != NULL);
	int count = 0, has_loopback = 0;
	for (; list[count].if_name; count++)
		has_loopback |= !strcmp(list[count].if_name, "lo") && list[count].if_index == loopback_index;
	if_freenameindex(list);
	CHECK(has_loopback);
	return count;
}

static void *ask(void *unused)
{
	char name[IF_NAMESIZE];
	CHECK_EQ(if_nametoindex("lo"), loopback_index);
	CHECK(if_indextoname(loopback_index, name) == name);
	CHECK_EQ(strcmp(name, "lo"), 0);
	CHECK_EQ(if_nametoindex("no-such-one"), 0);
	CHECK_EQ(count_interfaces(), interfaces);
	CHECK_EQ(count_addresses(), addresses);
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	loopback_index = if_nametoindex("lo");
	CHECK(loopback_index > 0);
	interfaces = count_interfaces();
	addresses = count_addresses();
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(ask, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	return 0;
}
