using System.Globalization;
using Matrix.Durability;
using Matrix.Durability.Kill;
using Matrix.Durability.PowerLoss;
using Matrix.Processes;

var onSqlite = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3;
var onPostgres = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 3;
var seed = Environment.TickCount;
var suite = new Suite();
Console.WriteLine($"seed {seed}");

await suite.TestAsync("SIGTERM drains what is under way and ends with 0 within 5 s, on SQLite", () => Draining.CheckAsync(null));
await suite.TestAsync("a first start that is killed in the middle of making its database is resumed by the next", () => FirstStart.ResumesAsync(seed));
await KillAsync("SQLite", null, onSqlite);

if (onPostgres > 0)
{
    using var postgres = new PostgresProcess();
    await suite.TestAsync("SIGTERM drains, on PostgreSQL", () => Draining.CheckAsync(postgres.NewDatabase("draining")));
    await suite.TestAsync(
        "PostgreSQL is refused with synchronous_commit off", () => PostgresSettings.SynchronousCommitOffIsRefusedAsync(postgres));
    await KillAsync("PostgreSQL", postgres.NewDatabase("kill"), onPostgres);
}

await suite.TestAsync("a record of calls that a kill cut short is read as far as it goes", PowerLossTest.ReadsWhatTheKillCutShortAsync);
await suite.TestAsync("each 200 comes after the disk has what it tells of, on SQLite", () => PowerLossTest.HoldsAsync(seed));
await suite.TestAsync("the same test fails with synchronous=OFF", () => PowerLossTest.FailsWithoutSyncAsync(seed));
await suite.TestAsync(
    "a disk that loses the database's pages ends the server, and nothing is lost",
    () => BrokenDisk.EndsTheServerAndLosesNothingAsync("matrix.db", "The disk did not keep what was written to the database,"));
await suite.TestAsync(
    "a disk that loses the log's pages ends the server, and nothing that was acknowledged is lost",
    () => BrokenDisk.EndsTheServerAndLosesNothingAsync("matrix.db-wal", "The disk did not keep what was written to the database's log,"));
return suite.Finish();

async Task KillAsync(string database, string? url, int rounds)
{
    if (rounds == 0)
    {
        return;
    }

    using var kill = new KillRounds(url, seed);
    await suite.TestAsync($"the {database} server starts with {20} clients", kill.PrepareAsync);
    await suite.TestAsync($"kill -9 on {database}, amid the reading of a gap: what was acknowledged is there, once", kill.AmidAGapAsync);
    for (var round = 1; round <= rounds; round++)
    {
        await suite.TestAsync($"kill -9 on {database}, round {round}: what was acknowledged is there, once", kill.RoundAsync);
    }
}
