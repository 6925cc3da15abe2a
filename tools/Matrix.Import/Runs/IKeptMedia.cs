namespace Matrix.Import.Runs;

/// <summary>A media file that this server keeps.</summary>
/// <param name="Hash">The SHA-256 of its content, in hexadecimal, which is its name.</param>
/// <param name="Size">Bytes.</param>
internal readonly record struct KeptFile(string Hash, long Size);

/// <summary>The files of Synapse's media, kept in this server's folder as they are asked for.</summary>
internal interface IKeptMedia : IDisposable
{
    /// <summary>Keeps the file of local media; if there is none, the reason.</summary>
    Task<(KeptFile? File, string Reason)> KeepLocalAsync(string mediaId, CancellationToken stop);

    /// <summary>Keeps the cached file of another server's media; if there is none, the reason.</summary>
    /// <param name="origin">The other server.</param>
    /// <param name="fileId">The name of the file.</param>
    /// <param name="stop">Ends it.</param>
    Task<(KeptFile? File, string Reason)> KeepRemoteAsync(string origin, string fileId, CancellationToken stop);

    /// <summary>Makes what was kept survive a loss of power.</summary>
    void Save();
}
