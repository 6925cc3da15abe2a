using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Searching;

namespace Matrix.Host.Tests.Search;

/// <summary>Which rooms a search reads, how many hits it counts, and where its next page begins.</summary>
internal sealed class SearchedRoomsTests(string kind) : SearchWorld(kind)
{
    [TestCase("invite")]
    [TestCase("knock")]
    public async Task A_room_that_was_left_is_searched_after_a_new_invite_or_knock_too(string membership)
    {
        var room = await CreatesAsync(Alice);
        await JoinsAsync(Bob, room);
        var before = await SaysAsync(Alice, room, "apples before");
        (await Bob.PostAsync($"rooms/{room}/leave")).Is(200);
        await SaysAsync(Alice, room, "apples between");
        await InvitesOrKnocksAsync(membership, room);
        await SaysAsync(Alice, room, "apples after");

        var found = await SearchAsync(Bob, "apples");
        Assert.That(IdsIn(found), Is.EqualTo(new[] { before }));
        Assert.That((int)found["count"]!, Is.EqualTo(1));
    }

    [TestCase("invite")]
    [TestCase("knock")]
    public async Task A_room_that_one_was_never_in_is_not_searched_though_it_is_open(string membership)
    {
        var room = await CreatesAsync(Alice, new JsonObject
        {
            ["preset"] = "private_chat",
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.history_visibility",
                ["content"] = new JsonObject { ["history_visibility"] = "world_readable" },
            }),
        });
        await SaysAsync(Alice, room, "cherries");
        await InvitesOrKnocksAsync(membership, room);
        Assert.That(await FindsAsync(Bob, "cherries"), Is.Empty);
    }

    [Test]
    public async Task The_count_leaves_out_what_the_filter_and_ignored_users_leave_out()
    {
        var room = await CreatesAsync(Alice);
        await JoinsAsync(Bob, room);
        for (var i = 0; i < 3; i++) await SaysAsync(Alice, room, "grapes by alice");
        var own = await SaysAsync(Bob, room, "grapes by bob");

        var found = await SearchAsync(Bob, "grapes", more: criteria =>
            criteria["filter"] = new JsonObject { ["senders"] = new JsonArray(Bob.UserId) });
        Assert.That((IdsIn(found).Single(), (int)found["count"]!), Is.EqualTo((own, 1)));
        Assert.That((int)(await SearchAsync(Bob, "grapes"))["count"]!, Is.EqualTo(4));

        await Bob.PutAsync($"user/{Bob.UserId}/account_data/m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject { [Alice.UserId] = new JsonObject() },
        });
        found = await SearchAsync(Bob, "grapes");
        Assert.That((IdsIn(found).Single(), (int)found["count"]!), Is.EqualTo((own, 1)));
    }

    [TestCase(-7L)]
    [TestCase(0L)]
    [TestCase(long.MaxValue)]
    public void A_token_keeps_any_time_and_any_room(long ts)
    {
        const string room = "!line\nbreak _:test.example";
        foreach (var group in new[] { null, new SearchGroup(true, room), new SearchGroup(false, "@a\nb:test.example") })
        {
            foreach (var count in new long?[] { null, 0, 14 })
            {
                var token = new SearchToken(3, ts, 9, room, group, count);
                Assert.That(SearchToken.Parse(token.ToText()), Is.EqualTo(token));
            }
        }
    }

    [Test]
    public void A_token_of_a_former_version_goes_on() =>
        Assert.That(
            SearchToken.Parse("s2\03\07\09\0!r:test.example"),
            Is.EqualTo(new SearchToken(3, 7, 9, "!r:test.example", null)));

    private async Task InvitesOrKnocksAsync(string membership, string room)
    {
        if (membership == "invite")
        {
            (await Alice.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = Bob.UserId })).Is(200);
            return;
        }

        (await Alice.PutAsync(
            $"rooms/{room}/state/m.room.join_rules", new JsonObject { ["join_rule"] = "knock" })).Is(200);
        (await Bob.PostAsync($"knock/{room}")).Is(200);
    }
}
