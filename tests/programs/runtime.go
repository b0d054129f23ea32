// What a Go runtime with C code does with threads and signals: calls into C that block, C threads that call back,
// sockets, nil pointers that it recovers from, processes, signals, goroutines that compute.
package main

/*
#include <pthread.h>
#include <string.h>
#include <unistd.h>

extern void goCallback(void);

enum { THREADS = 16 };

static void *run(void *unused)
{
	char buffer[65536];
	memset(buffer, 1, sizeof buffer);
	usleep(500);
	goCallback();
	return unused;
}

static void spawn(void)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static int slow(int value)
{
	usleep(1000);
	return 2 * value;
}
*/
import "C"

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

const routines, rounds = 50, 20

var callbacks, recovered int64

//export goCallback
func goCallback() {
	atomic.AddInt64(&callbacks, 1)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func followNil() (value int) {
	defer func() {
		if recover() != nil {
			atomic.AddInt64(&recovered, 1)
		}
	}()
	var pointer *int
	return *pointer
}

func all(count int, run func(int)) {
	var group sync.WaitGroup
	for i := 0; i < count; i++ {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			run(number)
		}(i)
	}
	group.Wait()
}

func echo(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			io.Copy(connection, connection)
			connection.Close()
		}()
	}
}

func main() {
	all(routines, func(number int) {
		if C.slow(C.int(number)) != C.int(2*number) {
			panic("slow")
		}
		followNil()
	})
	all(10, func(int) { C.spawn() })

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go echo(listener)
	all(routines, func(int) {
		connection, err := net.Dial("tcp", listener.Addr().String())
		check(err)
		bytes := make([]byte, 3)
		for i := 0; i < rounds; i++ {
			_, err = connection.Write([]byte("abc"))
			check(err)
			_, err = io.ReadFull(connection, bytes)
			check(err)
		}
		check(connection.Close())
	})

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	check(syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	<-signals
	done := make(chan int)
	go func() {
		sum := 0
		for i := 0; i < 1e8; i++ {
			sum += i
		}
		done <- sum
	}()
	runtime.GC()
	<-done
	words, err := exec.Command("echo", "child").Output()
	check(err)
	fmt.Print(string(words))
	fmt.Println(callbacks, recovered)
}
