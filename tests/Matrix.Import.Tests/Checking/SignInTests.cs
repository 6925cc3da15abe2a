using Matrix.Import.Commands;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Configuration;
using Matrix.Import.Tests.People;
using Matrix.Import.Tests.Rooms;
using Matrix.Import.Tests.Runs;
using Matrix.Import.Tests.Sources;

namespace Matrix.Import.Tests.Checking;

/// <summary>Users who could not sign in any more are named before an import, which needs their acceptance.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SignInTests(string kind)
{
    private const string Ldap = """
        password_providers: [{module: "ldap_auth_provider.LdapAuthProvider", config: {}}]

        """;

    private const string Saml = """
        saml2_config: {sp_config: {}}

        """;

    private readonly KeptLog _log = new();
    private ConfigFolder _folder = null!;
    private SmallSynapse _source = null!;

    [SetUp]
    public async Task MakeSynapse()
    {
        _folder = new ConfigFolder();
        _source = await SmallSynapse.CreateAsync(kind, [.. SynapseTables.OfRooms, .. PeopleTables.All]);
        await UserAsync("password", ("password_hash", "$2b$12$" + new string('a', 53)));
        await UserAsync("saml");
        await _source.InsertAsync(
            "user_external_ids", ("auth_provider", "saml"), ("external_id", "x"), ("user_id", Id("saml")));
        await UserAsync("nothing");
        await UserAsync("bridged", ("appservice_id", "irc"));
        await UserAsync("gone", ("deactivated", 1));
        await UserAsync("guest", ("is_guest", 1));
    }

    [TearDown]
    public async Task DeleteSynapse()
    {
        await _source.DisposeAsync();
        _folder.Dispose();
    }

    [Test]
    public async Task Those_who_have_another_way_into_Synapse_only_are_listed()
    {
        Assert.That(await ListedAsync(Saml), Is.EqualTo(new[] { (Id("saml"), "saml") }));
    }

    [Test]
    public async Task Those_who_have_no_way_in_the_database_are_listed_if_there_may_be_one_elsewhere()
    {
        Assert.That(
            await ListedAsync(Ldap),
            Is.EqualTo(new[]
            {
                (Id("nothing"), "neither a password nor an identity in Synapse's database"), (Id("saml"), "saml"),
            }));
    }

    [Test]
    public async Task Passwords_that_Synapse_does_not_use_are_no_way()
    {
        Assert.That(
            (await ListedAsync(Ldap + "password_config: {localdb_enabled: false}\n")).Select(static each => each.User),
            Is.EqualTo(new[] { Id("nothing"), Id("password"), Id("saml") }));
    }

    [Test]
    public async Task An_import_needs_their_acceptance_and_writes_nothing_without()
    {
        Configure(Saml);

        Assert.That(
            () => ImportAsync("saml2_config"),
            Throws.TypeOf<ImportException>()
                .With.Message.Contains($"{Id("saml")} (saml)").And.Message.Contains("--accept lost-sign-ins"));
        Assert.That(Directory.GetFiles(_folder.Target), Is.Empty);

        _ = await ImportAsync("saml2_config", "lost-sign-ins");
        Assert.That(Directory.GetFiles(_folder.Target), Is.Not.Empty);
        Assert.That(_log.Lines, Has.Some.Contains(Id("saml")));
        Assert.That(_log.Lines, Has.None.Contains("nothing needs it"));
    }

    [Test]
    public async Task A_rehearsal_only_says_so()
    {
        Configure(Saml);

        _ = await ImportAsync(new ImportChoices { IsRehearsal = true, Accepted = ["saml2_config"] });

        Assert.That(_log.Lines, Has.Some.Contains("could not sign in any more"));
    }

    [Test]
    public async Task Nobody_needs_acceptance_if_all_can_sign_in()
    {
        await _source.ExecuteAsync("DELETE FROM user_external_ids");
        Configure("");

        _ = await ImportAsync("lost-sign-ins");

        Assert.That(_log.Lines, Has.Some.EqualTo("--accept lost-sign-ins: nothing needs it."));
    }

    private static string Id(string localpart) => $"@{localpart}:example.org";

    private Task UserAsync(string localpart, params (string Column, object? Value)[] more) =>
        _source.InsertAsync("users", [("name", Id(localpart)), ("creation_ts", 1), .. more]);

    private async Task<List<(string User, string Ways)>> ListedAsync(string lines)
    {
        Configure(lines);
        var report = await CheckCommand.RunAsync(Options(new ImportChoices()), _log, CancellationToken.None);
        Assert.That(report.LockedOutUsers, Is.EqualTo(report.LockedOut.Count));
        return [.. report.LockedOut.Select(static user => (user.UserId, user.Ways))];
    }

    private Task<ImportedSummary> ImportAsync(params string[] accepted) =>
        ImportAsync(new ImportChoices { Accepted = accepted });

    private Task<ImportedSummary> ImportAsync(ImportChoices choices) =>
        ImportCommand.RunAsync(Options(choices), _log, CancellationToken.None);

    private ImportOptions Options(ImportChoices choices) => new()
    {
        ConfigPaths = [_folder.PathOf("homeserver.yaml")],
        SynapseFolder = _folder.Root,
        DataFolder = _folder.Target,
        Choices = choices,
        Watched = TimeSpan.Zero,
        Parts = [],
    };

    private void Configure(string lines)
    {
        _ = _folder.Write("example.org.signing.key", "ed25519 a_1 nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\n");
        var settings = new Npgsql.NpgsqlConnectionStringBuilder(_source.ConnectionString);
        var database = _source.IsSqlite
            ? $$"""{name: sqlite3, args: {database: "{{_source.File}}"} }"""
            : $$"""
                {name: psycopg2, args: {host: "{{settings.Host}}", port: {{settings.Port}},
                  user: "{{settings.Username}}", password: "{{settings.Password}}", dbname: "{{settings.Database}}"} }
                """;
        _ = _folder.Write("homeserver.yaml", $"""
            server_name: example.org
            report_stats: false
            signing_key_path: example.org.signing.key
            media_store_path: media
            database: {database}
            {lines}
            """);
    }
}
