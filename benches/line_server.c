/* A server as textbooks have it: a thread for each connection, and stdio on both of its directions. Echoes lines.
 *
 *   line_server
 *
 * Prints "listening on PORT" once it accepts connections, and exits 0 on SIGTERM. */
#include "../c-tests/server.h"

enum { LINE_SIZE = 4096 };

static void *serve(void *argument)
{
	int connection = (int)(intptr_t)argument, again = dup(connection);
	FILE *in = fdopen(connection, "r"), *out = again < 0 ? NULL : fdopen(again, "w");
	if (!in || !out)
		die("fdopen");
	char line[LINE_SIZE];
	while (fgets(line, sizeof line, in))
		if (fprintf(out, "%s", line) < 0 || fflush(out) == EOF)
			break;
	fclose(in);
	fclose(out);
	return NULL;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	accept_forever(0, DEFAULT_STACK, serve);
}
