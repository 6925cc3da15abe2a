using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage;
using Matrix.Import.Runs;

namespace Matrix.Import.Media;

/// <summary>
/// This server's media folder: contents by their hash. What was hashed is remembered in a file beside it, so that the
/// import after `--media-first` hashes new files only.
/// </summary>
internal sealed partial class KeptFiles : IDisposable
{
    private const int HashedBuffer = 1 << 20;

    private static readonly SearchValues<char> _hexadecimal = SearchValues.Create("0123456789abcdef");

    private readonly string _files;
    private readonly bool _link;
    private readonly StreamWriter _remembered;
    private readonly Dictionary<UInt128, (UInt128 High, UInt128 Low)> _known = [];

    /// <param name="folder">The media folder: `media` in the data folder.</param>
    /// <param name="link">Whether files are linked where the file system can.</param>
    /// <exception cref="ImportException">It cannot be written.</exception>
    public KeptFiles(string folder, bool link)
    {
        _link = link;
        _files = Path.Combine(folder, "files");
        try
        {
            OwnFiles.MakeFolder(folder);
            OwnFiles.MakeFolder(_files);
            for (var first = 0; first <= byte.MaxValue; first++)
            {
                OwnFiles.MakeFolder(Path.Combine(_files, first.ToString("x2", CultureInfo.InvariantCulture)));
            }

            var list = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(folder))!, "imported-media.txt");
            Remember(list);
            _remembered = new StreamWriter(OwnFiles.Open(list, FileMode.Append)) { AutoFlush = false };
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ImportException($"The media folder {folder} cannot be written: {fault.Message}", fault);
        }
    }

    /// <summary>Keeps a file: hashes it, and links or copies it. One that is kept already costs a look.</summary>
    /// <exception cref="IOException">It cannot be read, or not written.</exception>
    public async Task<KeptFile> KeepAsync(string file, CancellationToken stop)
    {
        var info = new FileInfo(file);
        var key = KeyOf(info);
        if (_known.TryGetValue(key, out var known) && File.Exists(PathOf(TextOf(known))))
        {
            return new KeptFile(TextOf(known), info.Length);
        }

        var aside = Path.Combine(_files, $"import-{Guid.NewGuid():N}");
        try
        {
            var (hash, size) = await HashAsync(file, aside, stop);
            var path = PathOf(hash);
            if (!File.Exists(path)) File.Move(aside, path);
            _known[key] = NumbersOf(hash);
            await _remembered.WriteAsync($"{key:x32} {hash}\n");
            return new KeptFile(hash, size);
        }
        finally
        {
            File.Delete(aside);
        }
    }

    /// <summary>Writes what was hashed, and syncs the folders.</summary>
    public void Save()
    {
        foreach (var folder in Directory.EnumerateDirectories(_files)) Durable.SyncFolder(folder);
        _remembered.Flush();
    }

    public void Dispose() => _remembered.Dispose();

    private static UInt128 KeyOf(FileInfo info)
    {
        var text = $"{info.FullName}\n{info.Length}\n{info.LastWriteTimeUtc.Ticks}";
        return MemoryMarshal.Read<UInt128>(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    private static string TextOf((UInt128 High, UInt128 Low) hash) => $"{hash.High:x32}{hash.Low:x32}";

    private static (UInt128 High, UInt128 Low) NumbersOf(string hash) => (
        UInt128.Parse(hash.AsSpan(0, 32), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        UInt128.Parse(hash.AsSpan(32), NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    // A line that a kill left incomplete is passed over.
    private void Remember(string list)
    {
        if (!File.Exists(list)) return;
        foreach (var line in File.ReadLines(list))
        {
            if (line.Length == 97 && line[32] == ' '
                && UInt128.TryParse(
                    line.AsSpan(0, 32), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var key)
                && line.AsSpan(33).IndexOfAnyExcept(_hexadecimal) < 0)
            {
                _known[key] = NumbersOf(line[33..]);
            }
        }
    }

    // A link shares its file with Synapse, which never changes one. A file of another user is copied, so that this
    // server can read it whatever its mode.
    private async Task<(string Hash, long Size)> HashAsync(string file, string aside, CancellationToken stop)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var from = new FileStream(
            file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1, FileOptions.SequentialScan);
        var isLinked = _link && (File.GetUnixFileMode(file) & UnixFileMode.UserRead) != 0
            && Ownership.IsOurs(file) && link(file, aside) == 0;
        FileStream? to = null;
        try
        {
            if (!isLinked) to = OwnFiles.Open(aside, FileMode.CreateNew);
            var buffer = new byte[HashedBuffer];
            var size = 0L;
            while (await from.ReadAsync(buffer, stop) is > 0 and var read)
            {
                hash.AppendData(buffer, 0, read);
                if (to is not null) await to.WriteAsync(buffer.AsMemory(0, read), stop);
                size += read;
            }

            to?.Flush(flushToDisk: true);
            return (Convert.ToHexStringLower(hash.GetHashAndReset()), size);
        }
        finally
        {
            if (to is not null) await to.DisposeAsync();
        }
    }

    private string PathOf(string hash) => Path.Combine(_files, hash[..2], hash[2..]);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int link(string from, string to);
}
