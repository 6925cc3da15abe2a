using System.Text;

namespace Matrix.Host.Configuration;

/// <summary>Where the control socket of a server is.</summary>
internal static class ControlPath
{
    /// <summary>The longest path of a socket that systems have in common, in bytes.</summary>
    private const int MaxBytes = 103;

    /// <summary>The socket of a server with this data folder; null if the path would be too long.</summary>
    internal static string? In(string dataDir)
    {
        var path = Path.Combine(Path.GetFullPath(dataDir), "control", "socket");
        return Encoding.UTF8.GetByteCount(path) <= MaxBytes ? path : null;
    }
}
