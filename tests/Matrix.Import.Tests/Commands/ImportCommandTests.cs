using Matrix.Host.Storage.Imported;
using Matrix.Import.Commands;
using Matrix.Import.Runs;
using Matrix.Import.Sources;
using Matrix.Import.Tests.Configuration;
using Matrix.Import.Tests.People;
using Matrix.Import.Tests.Rooms;
using Matrix.Import.Tests.Runs;
using Matrix.Import.Tests.Sources;
using Matrix.Import.Tests.Support;

namespace Matrix.Import.Tests.Commands;

/// <summary>The whole command, with the files that it reads and leaves.</summary>
internal sealed class ImportCommandTests
{
    private const string Key = "ed25519 a_1 nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\n";

    private readonly KeptLog _log = new();
    private ConfigFolder _folder = null!;
    private SmallSynapse _source = null!;

    [SetUp]
    public async Task MakeSynapse()
    {
        _folder = new ConfigFolder();
        _source = await SmallSynapse.CreateAsync(TestDatabase.Sqlite, [.. SynapseTables.OfRooms, .. PeopleTables.All]);
        _ = _folder.Write("example.org.signing.key", Key);
        _ = _folder.Write("homeserver.yaml", $$"""
            server_name: example.org
            report_stats: false
            signing_key_path: example.org.signing.key
            media_store_path: media
            database:
              name: sqlite3
              args: {database: "{{_source.File}}" }

            """);
    }

    [TearDown]
    public async Task DeleteSynapse()
    {
        await _source.DisposeAsync();
        _folder.Dispose();
    }

    [Test]
    public async Task It_leaves_the_configuration_the_key_where_it_came_from_and_the_report()
    {
        var summary = await ImportAsync();

        Assert.That(Files(), Is.SupersetOf(new[]
        {
            "homeserver.db", "homeserver.yaml", "import-report.md", "imported-from.json", "signing.key",
        }));
        Assert.That(File.ReadAllText(Path.Combine(_folder.Target, "signing.key")), Does.Contain("a_1"));
        Assert.That(ImportedFrom.Read(_folder.Target), Is.EqualTo(new ImportedFrom(IsPostgres: false, _source.File)));
        Assert.That(summary.NextSteps[^1], Does.Contain("systemctl mask"));
    }

    [Test]
    public async Task A_file_that_is_in_the_way_is_named_and_the_same_command_goes_on_once_it_is_moved()
    {
        var inTheWay = _folder.Write("new/homeserver.yaml", "server_name: other.example\n");

        Assert.That(
            () => ImportAsync(), Throws.TypeOf<ImportException>().With.Message.Contains("with another content"));
        File.Delete(inTheWay);
        _ = await ImportAsync();

        Assert.That(_log.Lines, Has.Some.Contains("goes on where it was interrupted"));
        Assert.That(File.ReadAllText(inTheWay), Does.Contain("example.org"));
    }

    [Test]
    public async Task A_part_that_fails_leaves_an_import_that_goes_on_to_its_end()
    {
        var failing = new FailsAtFirst();

        Assert.That(() => ImportAsync(parts: failing), Throws.TypeOf<InterruptedException>());
        _ = await ImportAsync(parts: failing);

        Assert.That(Files(), Does.Contain("imported-from.json"));
        Assert.That(
            () => ImportAsync(parts: failing), Throws.TypeOf<ImportException>().With.Message.Contains("ended already"));
    }

    [Test]
    public async Task The_report_names_what_of_the_configuration_is_different_and_what_was_accepted()
    {
        File.AppendAllText(
            _folder.PathOf("homeserver.yaml"), "log_config: log.yaml\nmodules: [{module: spam.Checker}]\n");

        var summary = await ImportAsync(new ImportChoices { Accepted = ["modules"] });

        var report = File.ReadAllLines(summary.ReportFile);
        Assert.That(report, Has.One.StartsWith("- log_config: "));
        Assert.That(report, Has.One.StartsWith("- modules.spam.Checker: ").And.EndsWith("It was accepted."));
    }

    [Test]
    public void A_database_that_is_not_where_Synapse_has_it_is_named_with_the_options_that_find_it()
    {
        File.WriteAllText(
            _folder.PathOf("homeserver.yaml"),
            File.ReadAllText(_folder.PathOf("homeserver.yaml")).Replace(
                _source.File, "/data/homeserver.db", StringComparison.Ordinal));

        Assert.That(
            () => ImportAsync(),
            Throws.TypeOf<SourceException>().With.Message.Contains("/data/homeserver.db does not exist")
                .And.Message.Contains("--moved"));
    }

    [Test]
    public async Task A_rehearsal_leaves_no_copy_of_Synapses_database()
    {
        var summary = await ImportAsync(new ImportChoices { IsRehearsal = true });

        Assert.That(Files(), Has.None.StartsWith("synapse-copy"));
        Assert.That(Files(), Has.None.EqualTo("imported-from.json"));
        Assert.That(summary.NextSteps, Has.One.Contains("rehearsal"));
    }

    private Task<ImportedSummary> ImportAsync(
        ImportChoices? choices = null, params IReadOnlyList<IImportPart> parts) => ImportCommand.RunAsync(
        new ImportOptions
        {
            ConfigPaths = [_folder.PathOf("homeserver.yaml")],
            SynapseFolder = _folder.Root,
            DataFolder = _folder.Target,
            Choices = choices ?? new ImportChoices(),
            Watched = TimeSpan.Zero,
            Parts = parts,
        },
        _log,
        CancellationToken.None);

    private List<string> Files() => [.. Directory.GetFiles(_folder.Target).Select(static file =>
        Path.GetFileName(file))];

    private sealed class FailsAtFirst : IImportPart
    {
        private bool _failed;

        public string Name => "failing";

        public string Title => "nothing";

        public IReadOnlyList<string> Tables => [];

        public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) => Task.FromResult(0L);

        public Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
        {
            if (_failed) return Task.CompletedTask;
            _failed = true;
            throw new InterruptedException();
        }
    }
}
