using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Import.Commands;
using Matrix.Import.Runs;
using Matrix.Import.Sources;
using Matrix.Import.Tests.Sources;
using Matrix.Import.Tests.Support;
using Matrix.Import.Verifying;

namespace Matrix.Import.Tests.Runs;

/// <summary>
/// The base of tests that fill a small Synapse, import it, and ask the server that starts on the result: from each kind
/// of source into each kind of target.
/// </summary>
[TestFixtureSource(typeof(ImportedServerTests), nameof(Ways))]
internal abstract class ImportedServerTests(string sourceKind, string targetKind)
{
    private TestServer? _server;

    /// <summary>Each kind of source with each kind of target.</summary>
    public static IEnumerable<TestFixtureData> Ways
    {
        get
        {
            foreach (var source in new[] { TestDatabase.Sqlite, TestDatabase.Postgres })
            {
                foreach (var target in new[] { TestDatabase.Sqlite, TestDatabase.Postgres })
                {
                    var way = new TestFixtureData(source, target);
                    if (source != TestDatabase.Sqlite || target != TestDatabase.Sqlite)
                    {
                        way.Properties.Add(NUnit.Framework.Internal.PropertyNames.Category, TestDatabase.Postgres);
                    }

                    yield return way;
                }
            }
        }
    }

    /// <summary>The name of Synapse and of the server after it.</summary>
    protected static string ServerName => TestServer.ServerName;

    protected static CancellationToken Stop => CancellationToken.None;

    /// <summary>Synapse's database.</summary>
    protected SmallSynapse Source { get; private set; } = null!;

    /// <summary>The database that is imported into.</summary>
    protected TestDatabase Target { get; private set; } = null!;

    /// <summary>What the import said.</summary>
    protected KeptLog Log { get; } = new();

    /// <summary>CREATE TABLE texts of the tables that the tests fill.</summary>
    protected abstract IReadOnlyList<string> Tables { get; }

    /// <summary>The parts of the import that run.</summary>
    protected abstract IReadOnlyList<IImportPart> Parts { get; }

    /// <summary>What the configuration of Synapse says.</summary>
    protected SourceSettings Settings { get; set; } = new();

    /// <summary>What the operator chooses.</summary>
    protected ImportChoices Choices { get; set; } = new();

    /// <summary>The media files that are carried; null for none.</summary>
    protected IKeptMedia? Files { get; set; }

    /// <summary>The user id of a local part.</summary>
    protected static string Id(string localpart) => $"@{localpart}:{ServerName}";

    [SetUp]
    public async Task MakeDatabases()
    {
        Source = await SmallSynapse.CreateAsync(sourceKind, [.. Tables]);
        Target = await TestDatabase.CreateAsync(targetKind);
        (Settings, Choices) = (new SourceSettings(), new ImportChoices());
    }

    [TearDown]
    public async Task DropDatabases()
    {
        await StopServerAsync();
        await Target.DisposeAsync();
        await Source.DisposeAsync();
    }

    /// <summary>Runs the import to its end.</summary>
    protected Task ImportAsync() => ImportAsync(Parts);

    /// <summary>Runs the import with these parts.</summary>
    protected async Task ImportAsync(IReadOnlyList<IImportPart> parts)
    {
        await using var source = await Source.OpenAsync();
        var numbers = await StreamNumbers.ReadAsync(source, Stop);
        await using var target = await OpenTargetAsync(numbers);
        var context = new ImportContext
        {
            Source = source,
            Target = target,
            ServerName = ServerName,
            Choices = Choices,
            Settings = Settings,
            Files = Files,
        };
        await new ImportRun(context, Log, parts).ToEndAsync(numbers);
    }

    /// <summary>Imports, and starts the server on the result.</summary>
    protected async Task<TestServer> StartImportedAsync(params (string Key, string Value)[] settings)
    {
        await ImportAsync();
        return await StartAsync(settings);
    }

    /// <summary>Starts the server on what was imported.</summary>
    protected async Task<TestServer> StartAsync(params (string Key, string Value)[] settings) =>
        _server = await TestServer.StartAsync([("database.url", Url), .. settings]);

    /// <summary>Stops the server, to look into its database.</summary>
    protected async Task StopServerAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _server = null;
    }

    /// <summary>A client with a token that Synapse gave out.</summary>
    protected TestClient Client(string? token) => new(_server!, token);

    /// <summary>What the import left out by name.</summary>
    protected async Task<IReadOnlyList<ImportFindingRow>> FindingsAsync()
    {
        await using var target = await OpenTargetAsync(numbers: null);
        return await target.Imports.FindingsAsync("", 0, 1_000, Stop);
    }

    /// <summary>What `mx import verify` says.</summary>
    protected async Task<VerifyReport> VerifyAsync()
    {
        await using var source = await Source.OpenAsync();
        return await VerifyCommand.RunAsync(
            source, new StorageOptions { Url = Url, DataDir = Target.Folder, ServerName = ServerName }, Stop);
    }

    /// <summary>Opens the target to look into it: no server may run on it.</summary>
    protected async Task<OpenedStorage> OpenTargetAsync(StreamNumbers? numbers) => await StorageEngine.OpenAsync(
        new StorageOptions
        {
            Url = Url,
            DataDir = Target.Folder,
            ServerName = ServerName,
            StartAfter = numbers is null ? 0 : ImportRun.StartAfter(numbers),
        },
        Stop);

    // The server has a data folder of its own, so a file is named in full.
    private string Url => targetKind == TestDatabase.Sqlite
        ? "sqlite:" + Path.Combine(Target.Folder, "matrix.db")
        : Target.Url;
}
