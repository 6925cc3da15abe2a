using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Sync.Sliding;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Matrix.Host.Tests.SlidingSync.SlidingUsers;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>The bounds of what clients make the server remember.</summary>
internal sealed class SlidingMemoryTests() : TwoUsersTests
{
    private SlidingConnections Connections => Server.Services.GetRequiredService<SlidingConnections>();

    private UserRoomsCache Cache => Server.Services.GetRequiredService<UserRoomsCache>();

    [Test]
    public async Task The_names_of_lists_and_of_the_connection_count()
    {
        var lists = new JsonObject();
        for (var i = 0; i < 100; i++)
        {
            lists[new string('n', 250) + i] = new JsonObject
            {
                ["ranges"] = new JsonArray(new JsonArray(0, 0)),
                ["timeline_limit"] = 1,
            };
        }

        await Bob.SlidesAsync(new JsonObject { ["lists"] = lists });
        Assert.That(Connections.Bytes, Is.GreaterThan(100 * 250 * 2));
    }

    [Test]
    public async Task The_rules_of_a_response_that_the_client_may_not_have_count()
    {
        await Bob.CreatesRoomAsync();
        await Bob.SlidesAsync(AllRooms(state: Rules("x")));
        Assert.That(Connections.Bytes, Is.GreaterThan(90 * 200));
    }

    [Test]
    public async Task Rules_that_rooms_have_are_counted_however_many_they_are()
    {
        var rooms = new List<string>();
        for (var i = 0; i < 80; i++) rooms.Add(await Bob.CreatesRoomAsync());
        var body = new JsonObject();
        for (var i = 0; i < 80; i++) body.WithSubscription(rooms[i], 1, Rules($"t{i}", 20));
        var first = await Bob.SlidesAsync(body);
        await Bob.SlidesAsync(body, first.Pos);
        Assert.That(Connections.Bytes, Is.GreaterThan(80 * 20 * 800));
    }

    [Test]
    public async Task A_saved_connection_has_no_text_of_its_lists()
    {
        var filter = Tags("t", 200);
        await Bob.SlidesAsync(AllRooms(state: Rules("x")).WithFilter(filter).Named("kept"));
        await Server.RestartAsync();
        var saved = await Server.Services.GetRequiredService<OpenedStorage>().SlidingConnections
            .FindAsync(new UserDevice(Bob.UserId, Bob.DeviceId), "kept", 0, CancellationToken.None);
        Assert.That(saved!.Value.State.Length, Is.LessThan(1000));
    }

    [Test]
    public async Task Each_filter_in_memory_counts()
    {
        await Bob.CreatesRoomAsync();
        var first = await Bob.SlidesAsync(AllRooms());
        var before = Cache.CachedBytes;
        await Bob.SlidesAsync(AllRooms().WithFilter(Tags("t", 200)), first.Pos);
        Assert.That(Cache.CachedBytes - before, Is.GreaterThan(200 * 100));
        await Bob.SlidesAsync(AllRooms().WithFilter(Tags("u", 200)).Named("other"));
        Assert.That(Cache.CachedBytes - before, Is.GreaterThan(2 * 200 * 100));
    }

    [Test]
    public async Task Filters_that_differ_in_unknown_members_share_a_list()
    {
        for (var i = 0; i < 3; i++)
        {
            await Bob.SlidesAsync(AllRooms().WithFilter(
                new JsonObject { ["is_dm"] = false, ["org.example"] = new string('x', 100_000 + i) }));
        }

        Assert.That(Cache.Of(Bob.UserId).Views, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_filter_that_is_too_large_is_refused()
    {
        await Bob.SlidesAsync(AllRooms().WithFilter(Tags("t", 600)));
        var reply = await Bob.SlidingAsync(AllRooms().WithFilter(Tags("t", 700)));
        reply.Is(400, "M_BAD_JSON");
        Assert.That(reply.Text, Does.Contain("lists.all.filters"));
    }

    /// <summary>A filter of tags of 100 bytes each.</summary>
    private static JsonObject Tags(string prefix, int count) => new()
    {
        ["tags"] = new JsonArray([.. Enumerable.Range(0, count).Select(n =>
            (JsonNode)$"{prefix}{n}".PadRight(100, 'x'))]),
    };

    private static JsonArray Rules(string name, int count = 90) =>
    [
        .. Enumerable.Range(0, count)
            .Select(n => new JsonArray($"org.example.{name}." + new string('x', 200), $"{n}")),
    ];
}
