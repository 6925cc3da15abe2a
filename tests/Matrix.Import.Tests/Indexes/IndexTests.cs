using System.Text.Json.Nodes;
using Matrix.Import.Indexes;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.Indexes;

/// <summary>What the server's work in the background begins with after an import.</summary>
internal sealed class IndexTests(string sourceKind, string targetKind) : ImportedServerTests(sourceKind, targetKind)
{
    protected override IReadOnlyList<string> Tables => [];

    protected override IReadOnlyList<IImportPart> Parts => [new IndexesPart()];

    [Test]
    public async Task Pushes_begin_after_the_import()
    {
        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        var import = (await target.Imports.FindAsync(Stop))!;
        Assert.That(await target.Consumers.PositionAsync("push", Stop), Is.EqualTo(import.StartAfter));
        Assert.That(await target.Consumers.PositionAsync("search", Stop) ?? 0, Is.Zero, "all events are indexed");
    }

    [Test]
    public async Task Searches_and_the_directory_find_what_comes_then()
    {
        var server = await StartImportedAsync();
        var (alice, bob) = (await server.RegistersAsync("alice"), await server.RegistersAsync("bob"));
        var room = await alice.CreatesRoomAsync();
        await bob.JoinsAsync(room);
        await alice.SaysAsync(room, "a needle");

        await Until.HoldsAsync(async () => (int)(await alice.PostAsync("search", new JsonObject
        {
            ["search_categories"] = new JsonObject { ["room_events"] = new JsonObject { ["search_term"] = "needle" } },
        })).Is(200).Json["search_categories"]!["room_events"]!["count"]! == 1);
        await Until.HoldsAsync(async () =>
            (await alice.PostAsync("user_directory/search", new JsonObject { ["search_term"] = "bob" }))
            .Is(200).Json["results"]!.AsArray().Count == 1);
    }
}
