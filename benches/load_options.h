/* What the load generator is asked for. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdint.h>

extern struct load_options {
	uint16_t port;
	uint32_t connections;
	uint32_t size;       /* of a message */
	uint32_t reply_size; /* of what comes back */
	const char *request, *reply;
	int lines;           /* messages are text and end in a newline */
	double seconds;
	double warm_up;
} options;

/* Ends the program where the arguments make no sense. */
void parse_options(int argc, char **argv);

#endif
