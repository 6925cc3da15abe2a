using Matrix.Import.Runs;

namespace Matrix.Import.Tests.Runs;

/// <summary>An import of a Synapse in which nothing has happened yet.</summary>
internal sealed class EmptyImportTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    protected override IReadOnlyList<string> Tables => [];

    protected override IReadOnlyList<IImportPart> Parts => [];

    [Test]
    public async Task The_server_starts_and_registers_users()
    {
        var server = await StartImportedAsync();

        var alice = await server.RegistersAsync("alice");

        Assert.That((await alice.GetAsync("account/whoami")).Is(200).Member("user_id"), Is.EqualTo(Id("alice")));
    }

    [Test]
    public async Task A_second_import_into_the_same_database_is_refused()
    {
        await ImportAsync();

        Assert.That(() => ImportAsync(), Throws.TypeOf<ImportException>().With.Message.Contains("ended already"));
    }
}
