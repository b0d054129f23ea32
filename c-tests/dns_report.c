/* Prints what name lookups say, for tests that compare: every way of asking for each name given, each in a thread of its
 * own, in the order of the arguments. */
#include "dns.h"
#include <stdarg.h>

enum { FAMILIES = 3, FLAGS = 5, NAMES = 256, TEXT = 65536 };

struct report {
	const char *name;
	char text[TEXT];
	size_t end;
};

__attribute__((format(printf, 2, 3))) static void say(struct report *report, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(report->text + report->end, TEXT - report->end, format, arguments);
	va_end(arguments);
	CHECK(length >= 0 && report->end + (size_t)length < TEXT);
	report->end += (size_t)length;
}

static void say_address(struct report *report, int family, const void *address)
{
	char text[INET6_ADDRSTRLEN];
	CHECK(inet_ntop(family, address, text, sizeof text) != NULL);
	say(report, " %s", text);
}

static void say_list(struct report *report, const char *title, int error, const struct addrinfo *entry)
{
	say(report, "%s:", title);
	if (error)
		say(report, " %s", gai_strerror(error));
	for (; entry; entry = entry->ai_next) {
		if (entry->ai_canonname)
			say(report, " (%s)", entry->ai_canonname);
		if (entry->ai_family == AF_INET)
			say_address(report, AF_INET, &((struct sockaddr_in *)entry->ai_addr)->sin_addr);
		else
			say_address(report, AF_INET6, &((struct sockaddr_in6 *)entry->ai_addr)->sin6_addr);
		say(report, "/%d/%d/%d/%d/%d", entry->ai_family, entry->ai_socktype, entry->ai_protocol, entry->ai_flags,
		    ntohs(((struct sockaddr_in *)entry->ai_addr)->sin_port));
		CHECK_EQ(entry->ai_addrlen, entry->ai_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	}
	say(report, "\n");
}

static void say_host(struct report *report, const char *title, const struct hostent *entry, int error)
{
	say(report, "%s:", title);
	if (entry == NULL) {
		say(report, " %s\n", hstrerror(error));
		return;
	}
	say(report, " (%s)", entry->h_name);
	for (char **alias = entry->h_aliases; *alias; alias++)
		say(report, " (%s)", *alias);
	for (char **address = entry->h_addr_list; *address; address++)
		say_address(report, entry->h_addrtype, *address);
	say(report, "/%d/%d\n", entry->h_addrtype, entry->h_length);
}

/* What an address is called, if the name is one. */
static void say_name(struct report *report)
{
	static const int flags[] = {0, NI_NAMEREQD, NI_DGRAM};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct hostent entry, *host = NULL;
	char buffer[8192], service[64];
	int error = 0, is_six = inet_pton(AF_INET6, report->name, &six.sin6_addr) == 1;
	if (!is_six && inet_pton(AF_INET, report->name, &four.sin_addr) != 1)
		return;
	const void *number = is_six ? (const void *)&six.sin6_addr : &four.sin_addr;
	gethostbyaddr_r(number, is_six ? 16 : 4, is_six ? AF_INET6 : AF_INET, &entry, buffer, sizeof buffer, &host, &error);
	say_host(report, " name", host, error);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		const struct sockaddr *address = is_six ? (const struct sockaddr *)&six : (const struct sockaddr *)&four;
		error = getnameinfo(address, is_six ? sizeof six : sizeof four, buffer, sizeof buffer, service, sizeof service,
				    flags[i]);
		say(report, " name, flags %x: %s %s\n", (unsigned)flags[i], error ? gai_strerror(error) : buffer,
		    error ? "" : service);
	}
}

static void *look_up(void *argument)
{
	static const int families[FAMILIES] = {AF_UNSPEC, AF_INET, AF_INET6};
	static const int flags[FLAGS] = {0, AI_CANONNAME, AI_ADDRCONFIG, AI_V4MAPPED | AI_ALL, AI_NUMERICHOST};
	struct report *report = argument;
	struct addrinfo *found = NULL;
	char buffer[8192], title[64];
	say(report, "%s\n", report->name);
	int error = getaddrinfo(report->name, NULL, NULL, &found);
	say_list(report, " plain", error, found);
	if (found)
		freeaddrinfo(found);
	for (int i = 0; i < FAMILIES * FLAGS; i++) {
		struct addrinfo hints = {.ai_family = families[i % FAMILIES], .ai_flags = flags[i / FAMILIES],
					 .ai_socktype = i % 2 ? SOCK_STREAM : 0};
		found = NULL;
		error = getaddrinfo(report->name, "http", &hints, &found);
		snprintf(title, sizeof title, " family %d, flags %x", hints.ai_family, (unsigned)hints.ai_flags);
		say_list(report, title, error, found);
		if (found)
			freeaddrinfo(found);
	}
	for (int i = 1; i < FAMILIES; i++) {
		struct hostent entry, *host = NULL;
		error = 0;
		snprintf(title, sizeof title, " host, family %d", families[i]);
		gethostbyname2_r(report->name, families[i], &entry, buffer, sizeof buffer, &host, &error);
		say_host(report, title, host, error);
	}
	struct hostent entry, *host = NULL;
	error = 0;
	gethostbyname_r(report->name, &entry, buffer, sizeof buffer, &host, &error);
	say_host(report, " host", host, error);
	say_name(report);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct report reports[NAMES];
	pthread_t threads[NAMES];
	int count = argc - 1;
	CHECK(count <= NAMES);
	for (int i = 0; i < count; i++) {
		reports[i].name = argv[i + 1];
		threads[i] = check_start(look_up, &reports[i]);
	}
	for (int i = 0; i < count; i++) {
		check_join(threads[i]);
		fwrite(reports[i].text, reports[i].end, 1, stdout);
	}
	return 0;
}
