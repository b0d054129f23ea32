import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** An echo server with a platform thread per connection. */
public final class EchoServer {
    private static final int BACKLOG = 1024;
    private static final int STACK_BYTES = 256 * 1024;

    private static void serve(Socket socket) {
        byte[] buffer = new byte[65536];
        try (socket) {
            socket.setTcpNoDelay(true);
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
                out.write(buffer, 0, n);
            }
        } catch (IOException gone) {
            // The client has gone: so does its thread.
        }
    }

    public static void main(String[] arguments) throws IOException {
        try (ServerSocket listener = new ServerSocket(0, BACKLOG, InetAddress.getByName("127.0.0.1"))) {
            System.out.println("listening on " + listener.getLocalPort());
            while (true) {
                Socket socket = listener.accept();
                Thread thread = new Thread(null, () -> serve(socket), "echo", STACK_BYTES);
                thread.setDaemon(true);
                thread.start();
            }
        }
    }
}
