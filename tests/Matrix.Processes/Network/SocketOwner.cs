using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Matrix.Processes.Network;

/// <summary>Which process opened a connection of this machine, as the kernel's tables say (`/proc`).</summary>
public static class SocketOwner
{
    private const int LocalColumn = 1;
    private const int RemoteColumn = 2;
    private const int InodeColumn = 9;

    // .NET opens sockets for both families, so that a connection to an IPv4 address is in the table of the other one.
    private static readonly string[] _tables = ["/proc/net/tcp", "/proc/net/tcp6"];

    /// <summary>Whether a process has the socket whose own end is <paramref name="from"/>.</summary>
    public static bool Has(int processId, IPEndPoint from, IPEndPoint to)
    {
        if (InodeOf(from, to) is not { } inode) return false;
        var name = $"socket:[{inode}]";
        try
        {
            return Directory.EnumerateFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/fd"))
                .Any(file => new FileInfo(file).LinkTarget == name);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // The process has ended.
            return false;
        }
    }

    private static string? InodeOf(IPEndPoint from, IPEndPoint to)
    {
        var (local, remote) = (Shown(from), Shown(to));
        var (localMapped, remoteMapped) = (Shown(Mapped(from)), Shown(Mapped(to)));
        foreach (var line in _tables.Where(File.Exists).SelectMany(File.ReadLines))
        {
            var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if ((columns[LocalColumn] == local && columns[RemoteColumn] == remote)
                || (columns[LocalColumn] == localMapped && columns[RemoteColumn] == remoteMapped))
            {
                return columns[InodeColumn];
            }
        }

        return null;
    }

    /// <summary>As the tables show it: each four octets as a number of this machine, and the port.</summary>
    private static string Shown(IPEndPoint at)
    {
        var octets = at.Address.GetAddressBytes();
        var words = Enumerable.Range(0, octets.Length / sizeof(uint))
            .Select(i => BitConverter.ToUInt32(octets, i * sizeof(uint)).ToString("X8", CultureInfo.InvariantCulture));
        return string.Concat(words) + ":" + at.Port.ToString("X4", CultureInfo.InvariantCulture);
    }

    private static IPEndPoint Mapped(IPEndPoint at) => at.AddressFamily == AddressFamily.InterNetwork
        ? new IPEndPoint(at.Address.MapToIPv6(), at.Port)
        : at;
}
