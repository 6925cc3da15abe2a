using Matrix.Host.Configuration;
using Matrix.Host.Storage;

namespace Matrix.Host.Listeners;

/// <summary>
/// The socket through which `mx` asks the running server on the same machine. Its folder admits nobody but the user
/// that the server runs as, who may read the server's keys too: there is no further authentication.
/// </summary>
internal static class ControlSocket
{
    /// <summary>
    /// Makes the folder, and removes the socket of a server that was killed. The caller owns the database, so that no
    /// other server uses the socket.
    /// </summary>
    /// <returns>The path; null for no socket.</returns>
    internal static string? Prepare(HomeserverConfig config)
    {
        if (!config.HasControl || ControlPath.In(config.DataDir) is not { } path) return null;
        var folder = Path.GetDirectoryName(path)!;
        OwnFiles.MakeFolder(folder);
        OwnFiles.CloseFolder(folder);
        File.Delete(path);
        return path;
    }
}
