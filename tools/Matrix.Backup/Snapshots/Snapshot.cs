using System.Text.Json;

namespace Matrix.Backup.Snapshots;

/// <summary>What a backup lists: the rows of all tables as of one committed state, and files.</summary>
/// <param name="ServerName">The server.</param>
/// <param name="TakenAt">When it was begun.</param>
/// <param name="Schema">How many migrations the database had.</param>
/// <param name="Position">The last position.</param>
/// <param name="DeletedRooms">The greatest number of a deleted room; null if none was deleted.</param>
/// <param name="Consumers">Of several nodes, how far the one furthest behind had sent, by what is sent.</param>
/// <param name="Tables">The tables.</param>
/// <param name="Files">The configuration, keys and media.</param>
public sealed record Snapshot(
    string ServerName, DateTimeOffset TakenAt, int Schema, long Position, long? DeletedRooms,
    IReadOnlyDictionary<string, long> Consumers, IReadOnlyList<TableOfSnapshot> Tables,
    IReadOnlyList<FileOfSnapshot> Files)
{
    /// <summary>All chunks that it lists.</summary>
    public IEnumerable<string> Chunks() =>
        Tables.SelectMany(static table => table.Chunks).Concat(Files.SelectMany(static file => file.Chunks));

    /// <summary>Its stored form.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this);

    /// <summary>Reads the stored form.</summary>
    /// <exception cref="BackupException">It is none.</exception>
    public static Snapshot Of(byte[] bytes)
    {
        try
        {
            return JsonSerializer.Deserialize<Snapshot>(bytes) ?? throw new JsonException("null");
        }
        catch (JsonException fault)
        {
            throw new BackupException($"A backup's list has another form: {fault.Message}", fault);
        }
    }
}

/// <summary>The rows of a table.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Rows">How many rows.</param>
/// <param name="Digest">The SHA-256 of all values.</param>
/// <param name="Chunks">Their chunks, in order.</param>
public sealed record TableOfSnapshot(string Name, long Rows, string Digest, IReadOnlyList<string> Chunks);

/// <summary>A file.</summary>
/// <param name="Kind">Where it belongs.</param>
/// <param name="Path">Its path there, with `/` between names.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Chunks">Its chunks, in order.</param>
public sealed record FileOfSnapshot(FileKind Kind, string Path, long Bytes, IReadOnlyList<string> Chunks);

/// <summary>Where a file belongs.</summary>
public enum FileKind
{
    /// <summary>The configuration: one file.</summary>
    Configuration,

    /// <summary>The data folder itself: the signing key and the like.</summary>
    Data,

    /// <summary>The folder of media.</summary>
    Media,
}
