// The C++ standard library's threads and everything that waits for them: thread, mutex kinds, condition
// variables, futures, async, call_once, static initialisation, sleeping, exceptions that cross threads.
#include "check.h"
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void counting()
{
	std::mutex mutex;
	std::shared_mutex shared;
	std::recursive_timed_mutex recursive;
	long counter = 0, written = 0;
	std::vector<std::thread> threads;
	for (int i = 0; i < 16; i++)
		threads.emplace_back([&, i] {
			for (int round = 0; round < 1000; round++) {
				std::scoped_lock both(mutex, recursive);
				std::lock_guard again(recursive);
				counter++;
			}
			for (int round = 0; round < 500; round++)
				if (i % 4 == 0) {
					std::unique_lock lock(shared);
					written++;
				} else {
					std::shared_lock lock(shared);
					CHECK(written >= 0);
				}
		});
	for (auto &thread : threads)
		thread.join();
	CHECK_EQ(counter, 16000);
	CHECK_EQ(written, 2000);
}

void waiting()
{
	std::mutex mutex;
	std::timed_mutex timed;
	std::condition_variable condition;
	std::condition_variable_any any;
	bool ready = false;
	/* before the other thread can try */
	std::unique_lock held(timed);
	std::thread other([&] {
		CHECK(!timed.try_lock_for(10ms));
		std::this_thread::sleep_for(5ms);
		std::lock_guard lock(mutex);
		ready = true;
		condition.notify_all();
		any.notify_all();
	});
	{
		std::unique_lock lock(mutex);
		auto start = Clock::now();
		CHECK(!condition.wait_for(lock, 2ms, [] { return false; }));
		CHECK(Clock::now() - start >= 2ms);
		condition.wait(lock, [&] { return ready; });
		any.wait(lock, [&] { return ready; });
		lock.unlock();
		other.join();
	}
	held.unlock();
	auto until = Clock::now() + 5ms;
	std::this_thread::sleep_until(until);
	CHECK(Clock::now() >= until);
}

void futures()
{
	std::vector<std::future<int>> answers;
	for (int i = 0; i < 50; i++)
		answers.push_back(std::async(std::launch::async, [i] {
			std::this_thread::sleep_for(2ms);
			if (i == 13)
				throw std::runtime_error("thirteen");
			return i * i;
		}));
	for (int i = 0; i < 50; i++)
		try {
			CHECK_EQ(answers[i].get(), i * i);
			CHECK(i != 13);
		} catch (const std::runtime_error &error) {
			CHECK(i == 13 && std::string(error.what()) == "thirteen");
		}
	std::promise<int> promise;
	auto future = promise.get_future();
	CHECK(future.wait_for(2ms) == std::future_status::timeout);
	std::thread setter([&] { promise.set_value(7); });
	CHECK_EQ(future.get(), 7);
	setter.join();
}

int slow_initialiser()
{
	std::this_thread::sleep_for(10ms);
	static int runs = 0;
	return ++runs;
}

void statics()
{
	std::vector<std::thread> threads;
	for (int i = 0; i < 20; i++)
		threads.emplace_back([] {
			static int value = slow_initialiser();
			CHECK_EQ(value, 1);
		});
	for (auto &thread : threads)
		thread.join();
}

} // namespace

int main()
{
	CHECK(std::thread::hardware_concurrency() >= 1);
	counting();
	waiting();
	futures();
	statics();
}
