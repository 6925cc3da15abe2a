using System.Diagnostics;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Postgres;
using Matrix.Host.Storage.Sqlite;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Tests.Storage;

/// <summary>Long queries end when their caller cancels, or at their time limit.</summary>
internal sealed class InterruptionTests(string kind) : StorageTests(kind)
{
    // Counts for minutes in one statement, which returns one row.
    private static readonly Statement _long = Statement.Of(
        """
        WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 5000000000)
        SELECT MAX(i) FROM n
        """);

    private static readonly Statement _short = Statement.Of("SELECT 42");
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(60);

    private IReads _reads = null!;
    private IAsyncDisposable _opened = null!;

    [TearDown]
    public async Task CloseReads() => await _opened.DisposeAsync();

    [Test]
    public async Task A_question_ends_when_it_is_cancelled_in_the_middle_of_a_statement()
    {
        Opens(TimeSpan.Zero);
        using var stop = new CancellationTokenSource();
        var asked = NumberAsync(_long, stop.Token);
        await Task.Delay(200);
        Assert.That(asked.IsCompleted, Is.False);
        await stop.CancelAsync();

        Assert.That(async () => await asked.WaitAsync(_soon), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await NumberAsync(_short, Stop).WaitAsync(_soon), Is.EqualTo(42), "The next one is answered.");
    }

    [Test]
    public async Task A_question_ends_when_its_time_is_up()
    {
        // The same time limits the short question after it.
        Opens(TimeSpan.FromSeconds(4));
        var began = Stopwatch.GetTimestamp();
        var fault = Fails(async () => await NumberAsync(_long, Stop).WaitAsync(_soon));

        Assert.That(fault.Failure, Is.EqualTo(StorageFailure.TimedOut));
        Assert.That(Stopwatch.GetElapsedTime(began).TotalMilliseconds, Is.GreaterThan(3500));
        Assert.That(await NumberAsync(_short, Stop).WaitAsync(_soon), Is.EqualTo(42), "The next one is answered.");
    }

    private Task<long> NumberAsync(Statement statement, CancellationToken stop) =>
        _reads.FirstAsync(statement, static row => row.Int64(0), stop).AsTask();

    private void Opens(TimeSpan longest)
    {
        var options = Options() with { LongestRead = longest, Readers = 1 };
        if (IsSqlite)
        {
            var readers = new SqliteReaders(
                [SqliteConnection.OpenReadOnly(Path.Combine(Database.Folder, "matrix.db"), 1000)],
                options);
            (_reads, _opened) = (readers, readers);
            return;
        }

        var source = PostgresStorage.SourceOf(PostgresUrl.Parse(Database.Url, options), options);
        (_reads, _opened) = (new PostgresReads(source), source);
    }
}
