using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Matrix.Attacks;

/// <summary>Connections of one user that ask for as much as they can, and read as little as they can.</summary>
internal static class Attackers
{
    private const int Connections = 40;

    /// <summary>The bytes of a body that is begun and never ended.</summary>
    private const int Begun = 2_000_000;

    /// <summary>Runs all connections until the time is up.</summary>
    public static async Task RunAsync(int port, string token, TimeSpan time, Targets targets)
    {
        using var end = new CancellationTokenSource(time);
        var counts = new int[600];
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(i => Task.Run(
            () => AttackAsync(port, token, targets, new Random(i), counts, end.Token), CancellationToken.None)));
        var seen = Enumerable.Range(0, counts.Length).Where(status => counts[status] > 0)
            .Select(status => $"{(status == 0 ? "closed" : status.ToString(null, null))}: {counts[status]}");
        Console.WriteLine($"attackers' responses: {string.Join(", ", seen)}");
    }

    private static async Task AttackAsync(
        int port, string token, Targets targets, Random random, int[] counts, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
            {
                NoDelay = true,
            };
            try
            {
                // A small buffer of the system, so that the server has to keep what is not read.
                socket.ReceiveBufferSize = 4096;
                await socket.ConnectAsync(IPAddress.Loopback, port, end);
                var isHeld = random.Next(6) == 0;
                if (isHeld) await HoldBodyAsync(socket, token, random, end);
                else await AskAsync(socket, token, targets, random, counts, end);
            }
            catch (Exception over) when (over is SocketException or OperationCanceledException)
            {
                // The server closed the connection, or the time is up.
                Interlocked.Increment(ref counts[0]);
            }
        }
    }

    /// <summary>A body whose last bytes never come.</summary>
    private static async Task HoldBodyAsync(Socket socket, string token, Random random, CancellationToken end)
    {
        var head = $"POST /_matrix/client/v3/keys/upload HTTP/1.1\r\nHost: localhost\r\n"
            + $"Authorization: Bearer {token}\r\nContent-Length: {Begun + 100}\r\n\r\n{{\"x\":\"";
        await socket.SendAsync(Encoding.ASCII.GetBytes(head), end);
        await socket.SendAsync(Encoding.ASCII.GetBytes(new string('x', Begun)), end);
        await Task.Delay(TimeSpan.FromSeconds(random.Next(5, 30)), end);
    }

    private static async Task AskAsync(
        Socket socket, string token, Targets targets, Random random, int[] counts, CancellationToken end)
    {
        var (method, path, body) = targets.Request(random);
        var head = $"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            + (body is null ? "\r\n" : $"Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");
        await socket.SendAsync(Encoding.UTF8.GetBytes(head), end);
        var buffer = new byte[16 * 1024];
        var read = await socket.ReceiveAsync(buffer, end);
        if (read > 12 && int.TryParse(Encoding.ASCII.GetString(buffer, 9, 3), out var status))
        {
            Interlocked.Increment(ref counts[Math.Min(status, counts.Length - 1)]);
        }

        // A third reads no more, a third slowly, a third all.
        var manner = random.Next(3);
        var until = DateTime.UtcNow + TimeSpan.FromSeconds(random.Next(5, 60));
        if (manner == 0) await Task.Delay(until - DateTime.UtcNow, end);
        while (read > 0 && DateTime.UtcNow < until)
        {
            if (manner == 1) await Task.Delay(200, end);
            using var quiet = CancellationTokenSource.CreateLinkedTokenSource(end);
            quiet.CancelAfter(TimeSpan.FromSeconds(2));
            try
            {
                read = await socket.ReceiveAsync(buffer, quiet.Token);
            }
            catch (OperationCanceledException) when (!end.IsCancellationRequested)
            {
                return;
            }
        }
    }
}
