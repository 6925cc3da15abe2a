using System.Text.Json.Nodes;
using Matrix.Host.Tests.AppServices;

namespace Matrix.Host.Tests.Search;

/// <summary>
/// The most recent hits, where events have times out of their order, as those that application services bring from
/// elsewhere (`?ts=`).
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class LateMessagesTests(string kind) : AppServiceTests(kind)
{
    protected override (string Key, string Value)[] Settings => [("search.rare_hits", "1")];

    [TestCase(true)]
    [TestCase(false)]
    public async Task Every_hit_is_found_once_whatever_time_it_has(bool hasTimes)
    {
        string[] rooms = [await BridgedRoomAsync("_irc_one"), await BridgedRoomAsync("_irc_two")];
        var said = rooms.ToDictionary(room => room, _ => new List<string>());
        for (var i = 0; i < 60; i++)
        {
            var room = rooms[i % 2];
            var ghost = i % 2 == 0 ? "_irc_one" : "_irc_two";
            var time = !hasTimes || i % 3 == 0 ? "" : i % 3 == 1 ? "&ts=1" : "&ts=99999999999999";
            var sent = await Bridge.PutAsync(
                $"rooms/{room}/send/m.room.message/m{i}?user_id={IdOf(ghost)}{time}",
                new JsonObject { ["msgtype"] = "m.text", ["body"] = "word" });
            said[room].Add(sent.Is(200).Member("event_id"));
        }

        var found = new List<string>();
        string? next = null;
        for (var pages = 0; pages == 0 || next is not null; pages++)
        {
            Assert.That(pages, Is.LessThan(30));
            var page = await PageAsync(next);
            found.AddRange(page["results"]!.AsArray().Select(hit => (string)hit!["result"]!["event_id"]!));
            next = (string?)page["next_batch"];
        }

        Assert.That(found, Is.EquivalentTo(said.Values.SelectMany(ids => ids)));
        foreach (var ids in said.Values)
        {
            Assert.That(found.Where(ids.Contains), Is.EqualTo(Enumerable.Reverse(ids)), "the newest first");
        }
    }

    private async Task<JsonObject> PageAsync(string? from)
    {
        var body = new JsonObject
        {
            ["search_categories"] = new JsonObject
            {
                ["room_events"] = new JsonObject
                {
                    ["search_term"] = "word",
                    ["order_by"] = "recent",
                    ["filter"] = new JsonObject { ["limit"] = 5 },
                },
            },
        };
        var path = from is null ? "search" : "search?next_batch=" + from;
        return (await Alice.PostAsync(path, body)).Is(200).Json["search_categories"]!["room_events"]!.AsObject();
    }
}
