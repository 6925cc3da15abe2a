using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Matrix.Processes;

/// <summary>Folders and ports for tests.</summary>
public static class Repository
{
    /// <summary>
    /// Who listens on a port of this address has reserved it for 127.0.0.1: tests in .NET and in tests/e2e run side by
    /// side, and a server that starts does not have its port yet.
    /// </summary>
    private static readonly IPAddress _reserving = IPAddress.Parse("127.255.255.254");

    private static readonly List<Socket> _reservations = [];

    /// <summary>The folder of the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The commit that is checked out; empty if this is no checkout.</summary>
    public static async Task<string> CommitAsync()
    {
        using var git = Process.Start(new ProcessStartInfo("git", ["-C", Root, "rev-parse", "HEAD"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var commit = await git.StandardOutput.ReadToEndAsync();
        await git.WaitForExitAsync();
        return commit.Trim();
    }

    /// <summary>A new, empty folder under the machine's temporary folder.</summary>
    public static string ScratchFolder(string purpose) =>
        Directory.CreateTempSubdirectory($"matrix-{purpose}-").FullName;

    /// <summary>
    /// A free port of 127.0.0.1, below those that the system gives to outgoing connections: a server that is killed and
    /// started again must find its port free. No other test gets the same until this process ends.
    /// </summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(10_000, 32_000);

            // First, so that no port is tried that a server which starts again needs.
            if (Listen(new IPEndPoint(_reserving, port)) is not { } reservation) continue;
            lock (_reservations) _reservations.Add(reservation);
            using var probe = Listen(new IPEndPoint(IPAddress.Loopback, port));
            if (probe is not null) return port;
        }
    }

    /// <summary>A socket that listens; null if the address is taken.</summary>
    private static Socket? Listen(IPEndPoint address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(address);
            socket.Listen();
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Matrix.Hybrid.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"{AppContext.BaseDirectory} is not inside the repository.");
    }
}
