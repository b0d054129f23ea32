// pthread_exit unwinds C++ frames: destructors run innermost first, catch (...) sees it and rethrows.
#include "check.h"
#include <string>

namespace {

struct Note {
	std::string &trace;
	char letter;
	~Note() { trace += letter; }
};

[[gnu::noinline]] void leave(std::string &trace, int depth)
{
	Note note{trace, static_cast<char>('0' + depth)};
	if (depth > 0)
		leave(trace, depth - 1);
	else if (trace.empty())
		pthread_exit(&trace);
}

void *run(void *argument)
{
	auto &trace = *static_cast<std::string *>(argument);
	Note outer{trace, 'o'};
	try {
		leave(trace, 3);
	} catch (...) {
		trace += 'c';
		throw;
	}
	return nullptr;
}

} // namespace

int main()
{
	for (int wave = 0; wave < 200; wave++) {
		std::string traces[4];
		pthread_t threads[4];
		for (int i = 0; i < 4; i++)
			threads[i] = check_start(run, &traces[i]);
		for (int i = 0; i < 4; i++) {
			CHECK(check_join(threads[i]) == &traces[i]);
			CHECK(traces[i] == "0123co");
		}
	}
}
