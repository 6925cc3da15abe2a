using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Matrix.Host.Storage;

namespace Matrix.Backup.Repository;

/// <summary>
/// A folder of chunks, each in a file that is named by what is in it, and of snapshots, which list chunks. A chunk that
/// is there is not written again. Several backups of one server share a folder; one process uses it at a time.
/// </summary>
public sealed class ChunkRepository : IDisposable
{
    /// <summary>The most bytes of a chunk, or of the list of a snapshot, before it is compressed.</summary>
    public const int MostBytes = 256 * 1024 * 1024;

    private const string FormatName = "format.json";
    private const string Snapshots = "snapshots";
    private const string Suffix = ".json";
    private const int Version = 1;

    private static readonly byte[] _known = "a matrix backup"u8.ToArray();

    private readonly string _folder;
    private readonly BackupKey? _key;
    private readonly FileStream _lock;
    private readonly HashSet<string> _folders = [];

    private ChunkRepository(string folder, BackupKey? key, FileStream @lock) =>
        (_folder, _key, _lock) = (folder, key, @lock);

    /// <summary>Chunks that were written.</summary>
    public long Written { get; private set; }

    /// <summary>Bytes of their files.</summary>
    public long WrittenBytes { get; private set; }

    /// <summary>Opens a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="key">The key; null if it is not encrypted.</param>
    /// <param name="create">Whether an empty or missing folder becomes a repository.</param>
    /// <exception cref="BackupException">It is none, is in use, or has another key.</exception>
    public static ChunkRepository Open(string folder, BackupKey? key, bool create)
    {
        try
        {
            var format = Path.Combine(folder, FormatName);
            if (!File.Exists(format))
            {
                if (!create) throw new BackupException($"{folder}: there is no backup here.");
                OwnFiles.MakeFolder(folder);
                if (Directory.EnumerateFileSystemEntries(folder).Any())
                {
                    throw new BackupException($"{folder}: expected an empty folder, or one with backups.");
                }

                var sealedText = key is null ? null : Convert.ToBase64String(key.Seal(_known));
                Write(format, JsonSerializer.SerializeToUtf8Bytes(new Format(Version, sealedText)));
            }

            Check(folder, JsonSerializer.Deserialize<Format>(File.ReadAllBytes(format)), key);
            OwnFiles.MakeFolder(Path.Combine(folder, Snapshots));
            return new ChunkRepository(folder, key, OwnFiles.Open(
                Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new BackupException($"{folder}: {fault.Message}", fault);
        }
    }

    /// <summary>Keeps a chunk, and returns its name.</summary>
    /// <exception cref="BackupException">It cannot be written.</exception>
    public string Put(ReadOnlySpan<byte> plain)
    {
        if (plain.Length > MostBytes) throw new BackupException($"{_folder}: a row has more than {MostBytes} bytes.");
        var name = NameOf(plain);
        var file = FileOf(name);
        if (File.Exists(file)) return name;
        var stored = Compressed(plain);
        if (_key is not null) stored = _key.Seal(stored);
        try
        {
            var itsFolder = Path.GetDirectoryName(file)!;
            OwnFiles.MakeFolder(itsFolder);
            Write(file, stored);
            _folders.Add(itsFolder);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{_folder}: {fault.Message}", fault);
        }

        Written++;
        WrittenBytes += stored.Length;
        return name;
    }

    /// <summary>Whether a chunk is there. It is not read.</summary>
    public bool Has(string name) => File.Exists(FileOf(name));

    /// <summary>Reads a chunk.</summary>
    /// <exception cref="BackupException">It is missing or damaged.</exception>
    public byte[] Get(string name)
    {
        try
        {
            var stored = File.ReadAllBytes(FileOf(name));
            var opened = _key is null ? stored : _key.Open(stored);
            var plain = opened is null ? null : Decompressed(opened);
            return plain is not null && NameOf(plain) == name
                ? plain
                : throw new BackupException($"{_folder}: the chunk {name} is damaged.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{_folder}: the chunk {name} cannot be read: {fault.Message}", fault);
        }
    }

    /// <summary>The names of all snapshots, the oldest first.</summary>
    public IReadOnlyList<string> SnapshotNames() =>
    [
        .. Directory.EnumerateFiles(Path.Combine(_folder, Snapshots), "*" + Suffix)
            .Select(static file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal),
    ];

    /// <summary>Keeps a snapshot. All of its chunks are durable before it is.</summary>
    /// <exception cref="BackupException">It cannot be written.</exception>
    public void PutSnapshot(string name, ReadOnlySpan<byte> plain)
    {
        try
        {
            foreach (var folder in _folders) Durable.SyncFolder(folder);
            var stored = Compressed(plain);
            Write(SnapshotFile(name), _key is null ? stored : _key.Seal(stored));
            Durable.SyncFolder(Path.Combine(_folder, Snapshots));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{_folder}: {fault.Message}", fault);
        }
    }

    /// <summary>Reads a snapshot.</summary>
    /// <exception cref="BackupException">It is missing or damaged.</exception>
    public byte[] GetSnapshot(string name)
    {
        try
        {
            var stored = File.ReadAllBytes(SnapshotFile(name));
            var opened = _key is null ? stored : _key.Open(stored);
            return (opened is null ? null : Decompressed(opened))
                ?? throw new BackupException($"{_folder}: the backup {name} is damaged.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{_folder}: there is no backup {name}: {fault.Message}", fault);
        }
    }

    /// <summary>Deletes snapshots, and then the chunks that no other one lists. Returns how many chunks.</summary>
    /// <param name="names">The snapshots that go.</param>
    /// <param name="kept">The chunks that others list.</param>
    /// <exception cref="BackupException">A file cannot be deleted.</exception>
    public long Delete(IEnumerable<string> names, IReadOnlySet<string> kept)
    {
        try
        {
            foreach (var name in names) File.Delete(SnapshotFile(name));
            Durable.SyncFolder(Path.Combine(_folder, Snapshots));
            long deleted = 0;
            foreach (var file in Directory.EnumerateFiles(
                Path.Combine(_folder, "chunks"), "*", SearchOption.AllDirectories))
            {
                if (kept.Contains(Path.GetFileName(file))) continue;
                File.Delete(file);
                deleted++;
            }

            return deleted;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{_folder}: {fault.Message}", fault);
        }
    }

    /// <summary>Lets another process use it.</summary>
    public void Dispose() => _lock.Dispose();

    private static void Check(string folder, Format? format, BackupKey? key)
    {
        if (format is not { Version: Version })
        {
            throw new BackupException($"{folder}: the backups have a form that this version does not know.");
        }

        if (format.Sealed is null && key is not null)
        {
            throw new BackupException($"{folder}: the backups are not encrypted, but there is a key.");
        }

        if (format.Sealed is not { } text) return;
        if (key is null) throw new BackupException($"{folder}: the backups are encrypted: their key is needed.");
        if (key.Open(Convert.FromBase64String(text)) is not { } opened || !opened.AsSpan().SequenceEqual(_known))
        {
            throw new BackupException($"{folder}: the backups have another key.");
        }
    }

    private static byte[] Compressed(ReadOnlySpan<byte> plain)
    {
        using var to = new MemoryStream();
        using (var brotli = new BrotliStream(to, CompressionLevel.Fastest, leaveOpen: true)) brotli.Write(plain);
        return to.ToArray();
    }

    /// <summary>Null if it is not what was compressed, or longer than a chunk.</summary>
    private static byte[]? Decompressed(byte[] stored)
    {
        try
        {
            using var to = new MemoryStream();
            using var brotli = new BrotliStream(new MemoryStream(stored), CompressionMode.Decompress);
            var buffer = new byte[64 * 1024];
            for (int read; (read = brotli.Read(buffer)) > 0;)
            {
                if (to.Length + read > MostBytes) return null;
                to.Write(buffer, 0, read);
            }

            return to.ToArray();
        }
        catch (Exception fault) when (fault is InvalidOperationException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>A file is there whole or not at all.</summary>
    private static void Write(string file, ReadOnlySpan<byte> bytes)
    {
        var partial = file + ".partial";
        File.Delete(partial);
        using (var to = OwnFiles.Open(partial, FileMode.CreateNew)) to.Write(bytes);
        Durable.Sync(partial);
        File.Move(partial, file, overwrite: true);
    }

    private string NameOf(ReadOnlySpan<byte> plain) =>
        Convert.ToHexStringLower(_key is null ? SHA256.HashData(plain) : _key.NameOf(plain));

    private string FileOf(string name) => Path.Combine(_folder, "chunks", name[..2], name);

    private string SnapshotFile(string name) => Path.Combine(_folder, Snapshots, name + Suffix);

    private sealed record Format(int Version, string? Sealed);
}
