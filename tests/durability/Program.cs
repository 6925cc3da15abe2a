using System.Globalization;
using Matrix.Durability;
using Matrix.Durability.FullDisk;
using Matrix.Durability.Kill;
using Matrix.Durability.PowerLoss;
using Matrix.Processes;

var onSqlite = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3;
var onPostgres = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 3;
var seed = Environment.TickCount;
var suite = new Suite();
Console.WriteLine($"seed {seed}");

await suite.TestAsync(
    "on SIGTERM the server answers all requests and exits with 0 in time, on SQLite",
    () => Draining.CheckAsync(null));
await suite.TestAsync(
    "the next start resumes a first start that was killed while it created its database",
    () => FirstStart.ResumesAsync(seed));
await suite.TestAsync(
    "a full disk stops writes with a clear answer, keeps reads, loses nothing, and goes on, on SQLite",
    FullDiskTest.OnSqliteAsync);
await KillAsync("SQLite", null, onSqlite);
await KillJobsAsync("SQLite", () => null);

if (onPostgres > 0)
{
    using var postgres = new PostgresProcess();
    await suite.TestAsync(
        "on SIGTERM the server answers all requests, on PostgreSQL",
        () => Draining.CheckAsync(postgres.NewDatabase("draining")));
    await suite.TestAsync(
        "the server refuses PostgreSQL with synchronous_commit off",
        () => PostgresSettings.SynchronousCommitOffIsRefusedAsync(postgres));
    await suite.TestAsync(
        "a full disk stops writes with a clear answer, keeps reads, loses nothing, and goes on, on PostgreSQL",
        () => FullDiskTest.OnPostgresAsync(postgres));
    await KillAsync("PostgreSQL", postgres.NewDatabase("kill"), onPostgres);
    var databases = 0;
    await KillJobsAsync("PostgreSQL", () => postgres.NewDatabase($"jobs{++databases}"));
}

await suite.TestAsync(
    "a recording that a kill cut short is read up to that point", PowerLossTest.ReadsWhatTheKillCutShortAsync);
await suite.TestAsync("each 200 comes after its event is on the disk, on SQLite", () => PowerLossTest.HoldsAsync(seed));
await suite.TestAsync("the same test fails with synchronous=OFF", () => PowerLossTest.FailsWithoutSyncAsync(seed));
await suite.TestAsync(
    "a disk that loses the database's pages ends the server, and nothing is lost",
    () => BrokenDisk.EndsTheServerAndLosesNothingAsync("matrix.db", "The disk lost writes to the database,"));
await suite.TestAsync(
    "a disk that loses the log's pages ends the server, and nothing that was acknowledged is lost",
    () => BrokenDisk.EndsTheServerAndLosesNothingAsync("matrix.db-wal", "The disk lost writes to the database's log,"));
return suite.Finish();

async Task KillAsync(string database, string? url, int rounds)
{
    if (rounds == 0)
    {
        return;
    }

    await using var kill = new KillRounds(url, seed);
    await suite.TestAsync($"the {database} server starts with {20} clients", kill.PrepareAsync);
    await suite.TestAsync(
        $"kill -9 on {database}, while a client fetches a gap: what was acknowledged exists once", kill.AmidAGapAsync);
    for (var round = 1; round <= rounds; round++)
    {
        await suite.TestAsync(
            $"kill -9 on {database}, round {round}: what was acknowledged exists once", kill.RoundAsync);
    }
}

async Task KillJobsAsync(string database, Func<string?> newDatabase)
{
    await suite.TestAsync($"kill -9 on {database} in the middle of a room's deletion: it goes on and ends", async () =>
    {
        using var jobs = new KilledJobs(newDatabase(), seed);
        await jobs.DeletionAsync();
    });
    await suite.TestAsync($"kill -9 on {database} in the middle of a purge of history: it goes on and ends", async () =>
    {
        using var jobs = new KilledJobs(newDatabase(), seed);
        await jobs.PurgeAsync();
    });
}
