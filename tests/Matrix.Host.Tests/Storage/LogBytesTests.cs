using System.Buffers.Binary;
using System.Globalization;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite;
using Matrix.Host.Storage.Sqlite.Native;
using Matrix.Host.Tests.Support;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>The optimisations below SQLite change no byte of the log, and can be switched off.</summary>
internal sealed class LogBytesTests
{
    private const int LogHeader = 32;
    private const int FrameHeader = 24;
    private const int Page = 2048;

    private string _folder = null!;

    private static CancellationToken Stop => CancellationToken.None;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("matrix-log-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void The_log_has_the_same_bytes_with_gathered_writes_and_without()
    {
        var (gathered, gatheredRows) = Logged("gathered", gatherLogWrites: true);
        var (plain, plainRows) = Logged("plain", gatherLogWrites: false);

        Assert.That(plain, Has.Length.GreaterThan(10 * (FrameHeader + Page)));
        Assert.That(
            gathered.AsSpan().SequenceEqual(plain),
            "but for the random salts and the checksums that they change");
        Assert.That(
            (gatheredRows, plainRows),
            Is.EqualTo(("240", "240")),
            "in copies of the files, whose checksums SQLite verifies");
    }

    [Test]
    public void Gathered_writes_are_there_on_this_system() => Assert.That(GatheringVfs.Name, Is.Not.Zero);

    [Test]
    public async Task With_every_trick_off_what_was_acknowledged_is_in_the_files()
    {
        var slice = new TaskCompletionSource<ulong>(TaskCreationOptions.RunContinuationsAsynchronously);
        var options = new StorageOptions
        {
            Url = "sqlite:matrix.db",
            DataDir = Path.Combine(_folder, "off"),
            ServerName = "example.org",
            Time = new ManualTime(),
            GatherLogWrites = false,
            ShortWriterSlices = false,
            WalPreallocatedBytes = 0,
        };
        await using var store = await StorageEngine.OpenAsync(options, Stop);
        Assert.That(new FileInfo(Path.Combine(options.DataDir, "matrix.db-wal")).Length, Is.LessThan(64 * 1024));

        store.Writer.Post(
            new WriteBatch { OnCommitted = (_, _) => slice.SetResult(ShortSlice.Mine()) }.Add(Event(Live(Kitchen, 1))));

        Assert.That(await slice.Task.WaitAsync(TimeSpan.FromSeconds(30), Stop), Is.Not.EqualTo(ShortSlice.Shortest));
        await using var found = await StorageEngine.OpenAsync(options with { DataDir = Copied(options.DataDir) }, Stop);
        Assert.That(await found.Events.FindAsync(Live(Kitchen, 1), Stop), Is.Not.Null);
    }

    /// <summary>
    /// Runs the same transactions each time: small ones, ones larger than the buffer for gathered writes, one that is
    /// rolled back, and several after the log began again.
    /// </summary>
    private (byte[] Log, string Rows) Logged(string name, bool gatherLogWrites)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        var file = Path.Combine(folder, "matrix.db");
        using var connection = SqliteConnection.Open(file, busyTimeoutMs: 1000, gatherLogWrites);
        connection.Execute(
            $"PRAGMA page_size = {Page}; PRAGMA journal_mode = WAL; "
                + "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;");
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
            connection.Execute(string.Create(CultureInfo.InvariantCulture, $"INSERT INTO t VALUES ({id}, 'one')"));
        connection.Execute("DELETE FROM t WHERE id = 261");

        // The files are copied while the connection is open, so the copy lacks what the connection still holds back.
        using var copy = SqliteConnection.Open(
            Path.Combine(Copied(folder), "matrix.db"),
            busyTimeoutMs: 1000,
            gatherLogWrites: false);
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
            if (!log.AsSpan(at + 8, 8).SequenceEqual(log.AsSpan(16, 8))) break;
            kept.AddRange(log.AsSpan(at, 8));
            kept.AddRange(log.AsSpan(at + FrameHeader, Page));
        }

        return [.. kept];
    }

    private string Copied(string folder)
    {
        var copy = Directory.CreateDirectory(Path.Combine(_folder, Guid.NewGuid().ToString("n"))).FullName;
        foreach (var name in new[] { "matrix.db", "matrix.db-wal" })
            File.Copy(Path.Combine(folder, name), Path.Combine(copy, name));
        return copy;
    }
}
