// A routine that leaves pthread_once or std::call_once by an exception, or a static initialiser that throws,
// counts as not run: the next caller runs it again, and waiters do not hang.
#include "check.h"
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

constexpr int threads = 10, failures = 3;
std::atomic<int> attempts, thrown, succeeded;

void fail_three_times()
{
	sleep_ms(2);
	if (attempts++ < failures)
		throw std::runtime_error("not yet");
	succeeded++;
}

struct Object {
	Object() { fail_three_times(); }
};

Object &static_object()
{
	static Object object;
	return object;
}

pthread_once_t posix_once = PTHREAD_ONCE_INIT;
std::once_flag standard_once;

void call_posix() { CHECK_OK(pthread_once(&posix_once, fail_three_times)); }
void call_standard() { std::call_once(standard_once, fail_three_times); }
void call_static() { static_object(); }

void check(void (*call)())
{
	attempts = thrown = succeeded = 0;
	std::vector<std::thread> running;
	for (int i = 0; i < threads; i++)
		running.emplace_back([call] {
			try {
				call();
				CHECK_EQ(succeeded.load(), 1);
			} catch (const std::runtime_error &) {
				thrown++;
			}
		});
	for (auto &thread : running)
		thread.join();
	CHECK_EQ(thrown.load(), failures);
	CHECK_EQ(attempts.load(), failures + 1);
	CHECK_EQ(succeeded.load(), 1);
}

} // namespace

int main()
{
	check(call_posix);
	check(call_static);
	check(call_standard);
}
