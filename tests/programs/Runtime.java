// What a Java virtual machine does with threads and signals: pools, monitors, sleeps, sockets, collections in between;
// null pointers and exhausted stacks that it recovers from by handlers of SIGSEGV; processes.
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

public class Runtime {
    static final int TASKS = 1000, CONNECTIONS = 50, EXCHANGES = 20;
    static final AtomicInteger recovered = new AtomicInteger();
    static int counted;

    static int deeper(int depth) {
        return deeper(depth + 1) + 1;
    }

    static void exhaustStack() {
        try {
            deeper(0);
        } catch (StackOverflowError expected) {
            recovered.incrementAndGet();
        }
    }

    static void task(int number) throws Exception {
        byte[][] garbage = new byte[50][];
        for (int i = 0; i < garbage.length; i++)
            garbage[i] = new byte[1000];
        Object nothing = number % 2 == 0 ? null : "";
        try {
            nothing.hashCode();
        } catch (NullPointerException expected) {
            recovered.incrementAndGet();
        }
        if (number % 50 == 0)
            Thread.sleep(1);
        synchronized (Runtime.class) {
            counted++;
        }
    }

    static void echo(Socket socket) {
        try (socket) {
            InputStream in = socket.getInputStream();
            in.transferTo(socket.getOutputStream());
        } catch (IOException error) {
            error.printStackTrace();
        }
    }

    static void exchange(int port, CountDownLatch done) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            OutputStream out = socket.getOutputStream();
            for (int i = 0; i < EXCHANGES; i++) {
                out.write(new byte[] {1, 2, 3});
                if (socket.getInputStream().readNBytes(3).length != 3)
                    return;
            }
            done.countDown();
        } catch (IOException error) {
            error.printStackTrace();
        }
    }

    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(50);
        List<Future<?>> tasks = new ArrayList<>();
        for (int i = 0; i < TASKS; i++) {
            int number = i;
            tasks.add(pool.submit(() -> { task(number); return null; }));
        }
        for (Future<?> task : tasks)
            task.get();
        pool.shutdown();

        ServerSocket listener = new ServerSocket(0, CONNECTIONS, InetAddress.getLoopbackAddress());
        CountDownLatch done = new CountDownLatch(CONNECTIONS);
        for (int i = 0; i < CONNECTIONS; i++)
            new Thread(() -> exchange(listener.getLocalPort(), done)).start();
        for (int i = 0; i < CONNECTIONS; i++) {
            Socket socket = listener.accept();
            new Thread(() -> echo(socket)).start();
        }
        if (!done.await(60, TimeUnit.SECONDS))
            throw new IllegalStateException("connections hang");

        Thread small = new Thread(null, Runtime::exhaustStack, "small", 256 * 1024);
        small.start();
        small.join();
        exhaustStack();
        System.gc();
        Process child = new ProcessBuilder("echo", "child").start();
        System.out.print(new String(child.getInputStream().readAllBytes()));
        System.out.println(child.waitFor() + " " + counted + " " + recovered);
    }
}
