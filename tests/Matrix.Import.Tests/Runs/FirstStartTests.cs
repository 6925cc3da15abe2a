using Matrix.Host;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Imported;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Import.Runs;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Import.Tests.Runs;

/// <summary>What the first start after an import refuses.</summary>
internal sealed class FirstStartTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    protected override IReadOnlyList<string> Tables { get; } =
        ["CREATE TABLE access_tokens (id BIGINT, user_id TEXT, token TEXT)"];

    protected override IReadOnlyList<IImportPart> Parts => [];

    private ImportedFrom From => Source.IsSqlite
        ? new ImportedFrom(IsPostgres: false, Source.File)
        : new ImportedFrom(IsPostgres: true, Source.ConnectionString);

    [Test]
    public async Task An_import_that_has_not_ended_is_not_served()
    {
        await using var target = await OpenTargetAsync(numbers: null);
        var row = new ImportRow("synapse 94", "", 5, 1, EndedAt: null, IsRehearsal: false, WithoutHistory: false, "{}");
        await target.Writer.WriteAsync(new WriteBatch(Authority.Nobody).Add(new ImportBegan(row)), Stop);

        Assert.That(() => CheckAsync(), Throws.TypeOf<InvalidDataException>().With.Message.Contains("has not ended"));

        Task CheckAsync() => FirstStart.CheckAsync(target, Target.Folder, NullLogger.Instance, Stop);
    }

    [Test]
    public async Task A_rehearsal_is_not_served()
    {
        Choices = new ImportChoices { IsRehearsal = true };
        await ImportAsync();

        Assert.That(() => CheckAsync(), Throws.TypeOf<InvalidDataException>().With.Message.Contains("a rehearsal"));
    }

    [Test]
    public async Task A_source_that_wrote_since_is_named_and_the_import_is_not_served()
    {
        await Source.InsertAsync("access_tokens", ("id", 1), ("user_id", Id("alice")), ("token", "a"));
        await ImportAsync();
        From.Write(Target.Folder);
        await Source.InsertAsync("access_tokens", ("id", 2), ("user_id", Id("alice")), ("token", "b"));

        Assert.That(
            () => CheckAsync(), Throws.TypeOf<InvalidDataException>().With.Message.Contains("access_tokens.id"));
        Assert.That(ImportedFrom.Read(Target.Folder), Is.EqualTo(From), "The next start compares again.");
    }

    [Test]
    public async Task A_source_that_stayed_as_it_was_is_served_and_not_compared_again()
    {
        await Source.InsertAsync("access_tokens", ("id", 1), ("user_id", Id("alice")), ("token", "a"));
        await ImportAsync();
        From.Write(Target.Folder);

        await CheckAsync();

        Assert.That(ImportedFrom.Read(Target.Folder), Is.Null);
        await Source.InsertAsync("access_tokens", ("id", 2), ("user_id", Id("alice")), ("token", "b"));
        await CheckAsync();
    }

    [Test]
    public async Task A_source_that_cannot_be_read_does_not_keep_the_server_from_starting()
    {
        await ImportAsync();
        new ImportedFrom(IsPostgres: false, Path.Combine(Target.Folder, "gone.db")).Write(Target.Folder);

        await CheckAsync();
    }

    private async Task CheckAsync()
    {
        await using var target = await OpenTargetAsync(numbers: null);
        await FirstStart.CheckAsync(target, Target.Folder, NullLogger.Instance, Stop);
    }
}
