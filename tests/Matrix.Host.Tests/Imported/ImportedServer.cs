using System.Globalization;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Imports;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Imported;

/// <summary>
/// A server with rows that count as imported: what its users did before <see cref="ImportAsync"/>, at the positions
/// that it got, and changes of the past. The positions of its events stand for Synapse's stream orderings.
/// </summary>
internal sealed class ImportedServer : IAsyncDisposable
{
    /// <summary>A position after all that the users did.</summary>
    public const long Past = 500_000_000;

    /// <summary>The last position of imported rows.</summary>
    public const long StartAfter = 1_000_000_000;

    private const long End = 900_000_000;

    private readonly TestDatabase _database;

    private ImportedServer(TestDatabase database, TestServer server) => (_database, Server) = (database, server);

    public TestServer Server { get; }

    /// <summary>Starts the server, on a kind of database.</summary>
    public static async Task<ImportedServer> StartAsync(string kind, params (string, string)[] settings)
    {
        var database = await TestDatabase.CreateAsync(kind);
        try
        {
            return new ImportedServer(database, await TestServer.StartAsync(
                [("database.url", database.Url), .. settings]));
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    /// <summary>The position of what happened last: the source's newest number.</summary>
    public long Now => Server.Services.GetRequiredService<IStorageWriter>().PublishedPosition;

    /// <summary>The row of an event.</summary>
    public async Task<EventRow> RowOfAsync(string eventId) =>
        (await Server.Services.GetRequiredService<IEventsTable>().FindAnywhereAsync(eventId, 1, default)).Single();

    /// <summary>All so far becomes imported, and so do further changes, each at its own position.</summary>
    public async Task ImportAsync(params (long Position, Change Change)[] past)
    {
        await Server.StopAsync();
        await using (var storage = await StorageEngine.OpenAsync(
            new StorageOptions
            {
                Url = _database.Url,
                DataDir = Server.Folder,
                ServerName = TestServer.ServerName,
                StartAfter = StartAfter,
            },
            default))
        {
            var batch = Batches.New(past.Length + 2);
            batch.Add(new ImportBegan(new ImportRow("test", "", StartAfter, 0, null, false, false, "{}")));
            foreach (var (position, change) in past) batch.Add(new DatedChange(change, position));
            batch.Add(new ImportEnded("{}"));
            await storage.Writer.WriteAsync(batch, default);
        }

        await Server.StartAgainAsync();
    }

    /// <summary>A token of sync of Synapse 1.160; what is not given is at the end of all.</summary>
    public static string Token(
        long events = End, long receipts = End, long accountData = End, long pushRules = End,
        long toDevice = End, long deviceLists = End, long presence = End) => string.Create(
        CultureInfo.InvariantCulture,
        $"s{events}_{presence}_0_{receipts}_{accountData}_{pushRules}_{toDevice}_{deviceLists}_0_1_1_1_1_1");

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await _database.DisposeAsync();
    }
}
