using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Ownership.Joining;
using Matrix.Host.Storage.Tables.RateLimits;
using Matrix.Host.Tests.Support;
using Matrix.Processes;

namespace Matrix.Host.Tests.Cluster;

/// <summary>Which nodes serve together, and why others are refused.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class JoiningTests
{
    private static readonly Migration _expanding = new(
        Migration.All[^1].Number + 1,
        "expanding",
        "-- Expands: earlier versions do not know the table.\nCREATE TABLE expanding (one INTEGER PRIMARY KEY);");

    private static readonly Migration _breaking = new(
        Migration.All[^1].Number + 1, "breaking", "ALTER TABLE sequence RENAME TO renamed;");

    private PostgresServer _server = null!;
    private string _name = null!;
    private string _folder = null!;
    private List<OpenedStorage> _open = null!;

    private static CancellationToken Stop => CancellationToken.None;

    [SetUp]
    public async Task TakeDatabase()
    {
        _server = await PostgresServer.SharedAsync();
        _name = await _server.TakeDatabaseAsync(isNew: true);
        _folder = Directory.CreateTempSubdirectory("matrix-joining-").FullName;
        _open = [];
    }

    [TearDown]
    public async Task GiveBackDatabase()
    {
        foreach (var storage in _open) await storage.DisposeAsync();
        await _server.ExecuteAsync($"ALTER DATABASE {_name} RESET ALL");
        await _server.GiveBackDatabaseAsync(_name);
        Directory.Delete(_folder);
    }

    [Test]
    public async Task A_node_with_another_value_of_a_setting_that_must_agree_is_refused_by_its_name()
    {
        await OpenAsync("a", settings: Settings(("media.s3_bucket", "one", true), ("search.words", "1", false)));

        Assert.That(
            RefusalOf("b", settings: Settings(("media.s3_bucket", "two", true), ("search.words", "2", false))),
            Does.Contain("The node a").And.Contain("media.s3_bucket").And.Not.Contain("search.words"));
        Assert.That(RefusalOf("b"), Does.Contain("media.s3_bucket"));
        var other = await OpenAsync(
            "b", settings: Settings(("media.s3_bucket", "one", true), ("search.words", "2", false)));
        await WriteAsync(other);
    }

    [Test]
    public async Task A_node_that_ended_without_a_word_keeps_nobody_out_with_its_settings()
    {
        await OpenAsync("a", settings: Settings(("media.s3_bucket", "one", true)));
        await _open[0].DisposeAsync();
        await _server.ExecuteAsync("UPDATE nodes SET alive = 1", _name);

        var next = await OpenAsync("b", settings: Settings(("media.s3_bucket", "two", true)));

        await WriteAsync(next);
        Assert.That(await AliveAsync(), Is.EqualTo("b"));
    }

    [Test]
    public async Task A_node_that_reads_another_wire_is_refused()
    {
        await OpenAsync("a");
        Assert.That(
            RefusalOf("b", terms: new NodeTerms { OldestWire = 2, NewestWire = 3, WrittenWire = 2 }),
            Does.Contain("formats 2 to 3").And.Contain("reads 1 to 1"));

        var newer = await OpenAsync("b", terms: new NodeTerms { OldestWire = 1, NewestWire = 2, WrittenWire = 1 });
        await WriteAsync(newer);
    }

    [Test]
    public async Task A_node_that_cannot_read_what_is_written_is_refused()
    {
        await OpenAsync("a", terms: new NodeTerms { OldestWire = 1, NewestWire = 2, WrittenWire = 2 });

        Assert.That(RefusalOf("b"), Does.Contain("writes 2"));
    }

    [Test]
    public async Task A_newer_node_makes_a_migration_that_expands_while_an_older_one_serves()
    {
        var older = await OpenAsync("a");
        var newer = await OpenAsync("b", migrations: [.. Migration.All, _expanding]);

        await WriteAsync(older);
        await WriteAsync(newer);
        Assert.That((await newer.Admin.MigrationsAsync(Stop))[^1].Name, Is.EqualTo("expanding"));

        // The older version may start again while the upgrade goes on.
        await older.DisposeAsync();
        await WriteAsync(await OpenAsync("a"));
        await WriteAsync(await OpenAsync("c"));
    }

    [Test]
    public async Task A_newer_node_with_any_other_migration_is_refused_while_an_older_one_serves()
    {
        var older = await OpenAsync("a", terms: new NodeTerms { Version = "1.2.3" });

        Assert.That(
            RefusalOf("b", migrations: [.. Migration.All, _breaking]),
            Does.Contain("This version needs").And.Contain("1.2.3"));
        await WriteAsync(older);
        Assert.That((await older.Admin.MigrationsAsync(Stop))[^1].Name, Is.Not.EqualTo("breaking"));
    }

    [Test]
    public async Task An_older_node_is_refused_by_a_schema_that_does_more_than_expand()
    {
        var more = new Migration(_breaking.Number, "more", "CREATE TABLE more (one INTEGER PRIMARY KEY);");
        await OpenAsync("b", migrations: [.. Migration.All, more]);

        Assert.That(RefusalOf("a"), Does.Contain("Run the newer version"));
    }

    [Test]
    public async Task A_server_by_itself_does_not_serve_with_a_newer_schema()
    {
        var newer = await OpenAsync("b", migrations: [.. Migration.All, _expanding]);
        await newer.DisposeAsync();

        Assert.That(RefusalOf(""), Does.Contain("Run the newer version"));
    }

    [Test]
    public async Task A_node_that_would_wait_for_nodes_that_serve_together_is_refused()
    {
        await OpenAsync("a");

        Assert.That(RefusalOf("b", together: false), Does.Contain("The node a serves together").And.Contain("listen"));
    }

    [Test]
    public async Task A_node_does_not_join_one_that_serves_alone()
    {
        await OpenAsync("a", together: false);

        Assert.That(RefusalOf("b"), Does.Contain("The node a serves, and not together"));
    }

    [Test]
    public async Task A_server_by_itself_is_refused_while_nodes_live_and_has_all_when_they_have_stopped()
    {
        var a = await OpenAsync("a");
        await OpenAsync("b");
        Assert.That(RefusalOf(""), Does.Contain("in use by another process").And.Contain("a, b"));

        await a.DisposeAsync();
        Assert.That(RefusalOf(""), Does.Contain("in use by another process").And.Contain("b"));
        await _open[1].DisposeAsync();

        var alone = await OpenAsync("");
        Assert.That(
            Host.Storage.Ownership.ShardGates.All.All(shard => alone.NodeShards.Gates.IsOpen(shard)), Is.True);
        await alone.Writer.WriteAsync(
            new WriteBatch(Authority.User("@a:example.org")).Add(Limit("@a:example.org")), Stop);
    }

    [Test]
    public async Task A_database_that_does_not_wait_for_its_standby_is_refused()
    {
        // A server of its own: on this one every commit of others would wait for the standby.
        using var server = new PostgresProcess(inMemory: true);
        var url = server.NewDatabase("standby");
        server.Sql("standby", "ALTER DATABASE standby SET synchronous_commit = local");
        await using (await OpenAsync("a", url: url)) _open.Clear();
        server.Sql("standby", "ALTER SYSTEM SET synchronous_standby_names = 'other'");
        server.Sql("standby", "SELECT pg_reload_conf()");

        await Until.HoldsAsync(() => server.Sql("standby", "SHOW synchronous_standby_names").Trim() == "other");
        Assert.That(RefusalOf("a", url: url), Does.Contain("synchronous_commit = local"));
        Assert.That(RefusalOf("", url: url), Does.Contain("synchronous_commit = local"));
    }

    private static RateLimitSet Limit(string user) => new(new UserRateLimit(user, 1, 1));

    private static ValueTask<WriteReceipt> WriteAsync(OpenedStorage storage) =>
        storage.Writer.WriteAsync(new WriteBatch(Authority.Nobody).Add(Limit("@a:example.org")), Stop);

    private static SettingDigests Settings(params (string Name, string Digest, bool MustAgree)[] all) => new(
        [], all.Select(static one => new SettingDigest(one.Name, one.Digest, one.MustAgree, IsSecret: false)));

    private string RefusalOf(
        string node,
        bool together = true,
        SettingDigests? settings = null,
        NodeTerms? terms = null,
        IReadOnlyList<Migration>? migrations = null,
        string? url = null)
    {
        var refused = Assert.ThrowsAsync<StorageException>(
            async () => await OpenAsync(node, together, settings, terms, migrations, url))!;
        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Refused));
        Assert.That(refused.Message, Does.Not.Contain("\n"));
        return refused.Message;
    }

    private async Task<OpenedStorage> OpenAsync(
        string node,
        bool together = true,
        SettingDigests? settings = null,
        NodeTerms? terms = null,
        IReadOnlyList<Migration>? migrations = null,
        string? url = null)
    {
        var options = new StorageOptions
        {
            Url = url ?? _server.UrlOf(_name),
            DataDir = _folder,
            ServerName = "example.org",
            Node = node,
            ServesTogether = together && node.Length > 0,
            TakeOverAfter = TimeSpan.FromSeconds(5),
            OwnershipWaitMs = 200,
            Terms = (terms ?? new NodeTerms()) with { Settings = settings ?? SettingDigests.None },
        };
        var storage = await StorageEngine.OpenAsync(options, migrations ?? Migration.All, Stop);
        _open.Add(storage);
        return storage;
    }

    private async Task<string> AliveAsync()
    {
        await using var connection = await _server.ConnectAsync(_name);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT string_agg(node, ',') FROM nodes WHERE alive = 1";
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
