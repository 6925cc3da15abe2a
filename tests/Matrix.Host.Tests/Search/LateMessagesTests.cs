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

    [Test]
    public async Task Of_edits_of_one_time_the_one_with_the_greatest_ID_is_found()
    {
        var room = await BridgedRoomAsync("_irc_one");
        var said = await SaysAsync("said", "first words");
        var edits = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < 4; i++)
        {
            edits.Add(await SaysAsync($"edit{i}", $"* text{i}", new JsonObject
            {
                ["m.new_content"] = new JsonObject { ["msgtype"] = "m.text", ["body"] = $"text{i} word" },
                ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.replace", ["event_id"] = said },
            }), $"text{i} word");

            // The index takes each edit by itself, or some together.
            if (i != 2) await PageAsync(null);
        }

        var hit = (await PageAsync(null))["results"]!.AsArray().Single()!["result"]!;
        Assert.That((string)hit["event_id"]!, Is.EqualTo(said));
        var shown = hit["unsigned"]!["m.relations"]!["m.replace"]!;
        Assert.That((string)shown["event_id"]!, Is.EqualTo(edits.Last().Key));
        foreach (var text in edits.Values)
        {
            var found = (await PageAsync(null, text))["results"]!.AsArray();
            Assert.That(found, Has.Count.EqualTo(text == edits.Last().Value ? 1 : 0), text);
        }

        async Task<string> SaysAsync(string transaction, string text, JsonObject? more = null)
        {
            var content = more ?? [];
            content["msgtype"] = "m.text";
            content["body"] = text;
            var sent = await Bridge.PutAsync(
                $"rooms/{room}/send/m.room.message/{transaction}?user_id={IdOf("_irc_one")}&ts=1000", content);
            return sent.Is(200).Member("event_id");
        }
    }

    private async Task<JsonObject> PageAsync(string? from, string term = "word")
    {
        var body = new JsonObject
        {
            ["search_categories"] = new JsonObject
            {
                ["room_events"] = new JsonObject
                {
                    ["search_term"] = term,
                    ["order_by"] = "recent",
                    ["filter"] = new JsonObject { ["limit"] = 5 },
                },
            },
        };
        var path = from is null ? "search" : "search?next_batch=" + from;
        return (await Alice.PostAsync(path, body)).Is(200).Json["search_categories"]!["room_events"]!.AsObject();
    }
}
