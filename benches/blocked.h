/* What the parts of `blocked` share: each call that blocks is a row of a table. */
#ifndef BLOCKED_H
#define BLOCKED_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { THREADS_MAX = 4000 };

struct call {
	const char *name;
	/* Before there is any thread: makes what the threads block on. */
	void (*prepare)(int threads);
	/* In thread `index`: returns when it has been served, and checks with what. */
	void (*block)(int index);
	/* In another process, natively, before there is any thread: takes what they wait for. */
	void (*hold)(int threads);
	/* There, a second after the last thread has entered the call: serves every thread.
	 * None where the call ends by itself a second after it began. */
	void (*release)(int threads);
	/* `release` is called once all threads are made and looks after the second itself. */
	bool at_once;
};

extern const struct call file_calls[], transfer_calls[], stdio_calls[], process_calls[], ipc_calls[];

/* Thread i blocks on ends[i][0], and is served through ends[i][1]. */
extern int ends[THREADS_MAX][2];

/* Ends the program with a message if the expression does not hold. */
#define MUST(expression) \
	do { \
		if (!(expression)) \
			must_failed(__FILE__, __LINE__, #expression); \
	} while (0)

__attribute__((noreturn, cold)) void must_failed(const char *file, int line, const char *what);

void make_pipes(int threads);
void make_sockets(int threads);
/* Pipes and sockets that take nothing more: thread i blocks in writing to ends[i][0]. */
void make_full_pipes(int threads);
void make_full_sockets(int threads);

/* Write a line to, or read everything from, each of ends[i][1]. */
void write_lines(int threads);
void drain_all(int threads);

/* What write_lines writes. */
#define LINE "served\n"
enum { LINE_LENGTH = sizeof LINE - 1 };

#endif
