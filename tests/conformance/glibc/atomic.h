/* glibc's names for the atomic operations that its tests use. */
#ifndef CONFORMANCE_ATOMIC_H
#define CONFORMANCE_ATOMIC_H

#define atomic_load_relaxed(place) __atomic_load_n(place, __ATOMIC_RELAXED)
#define atomic_load_acquire(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
#define atomic_store_relaxed(place, value) __atomic_store_n(place, value, __ATOMIC_RELAXED)
#define atomic_store_release(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
#define atomic_exchange_acquire(place, value) __atomic_exchange_n(place, value, __ATOMIC_ACQUIRE)
#define atomic_fetch_add_relaxed(place, value) __atomic_fetch_add(place, value, __ATOMIC_RELAXED)
#define atomic_fetch_add_acq_rel(place, value) __atomic_fetch_add(place, value, __ATOMIC_ACQ_REL)
#define atomic_compare_exchange_weak_relaxed(place, expected, value) \
	__atomic_compare_exchange_n(place, expected, value, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define atomic_compare_exchange_weak_acquire(place, expected, value) \
	__atomic_compare_exchange_n(place, expected, value, 1, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define atomic_compare_exchange_weak_release(place, expected, value) \
	__atomic_compare_exchange_n(place, expected, value, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define atomic_thread_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define atomic_thread_fence_release() __atomic_thread_fence(__ATOMIC_RELEASE)
#define atomic_full_barrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define atomic_increment(place) ((void)__atomic_add_fetch(place, 1, __ATOMIC_SEQ_CST))
#define atomic_decrement(place) ((void)__atomic_sub_fetch(place, 1, __ATOMIC_SEQ_CST))
#define atomic_add(place, value) ((void)__atomic_add_fetch(place, value, __ATOMIC_SEQ_CST))

#endif
