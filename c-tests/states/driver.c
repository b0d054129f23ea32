/* Runs a check of a family in a state.
 *   driver FAMILY.so                every cell: `state check`, one a line
 *   driver FAMILY.so STATE CHECK    that one, in this process */
#include "enter.h"
#include <dlfcn.h>

enum { CELL_SECONDS = 6 };

static int belongs(const struct state *state, const struct check *check)
{
	return (check->traits & state->needs) == state->needs && (check->traits & state->forbids) == 0;
}

static const struct check *checks_of(const char *library, int flags)
{
	void *handle = dlopen(library, RTLD_NOW | flags);
	if (handle == NULL) {
		fprintf(stderr, "driver: %s\n", dlerror());
		exit(2);
	}
	const struct check *checks = dlsym(handle, "checks");
	CHECK(checks != NULL);
	return checks;
}

static void list(const char *library)
{
	const struct check *checks = checks_of(library, 0);
	for (const struct state *state = states; state->name != NULL; state++)
		for (const struct check *check = checks; check->name != NULL; check++)
			if (belongs(state, check))
				printf("%s %s\n", state->name, check->name);
}

static void run(const char *library, const char *state_name, const char *check_name)
{
	for (const struct state *state = states; state->name != NULL; state++) {
		if (strcmp(state->name, state_name) != 0)
			continue;
		const struct check *check = checks_of(library, state->open_flags);
		while (check->name != NULL && strcmp(check->name, check_name) != 0)
			check++;
		if (check->name == NULL || !belongs(state, check))
			break;
		run_check = check->run;
		alarm(CELL_SECONDS);
		state->enter();
		exit(0);
	}
	fprintf(stderr, "driver: no cell %s %s\n", state_name, check_name);
	exit(2);
}

int main(int argc, char **argv)
{
	if (argc == 2)
		list(argv[1]);
	else if (argc == 4)
		run(argv[1], argv[2], argv[3]);
	else {
		fprintf(stderr, "usage: driver FAMILY.so [STATE CHECK]\n");
		return 2;
	}
	return 0;
}
