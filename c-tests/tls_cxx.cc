// C++ thread_local objects: constructed on first use in each thread, destroyed in reverse order at its end
// (return and pthread_exit alike), before join returns; never shared, never skipped in a reused thread.
#include "check.h"
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

std::atomic<int> constructed, destroyed;

struct Object {
	std::string text;
	std::string *trace = nullptr;
	char letter;
	explicit Object(char own) : text(100, own), letter(own) { constructed++; }
	~Object()
	{
		CHECK(text == std::string(100, letter));
		if (trace)
			*trace += letter;
		destroyed++;
	}
};

thread_local Object first('a');
thread_local Object second('b');
thread_local std::vector<int> numbers{1, 2, 3};

void use(std::string &trace, int own)
{
	CHECK(first.trace == nullptr);
	CHECK(second.trace == nullptr);
	first.trace = &trace;
	second.trace = &trace;
	CHECK_EQ(numbers.size(), 3);
	for (int i = 0; i < own % 50; i++) {
		numbers.push_back(own);
		if (i % 10 == 0)
			std::this_thread::yield();
	}
	CHECK_EQ(numbers.size(), 3 + own % 50);
	CHECK(numbers.size() == 3 || numbers.back() == own);
}

void *use_and_exit(void *trace)
{
	use(*static_cast<std::string *>(trace), 7);
	pthread_exit(nullptr);
}

} // namespace

int main()
{
	constexpr int threads = 100, waves = 5;
	int expected = 0;
	for (int wave = 0; wave < waves; wave++) {
		std::vector<std::string> traces(threads);
		std::vector<std::thread> running;
		for (int i = 0; i < threads; i++)
			running.emplace_back(use, std::ref(traces[i]), i);
		for (auto &thread : running)
			thread.join();
		for (auto &trace : traces)
			CHECK(trace == "ba");
		expected += 2 * threads;
		CHECK_EQ(constructed.load(), expected);
		CHECK_EQ(destroyed.load(), expected);
	}
	std::string trace;
	check_join(check_start(use_and_exit, &trace));
	CHECK(trace == "ba");
}
