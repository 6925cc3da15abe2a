using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Matrix.Host.Storage;

namespace Matrix.Host.Media.Store;

/// <summary>
/// Receives contents into temporary files, so that memory does not grow with them. What a stopped server left is
/// deleted at the next start.
/// </summary>
public sealed class MediaSpool
{
    /// <summary>The bytes that are written at once, if they arrive fast.</summary>
    private const int Piece = 256 << 10;

    /// <summary>The bytes after which the disk begins to write. The sync at the end finds little left.</summary>
    private const int BeginsAfter = 1 << 20;

    /// <summary>Makes the folder, and deletes what is in it.</summary>
    public MediaSpool(MediaOptions options)
    {
        Folder = WorkFolders.Of(options, WorkFolders.Incoming);
        OwnFiles.MakeFolder(Folder);
        WorkFolders.Empty(Folder);
    }

    /// <summary>The folder of what arrives.</summary>
    internal string Folder { get; }

    /// <summary>Receives a content; null if it exceeds the limit. The file is synced.</summary>
    /// <param name="content">The content.</param>
    /// <param name="most">The most bytes.</param>
    /// <exception cref="IOException">It did not arrive completely, or cannot be written.</exception>
    public async ValueTask<SpooledFile?> ReceiveAsync(PipeReader content, long most, CancellationToken stop)
    {
        var path = Path.Combine(Folder, Guid.NewGuid().ToString("N"));
        SpooledFile? received = null;
        try
        {
            return received = await WriteAsync(path, content, most, stop);
        }
        finally
        {
            if (received is null) File.Delete(path);
        }
    }

    private static async ValueTask<SpooledFile?> WriteAsync(
        string path, PipeReader content, long most, CancellationToken stop)
    {
        using var opened = OwnFiles.Open(path, FileMode.CreateNew, options: FileOptions.Asynchronous);
        var file = opened.SafeFileHandle;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var written = 0L;
        var begun = 0L;
        var pieces = new List<ReadOnlyMemory<byte>>();

        // Not cancelled by a token: the web server would log an error when it skips the rest of the content.
        using var stops = stop.UnsafeRegister(static content => ((PipeReader)content!).CancelPendingRead(), content);
        while (true)
        {
            var read = await content.ReadAtLeastAsync(Piece, CancellationToken.None);
            try
            {
                stop.ThrowIfCancellationRequested();
                if (written + read.Buffer.Length > most) return null;

                pieces.Clear();
                foreach (var piece in read.Buffer)
                {
                    if (!piece.IsEmpty) pieces.Add(piece);
                }

                if (pieces.Count > 0)
                {
                    // A thread of the pool writes while this one hashes.
                    var writing = RandomAccess.WriteAsync(file, pieces, written, CancellationToken.None);
                    foreach (var piece in pieces) hash.AppendData(piece.Span);
                    await writing;
                }

                written += read.Buffer.Length;
                if (written - begun >= BeginsAfter)
                {
                    Durable.Begin(file, begun, written - begun);
                    begun = written;
                }
            }
            finally
            {
                content.AdvanceTo(read.Buffer.End);
            }

            if (read.IsCompleted) break;
        }

        await Task.Run(() => RandomAccess.FlushToDisk(file), stop);
        return new SpooledFile(path, Convert.ToHexStringLower(hash.GetHashAndReset()), written);
    }
}
