using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Sync;

/// <summary>Requests for sync, and filters. Client-Server API, "Syncing" and "Filtering".</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SyncRequestTests(string kind) : TwoUsersTests(kind)
{
    [TestCase("since=garbage")]
    [TestCase("since=s1_99999999_1_1")]
    [TestCase("since=t1_1")]
    [TestCase("filter=77")]
    [TestCase("filter=abc")]
    [TestCase("timeout=-1")]
    [TestCase("timeout=soon")]
    [TestCase("full_state=maybe")]
    [TestCase("set_presence=dancing")]
    public async Task A_malformed_question_is_refused(string query) =>
        (await Alice.GetAsync("sync?" + query)).Is(400, "M_INVALID_PARAM");

    [TestCase("{", "M_NOT_JSON")]
    [TestCase("{\"room\":7}", "M_BAD_JSON")]
    public async Task A_malformed_filter_is_refused(string filter, string code) =>
        (await Alice.GetAsync("sync?filter=" + Uri.EscapeDataString(filter))).Is(400, code);

    [Test]
    public async Task A_stored_filter_is_found_by_its_id()
    {
        var room = await Alice.CreatesRoomAsync();
        await Alice.SaysAsync(room, "x");
        var stored = await Alice.PostAsync(
            $"user/{UserActions.Esc(Alice.UserId)}/filter",
            SyncFilters.Of(("timeline", new JsonObject { ["limit"] = 1 })));
        var sync = await Alice.SyncsAsync(query: "filter=" + stored.Member("filter_id"));
        Assert.That(sync.Timeline(room), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Rooms_and_fields_are_filtered()
    {
        var kitchen = await Alice.CreatesRoomAsync();
        var garden = await Alice.CreatesRoomAsync();
        var sync = await Alice.SyncsAsync(
            filter: new JsonObject { ["room"] = new JsonObject { ["not_rooms"] = new JsonArray(kitchen) } });
        Assert.That(sync.Joined, Is.EqualTo(new[] { garden }));

        sync = await Alice.SyncsAsync(
            filter: new JsonObject { ["event_fields"] = new JsonArray("type", "content.membership") });
        Assert.That(sync.Timeline(kitchen)[0].Select(m => m.Key), Is.EqualTo(new[] { "type" }));
    }
}
