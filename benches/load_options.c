/* The load generator's arguments. */
#define _GNU_SOURCE
#include "load_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct load_options options = {.connections = 100, .size = 64, .seconds = 2.0, .warm_up = 0.5};

static void usage(void)
{
	fprintf(stderr, "usage: load --port PORT [--connections N] [--size BYTES] [--seconds S] "
			"[--warm-up S] [--lines] [--request TEXT --reply TEXT]\n");
	exit(2);
}

void parse_options(int argc, char **argv)
{
	static const struct option names[] = {
	    {"port", required_argument, NULL, 'p'},    {"connections", required_argument, NULL, 'c'},
	    {"size", required_argument, NULL, 's'},    {"seconds", required_argument, NULL, 'd'},
	    {"warm-up", required_argument, NULL, 'w'}, {"request", required_argument, NULL, 'q'},
	    {"reply", required_argument, NULL, 'r'},   {"lines", no_argument, NULL, 'l'},
	    {NULL, 0, NULL, 0},
	};
	for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (option) {
		case 'p':
			options.port = (uint16_t)atoi(optarg);
			break;
		case 'c':
			options.connections = (uint32_t)atoi(optarg);
			break;
		case 's':
			options.size = (uint32_t)atoi(optarg);
			break;
		case 'd':
			options.seconds = atof(optarg);
			break;
		case 'w':
			options.warm_up = atof(optarg);
			break;
		case 'q':
			options.request = optarg;
			break;
		case 'r':
			options.reply = optarg;
			break;
		case 'l':
			options.lines = 1;
			break;
		default:
			usage();
		}
	}
	if (optind != argc || options.port == 0 || options.connections == 0 || options.size == 0 ||
	    options.seconds <= 0 || options.warm_up < 0 || !options.request != !options.reply)
		usage();
	if (options.request)
		options.size = (uint32_t)strlen(options.request);
	options.reply_size = options.reply ? (uint32_t)strlen(options.reply) : options.size;
}
