using System.Buffers.Binary;
using System.Globalization;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite;
using Matrix.Host.Tests.Support;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>
/// The preallocated log changes no byte of what SQLite writes to it, and can be switched off.
/// </summary>
internal sealed class LogBytesTests
{
    private const int LogHeader = 32;
    private const int FrameHeader = 24;
    private const int Page = 2048;
    private const int Preallocated = 4 << 20;

    private string _folder = null!;

    private static CancellationToken Stop => CancellationToken.None;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("matrix-log-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void The_log_has_the_same_bytes_preallocated_and_not()
    {
        var (preallocated, preallocatedRows) = Logged("preallocated", Preallocated);
        var (plain, plainRows) = Logged("plain", 0);

        Assert.That(plain, Has.Length.GreaterThan(10 * (FrameHeader + Page)));
        Assert.That(
            preallocated.AsSpan().SequenceEqual(plain), "but for the random salts and the checksums that they change");
        Assert.That((preallocatedRows, plainRows), Is.EqualTo(("240", "240")), "SQLite verifies the checksums");
    }

    [Test]
    public async Task Without_a_preallocated_log_what_was_acknowledged_is_in_the_files()
    {
        var options = Options("off", 0);
        await using var store = await StorageEngine.OpenAsync(options, Stop);
        Assert.That(
            new FileInfo(Path.Combine(options.DataDir, "matrix.db-wal")).Length, Is.LessThan(64 * 1024));

        await store.Writer.WriteAsync(new WriteBatch().Add(Event(Live(Kitchen, 1))), Stop);

        await using var found = await StorageEngine.OpenAsync(
            options with { DataDir = Copied(options.DataDir) }, Stop);
        Assert.That(await found.Events.FindAsync(Live(Kitchen, 1), Stop), Is.Not.Null);
    }

    private StorageOptions Options(string name, int preallocated) => new()
    {
        Url = "sqlite:matrix.db",
        DataDir = Path.Combine(_folder, name),
        ServerName = "example.org",
        Time = new ManualTime(),
        WalPreallocatedBytes = preallocated,
    };

    /// <summary>
    /// Runs the same transactions each time: small ones, one that is rolled back, one with a large row, and several
    /// after the log began again.
    /// </summary>
    private (byte[] Log, string Rows) Logged(string name, int preallocatedBytes)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        var file = Path.Combine(folder, "matrix.db");
        using (var empty = SqliteFile.Take(file, Options(name, preallocatedBytes)))
        {
            empty.LayOutLog();
        }

        using var connection = SqliteConnection.Open(file, busyTimeoutMs: 1000);
        connection.Execute(
            $"PRAGMA page_size = {Page}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
            + "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_spill = 0;");
        connection.Execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
        Insert(1, 20, 100, "COMMIT");
        Assert.That(connection.Checkpoint(), Is.Positive);

        // The log begins again.
        Insert(21, 40, 100, "COMMIT");
        Insert(41, 200, 3000, "COMMIT");
        Insert(201, 220, 5000, "ROLLBACK");
        Insert(221, 221, 300_000, "COMMIT");
        connection.Execute("UPDATE t SET text = 'short' WHERE id % 3 = 0; DELETE FROM t WHERE id = 7");
        for (var id = 222; id <= 261; id++)
        {
            connection.Execute(string.Create(CultureInfo.InvariantCulture, $"INSERT INTO t VALUES ({id}, 'one')"));
        }

        connection.Execute("DELETE FROM t WHERE id = 261");

        // The files are copied while the connection is open, so the copy lacks what the connection still holds back.
        using var copy = SqliteConnection.Open(Path.Combine(Copied(folder), "matrix.db"), busyTimeoutMs: 1000);
        return (
            WithoutSalts(File.ReadAllBytes(file + "-wal")),
            copy.Scalar("SELECT COUNT(*) + (SELECT COUNT(*) FROM t WHERE id = 221) FROM t")!);

        void Insert(int first, int last, int length, string end)
        {
            connection.Execute("BEGIN IMMEDIATE");
            for (var id = first; id <= last; id++)
            {
                connection.Execute(string.Create(
                    CultureInfo.InvariantCulture,
                    $"INSERT INTO t VALUES ({id}, '{new string((char)('a' + (id % 26)), length)}')"));
            }

            connection.Execute(end);
        }
    }

    /// <summary>
    /// The parts of SQLite's log that do not depend on the salts: the first half of the header and, from each frame,
    /// the page's number, the size of the database and the page. Frames from before the log began again are left out:
    /// their salts differ from the header's.
    /// </summary>
    private static byte[] WithoutSalts(byte[] log)
    {
        var kept = new List<byte>(log.Length);
        kept.AddRange(log.AsSpan(0, 16));
        for (var at = LogHeader; at + FrameHeader + Page <= log.Length; at += FrameHeader + Page)
        {
            var salts = BinaryPrimitives.ReadUInt64BigEndian(log.AsSpan(at + 8));
            if (salts != BinaryPrimitives.ReadUInt64BigEndian(log.AsSpan(16))) break;
            kept.AddRange(log.AsSpan(at, 8));
            kept.AddRange(log.AsSpan(at + FrameHeader, Page));
        }

        return [.. kept];
    }

    private string Copied(string folder)
    {
        var copy = Directory.CreateDirectory(Path.Combine(_folder, Guid.NewGuid().ToString("n"))).FullName;
        foreach (var name in new[] { "matrix.db", "matrix.db-wal" })
        {
            File.Copy(Path.Combine(folder, name), Path.Combine(copy, name));
        }

        return copy;
    }
}
