using System.Diagnostics;
using System.Globalization;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Copying;
using Matrix.Host.Storage.Sqlite;

namespace Matrix.Host.Tests.Storage;

/// <summary>Copies of a database with many messages.</summary>
internal sealed class LargeCopyTests
{
    private static CancellationToken Stop => CancellationToken.None;

    /// <summary>COPY_MESSAGES says how many; the time of each direction is printed.</summary>
    [Test]
    [Category("Slow")]
    [Category(TestDatabase.Postgres)]
    public async Task Many_messages_go_to_PostgreSQL_and_back()
    {
        var messages = int.Parse(
            Environment.GetEnvironmentVariable("COPY_MESSAGES") ?? "500000", CultureInfo.InvariantCulture);
        await using var source = await TestDatabase.CreateAsync(TestDatabase.Sqlite);
        await (await StorageEngine.OpenAsync(OptionsOf(source), Stop)).DisposeAsync();
        FillWithMessages(Path.Combine(source.Folder, "matrix.db"), messages);
        await using var postgres = await TestDatabase.CreateAsync(TestDatabase.Postgres, isNew: true);
        await using var back = await TestDatabase.CreateAsync(TestDatabase.Sqlite);

        var there = await TimedAsync(source, postgres);
        var again = await TimedAsync(postgres, back);

        Assert.That(there.Tables.Single(static table => table.Table == "events").Rows, Is.EqualTo(messages));
        Assert.That(again.Tables, Is.EqualTo(there.Tables));
    }

    private static StorageOptions OptionsOf(TestDatabase database) => new()
    {
        Url = CopyTests.UrlOf(database),
        DataDir = database.Folder,
        ServerName = "example.org",
    };

    private static async Task<CopyReport> TimedAsync(TestDatabase from, TestDatabase to)
    {
        var began = Stopwatch.GetTimestamp();
        var report = await StorageCopy.RunAsync(OptionsOf(from), CopyTests.UrlOf(to), static _ => { }, Stop);
        var rows = report.Tables.Sum(static table => table.Rows);
        TestContext.Out.WriteLine($"{rows} rows in {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s");
        return report;
    }

    /// <summary>Messages of 300 bytes and their words, in 500 rooms, as they come when all rooms are busy.</summary>
    private static void FillWithMessages(string file, int messages)
    {
        using var connection = SqliteConnection.Open(file, busyTimeoutMs: 1000);
        var numbers = $"WITH RECURSIVE m (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM m WHERE n < {messages - 1})";
        connection.Execute(
            $"""
            BEGIN;
            {numbers} INSERT INTO event_json (json_id, json)
                SELECT n + 1, CAST('"body":"' || hex(randomblob(150)) || '"' AS BLOB) FROM m;
            {numbers} INSERT INTO events (event_nid, position, step, marks, notify_class, event_id, sender, json_id)
                SELECT (n % 500 + 1) * 4294967296 + 2147483648 + n / 500, n, 1, 0, 0, randomblob(32),
                    '@user' || n % 1000 || ':example.org', n + 1 FROM m;
            {numbers} INSERT INTO search_events (event_nid, text_nid, ts, kind, words, tokens)
                SELECT (n % 500 + 1) * 4294967296 + 2147483648 + n / 500, n, n, 0, 3,
                    'hello word' || abs(random() % 20000) || ' and' || abs(random() % 2000) FROM m;
            COMMIT;
            """);
    }
}
