namespace Matrix.Host.Media.Store;

/// <summary>A content that arrived completely, in a temporary file. Disposing deletes it unless it was kept.</summary>
/// <param name="Path">The file.</param>
/// <param name="Hash">The SHA-256 in hexadecimal.</param>
/// <param name="Size">Bytes.</param>
public sealed record SpooledFile(string Path, string Hash, long Size) : IDisposable
{
    /// <summary>Deletes the temporary file.</summary>
    public void Dispose() => File.Delete(Path);
}
