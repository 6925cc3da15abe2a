using Matrix.Import.Sources;

namespace Matrix.Import.Tests.Sources;

/// <summary>Rows of Synapse's read alike from databases of both kinds.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SourceTests(string kind)
{
    private const string Table = """
        CREATE TABLE things (
            name TEXT NOT NULL, number BIGINT, flag BOOLEAN, short SMALLINT, bytes BYTEA, fields JSONB)
        """;

    private static CancellationToken Stop => CancellationToken.None;

    [Test]
    public async Task Values_of_all_types_are_read()
    {
        await using var synapse = await SmallSynapse.CreateAsync(kind, Table);
        await synapse.InsertAsync(
            "things", ("name", "ﬁ"), ("number", 1L << 40), ("flag", true), ("short", 1),
            ("bytes", new byte[] { 0, 255 }), ("fields", """{"a": 1}"""));
        await synapse.InsertAsync("things", ("name", "none"), ("number", null), ("flag", false));

        await using var source = await synapse.OpenAsync();
        var rows = await source.ListAsync(
            """
            SELECT name, number, flag, short, bytes, fields FROM things WHERE number = $1 OR number IS NULL
            ORDER BY name
            """,
            static row => (
                row.Text(0), row.Int64OrNull(1), row.Bool(2), row.Int32(3), Convert.ToHexString(row.Bytes(4)),
                row.TextOrNull(5)?.Replace(" ", "", StringComparison.Ordinal)),
            Stop,
            1L << 40);

        Assert.That(rows, Is.EquivalentTo(new[]
        {
            ("ﬁ", (long?)(1L << 40), true, 1, "00FF", (string?)"""{"a":1}"""),
            ("none", null, false, 0, "", null),
        }));
    }

    [Test]
    public async Task Text_with_control_characters_is_found_as_it_is()
    {
        const string Name = "a\u0010b\u0001\u007f";
        await using var synapse = await SmallSynapse.CreateAsync(kind, Table);
        await synapse.InsertAsync("things", ("name", Name), ("number", 1));

        await using var source = await synapse.OpenAsync();

        Assert.That(
            await source.ListAsync("SELECT name FROM things WHERE name = $1", static row => row.Text(0), Stop, Name),
            Is.EqualTo(new[] { Name }));
        Assert.That(await source.NumberAsync("SELECT number FROM things WHERE name > $1", Stop, Name), Is.Zero);
    }

    [Test]
    public async Task A_source_knows_its_schema_tables_and_columns()
    {
        await using var synapse = await SmallSynapse.CreateAsync(kind, Table);

        await using var source = await synapse.OpenAsync();

        Assert.That(source.SchemaVersion, Is.EqualTo(SmallSynapse.LatestSchema));
        Assert.That(source.HasTable("things"));
        Assert.That(source.HasTable("others"), Is.False);
        Assert.That(source.ColumnOr("things", "flag", "0"), Is.EqualTo("flag"));
        Assert.That(source.ColumnOr("things", "colour", "0"), Is.EqualTo("0"));
    }

    [Test]
    public async Task What_is_written_after_the_source_was_opened_is_not_seen()
    {
        await using var synapse = await SmallSynapse.CreateAsync(kind, Table);
        if (synapse.IsSqlite) await synapse.ExecuteAsync("PRAGMA journal_mode = WAL");
        await using var source = await synapse.OpenAsync();

        await synapse.InsertAsync("things", ("name", "late"));

        Assert.That(await source.NumberAsync("SELECT COUNT(*) FROM things", Stop), Is.Zero);
    }
}
