using System.Net;
using System.Net.Sockets;

namespace Matrix.Processes;

/// <summary>Folders and ports for tests.</summary>
public static class Repository
{
    /// <summary>The folder of the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A new, empty folder under the machine's temporary folder.</summary>
    public static string ScratchFolder(string purpose) =>
        Directory.CreateTempSubdirectory($"matrix-{purpose}-").FullName;

    /// <summary>
    /// A free port of 127.0.0.1, below those that the system gives to outgoing connections: a server that is killed and
    /// started again must find its port free.
    /// </summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(10_000, 32_000);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // It is taken.
            }
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
