using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Search;

internal sealed class SearchTests(string kind) : SearchWorld(kind)
{
    [Test]
    public async Task A_message_is_found_by_all_of_its_words_in_any_case()
    {
        var room = await CreatesAsync(Alice);
        var said = await SaysAsync(Alice, room, "Martians, and MEN: don't panic!");
        await SaysAsync(Alice, room, "Martians only");

        Assert.Multiple(async () =>
        {
            Assert.That(await FindsAsync(Alice, "martians men"), Is.EqualTo(new[] { said }));
            Assert.That(await FindsAsync(Alice, "Don't"), Is.EqualTo(new[] { said }));
            Assert.That(await FindsAsync(Alice, "martian"), Is.Empty);
            Assert.That(await FindsAsync(Alice, "women"), Is.Empty);
            Assert.That(await FindsAsync(Alice, "!?"), Is.Empty);
            Assert.That(await FindsAsync(Bob, "martians"), Is.Empty);
        });
    }

    [Test]
    public async Task Words_that_are_not_spaced_are_found_by_their_parts()
    {
        var room = await CreatesAsync(Alice);
        var tokyo = await SaysAsync(Alice, room, "東京都に住んでいます");
        var hello = await SaysAsync(Alice, room, "สวัสดีครับ ｶﾞｿﾘﾝ ＡＢＣ");

        Assert.Multiple(async () =>
        {
            Assert.That(await FindsAsync(Alice, "京都"), Is.EqualTo(new[] { tokyo }));
            Assert.That(await FindsAsync(Alice, "都"), Is.EqualTo(new[] { tokyo }));
            Assert.That(await FindsAsync(Alice, "す"), Is.EqualTo(new[] { tokyo }));
            Assert.That(await FindsAsync(Alice, "大阪"), Is.Empty);
            Assert.That(await FindsAsync(Alice, "สวัสดี"), Is.EqualTo(new[] { hello }));
            Assert.That(await FindsAsync(Alice, "ガソリン abc"), Is.EqualTo(new[] { hello }));
        });
    }

    [Test]
    public async Task Names_and_topics_are_found_and_the_keys_choose_among_them()
    {
        var room = await CreatesAsync(Alice, new JsonObject
        {
            ["name"] = "Astronomy of Mars",
            ["topic"] = "Everything about Mars",
        });
        await SaysAsync(Alice, room, "mars is red");
        string Types(JsonObject found) => string.Join(
            ' ', found["results"]!.AsArray().Select(hit => (string)hit!["result"]!["type"]!).Order());

        Assert.Multiple(async () =>
        {
            Assert.That(
                Types(await SearchAsync(Alice, "mars")), Is.EqualTo("m.room.message m.room.name m.room.topic"));
            Assert.That(
                Types(await SearchAsync(Alice, "mars", more: c => c["keys"] = new JsonArray("content.topic"))),
                Is.EqualTo("m.room.topic"));
            Assert.That(
                Types(await SearchAsync(
                    Alice, "mars", more: c => c["keys"] = new JsonArray("content.body", "content.name"))),
                Is.EqualTo("m.room.message m.room.name"));
            Assert.That(
                Types(await SearchAsync(
                    Alice,
                    "mars",
                    more: c => c["filter"] = new JsonObject { ["not_types"] = new JsonArray("m.room.message") })),
                Is.EqualTo("m.room.name m.room.topic"));
        });
    }

    [Test]
    public async Task An_edited_message_is_found_by_its_new_words_only()
    {
        var room = await CreatesAsync(Alice);
        await JoinsAsync(Bob, room);
        var said = await SaysAsync(Alice, room, "the cellar is flooded");
        await EditsAsync(Bob, room, said, "the attic is flooded");
        var edit = await EditsAsync(Alice, room, said, "the kitchen is flooded");

        Assert.That(await FindsAsync(Bob, "kitchen"), Is.EqualTo(new[] { said }));
        Assert.That(await FindsAsync(Bob, "cellar"), Is.Empty);
        Assert.That(await FindsAsync(Bob, "attic"), Is.Empty);
        Assert.That(await FindsAsync(Bob, "flooded"), Is.EqualTo(new[] { said }));

        await RedactsAsync(Alice, room, edit);
        Assert.That(await FindsAsync(Bob, "kitchen"), Is.Empty);
        Assert.That(await FindsAsync(Bob, "cellar"), Is.EqualTo(new[] { said }));

        await RedactsAsync(Alice, room, said);
        Assert.That(await FindsAsync(Bob, "cellar"), Is.Empty);
        Assert.That(await FindsAsync(Alice, "flooded"), Is.Empty);
    }

    [Test]
    public async Task An_edit_that_a_user_may_not_see_does_not_help_them_to_find_the_message()
    {
        var room = await CreatesAsync(Alice);
        await JoinsAsync(Bob, room);
        var said = await SaysAsync(Alice, room, "hello there");
        (await Bob.PostAsync($"rooms/{room}/leave")).Is(200);
        await EditsAsync(Alice, room, said, "hello secret");
        await SaysAsync(Alice, room, "another secret");

        Assert.That(IdsIn(await SearchAsync(Alice, "secret")), Has.Length.EqualTo(2));
        var found = await SearchAsync(Bob, "secret");
        Assert.That(IdsIn(found), Is.Empty);
        Assert.That((int)found["count"]!, Is.Zero);
    }

    [Test]
    public async Task A_room_that_was_left_is_searched_as_far_as_it_was_seen()
    {
        var room = await CreatesAsync(Alice);
        await JoinsAsync(Bob, room);
        var before = await SaysAsync(Alice, room, "apples before");
        (await Bob.PostAsync($"rooms/{room}/leave")).Is(200);
        var after = await SaysAsync(Alice, room, "apples after");

        Assert.That(await FindsAsync(Alice, "apples"), Is.EquivalentTo(new[] { before, after }));
        Assert.That(await FindsAsync(Bob, "apples"), Is.EqualTo(new[] { before }));
        await Bob.PostAsync($"rooms/{room}/forget");
        Assert.That(await FindsAsync(Bob, "apples"), Is.Empty);
    }

    [Test]
    public async Task History_before_a_join_is_found_only_if_it_is_visible()
    {
        var room = await CreatesAsync(Alice, new JsonObject
        {
            ["preset"] = "public_chat",
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.history_visibility",
                ["content"] = new JsonObject { ["history_visibility"] = "joined" },
            }),
        });
        await SaysAsync(Alice, room, "pears early");
        await JoinsAsync(Bob, room);
        var late = await SaysAsync(Alice, room, "pears late");

        var found = await SearchAsync(Bob, "pears");
        Assert.That(IdsIn(found), Is.EqualTo(new[] { late }));
        Assert.That((int)found["count"]!, Is.EqualTo(1));
    }

    [Test]
    public async Task The_count_leaves_out_messages_of_an_erased_user_that_later_members_do_not_see()
    {
        var room = await CreatesAsync(Alice);
        await JoinsAsync(Bob, room);
        await SaysAsync(Bob, room, "quinces by bob");
        var own = await SaysAsync(Alice, room, "quinces by alice");
        (await Bob.PostAsync(
            "account/deactivate", new JsonObject { ["erase"] = true, ["auth"] = Bob.PasswordAuth() })).Is(200);
        var carol = await Server.RegistersAsync("carol");
        await JoinsAsync(carol, room);
        var elsewhere = await CreatesAsync(Alice);
        await JoinsAsync(carol, elsewhere);
        var late = await SaysAsync(Alice, elsewhere, "quinces elsewhere");

        var found = await SearchAsync(carol, "quinces", more: c => c["filter"] = new JsonObject { ["limit"] = 1 });
        Assert.That(IdsIn(found), Is.SubsetOf(new[] { own, late }));
        Assert.That((int)found["count"]!, Is.LessThanOrEqualTo(2));
        Assert.That((int)(await SearchAsync(Alice, "quinces"))["count"]!, Is.EqualTo(3));
    }

    [Test]
    public async Task A_token_says_nothing_of_the_event_at_which_the_next_page_begins()
    {
        var room = await CreatesAsync(Alice);
        foreach (var text in new[] { "figs", "figs and", "figs and more" }) await SaysAsync(Alice, room, text);
        static void Two(JsonObject criteria) => criteria["filter"] = new JsonObject { ["limit"] = 2 };

        var first = await SearchAsync(Alice, "figs", more: Two);
        var token = (string)first["next_batch"]!;
        var bytes = System.Buffers.Text.Base64Url.DecodeFromChars(token);
        Assert.That(System.Text.Encoding.Latin1.GetString(bytes), Does.Not.Contain(room));
        Assert.That(IdsIn(await SearchAsync(Alice, "figs", token, Two)), Has.Length.EqualTo(1));

        await Server.RestartAsync();
        Assert.That(IdsIn(await SearchAsync(Alice, "figs", token, Two)), Has.Length.EqualTo(1));
        bytes[^1] ^= 1;
        var changed = System.Buffers.Text.Base64Url.EncodeToString(bytes);
        (await Alice.PostAsync("search?next_batch=" + changed, new JsonObject
        {
            ["search_categories"] = new JsonObject { ["room_events"] = new JsonObject { ["search_term"] = "figs" } },
        })).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task Encrypted_rooms_and_ignored_users_are_left_out()
    {
        var open = await CreatesAsync(Alice);
        await JoinsAsync(Bob, open);
        await SaysAsync(Alice, open, "plums by alice");
        var own = await SaysAsync(Bob, open, "plums by bob");
        var closed = await CreatesAsync(Bob);
        await SaysAsync(Bob, closed, "plums in the clear");
        Assert.That(await FindsAsync(Bob, "plums"), Has.Length.EqualTo(3));

        await Bob.PutAsync(
            $"rooms/{closed}/state/m.room.encryption", new JsonObject { ["algorithm"] = "m.megolm.v1.aes-sha2" });
        Assert.That(await FindsAsync(Bob, "plums"), Has.Length.EqualTo(2));

        await Bob.PutAsync($"user/{Bob.UserId}/account_data/m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject { [Alice.UserId] = new JsonObject() },
        });
        Assert.That(await FindsAsync(Bob, "plums"), Is.EqualTo(new[] { own }));
    }

    [Test]
    public async Task Shorter_texts_rank_higher_and_recent_ones_come_first_if_asked()
    {
        var room = await CreatesAsync(Alice);
        var exact = await SaysAsync(Alice, room, "lunch");
        var close = await SaysAsync(Alice, room, "lunch now");
        var far = await SaysAsync(Alice, room, "who would like to have lunch with me");

        var ranked = await SearchAsync(Alice, "lunch");
        var ranks = ranked["results"]!.AsArray().Select(hit => (double)hit!["rank"]!).ToArray();
        Assert.Multiple(async () =>
        {
            Assert.That(IdsIn(ranked), Is.EqualTo(new[] { exact, close, far }));
            Assert.That(ranks, Is.Ordered.Descending);
            Assert.That((int)ranked["count"]!, Is.EqualTo(3));
            Assert.That((string)ranked["highlights"]![0]!, Is.EqualTo("lunch"));
            Assert.That(await FindsAsync(Alice, "lunch", Recent), Is.EqualTo(new[] { far, close, exact }));
        });
    }

    [Test]
    public async Task Hits_come_with_the_events_around_them_the_profiles_then_and_the_state_now()
    {
        (await Alice.PutAsync(
            $"profile/{Alice.UserId}/displayname", new JsonObject { ["displayname"] = "Alice then" })).Is(200);
        var room = await CreatesAsync(Alice, new JsonObject { ["name"] = "Then" });
        var first = await SaysAsync(Alice, room, "one");
        var hit = await SaysAsync(Alice, room, "needle");
        var next = await SaysAsync(Alice, room, "two");
        await SaysAsync(Alice, room, "three");
        (await Alice.PutAsync(
            $"profile/{Alice.UserId}/displayname", new JsonObject { ["displayname"] = "Alice now" })).Is(200);
        await Alice.PutAsync($"rooms/{room}/state/m.room.name", new JsonObject { ["name"] = "Now" });

        var found = await SearchAsync(Alice, "needle", more: criteria =>
        {
            criteria["event_context"] = new JsonObject
            {
                ["before_limit"] = 1,
                ["after_limit"] = 1,
                ["include_profile"] = true,
            };
            criteria["include_state"] = true;
        });
        var context = found["results"]![0]!["context"]!;
        var name = found["state"]![room]!.AsArray().Single(each => (string)each!["type"]! == "m.room.name");
        Assert.Multiple(() =>
        {
            Assert.That(IdsIn(found), Is.EqualTo(new[] { hit }));
            Assert.That((string)context["events_before"]![0]!["event_id"]!, Is.EqualTo(first));
            Assert.That((string)context["events_after"]![0]!["event_id"]!, Is.EqualTo(next));
            Assert.That(context["events_after"]!.AsArray(), Has.Count.EqualTo(1));
            Assert.That(
                (string)context["profile_info"]![Alice.UserId]!["displayname"]!, Is.EqualTo("Alice then"));
            Assert.That((string)name!["content"]!["name"]!, Is.EqualTo("Now"));
        });
        var before = await Alice.GetAsync($"rooms/{room}/messages?dir=b&limit=1&from={(string)context["start"]!}");
        Assert.That(before.Is(200).Text, Does.Not.Contain(first));
    }

    [Test]
    public async Task The_events_around_all_hits_share_the_time_of_one_search()
    {
        var room = await CreatesAsync(Alice);
        for (var i = 0; i < 60; i++) await SaysAsync(Alice, room, "limes");
        await Server.RestartAsync(("limits.scan_time", "1ms"));

        var found = await SearchAsync(Alice, "limes", more: criteria =>
        {
            criteria["event_context"] = new JsonObject();
            criteria["filter"] = new JsonObject { ["limit"] = 60 };
        });
        var contexts = found["results"]!.AsArray().Select(hit => hit!["context"]!).ToList();
        Assert.That(contexts, Has.Count.EqualTo(60));
        Assert.That(contexts[0]["events_before"]!.AsArray(), Is.Not.Empty);
        Assert.That(contexts.Count(context => context["events_before"]!.AsArray().Count == 0), Is.GreaterThan(2));
        Assert.That(contexts.Select(context => (string?)context["start"]), Is.All.Not.Null);
    }

    [Test]
    public async Task The_state_of_many_members_is_cut_to_those_who_are_named()
    {
        await Server.RestartAsync(("search.state", "5"));
        var room = await CreatesAsync(Alice);
        await JoinsAsync(Bob, room);
        await SaysAsync(Alice, room, "melons");
        var found = await SearchAsync(Alice, "melons", more: criteria => criteria["include_state"] = true);
        var members = found["state"]![room]!.AsArray().Where(each => (string)each!["type"]! == "m.room.member");
        Assert.That(members.Select(each => (string)each!["state_key"]!), Is.EqualTo(new[] { Alice.UserId }));
    }

    [TestCase("학교에서 만나요", "학교")]
    [TestCase("학교에서 만나요", "만나")]
    [TestCase("우리 학교는 커요", "학")]
    [TestCase("ship it 🚀🚀", "🚀")]
    [TestCase("so good 👍🏽", "👍")]
    [TestCase("10€ each", "€")]
    public async Task A_stem_and_a_symbol_find_the_text(string text, string term)
    {
        var room = await CreatesAsync(Alice);
        await SaysAsync(Alice, room, "another");
        var said = await SaysAsync(Alice, room, text);
        Assert.That(await FindsAsync(Alice, term), Is.EqualTo(new[] { said }));
    }

    [TestCase("rank")]
    [TestCase("recent")]
    public async Task All_pages_have_the_number_of_all_hits(string order)
    {
        var rooms = new[] { await CreatesAsync(Alice), await CreatesAsync(Alice) };
        for (var i = 0; i < 14; i++) await SaysAsync(Alice, rooms[i % 2], "plums" + string.Concat(
            Enumerable.Range(0, i % 3).Select(n => " filler" + n)));

        void Asks(JsonObject criteria)
        {
            criteria["order_by"] = order;
            criteria["filter"] = new JsonObject { ["limit"] = 3 };
            criteria["groupings"] = new JsonObject
            {
                ["group_by"] = new JsonArray(new JsonObject { ["key"] = "room_id" }),
            };
        }

        var first = await SearchAsync(Alice, "plums", more: Asks);
        var group = first["groups"]!["room_id"]!.AsObject().First().Value!;
        Assert.That(await CountsAsync(first), Is.EqualTo(new[] { 14, 14, 14, 14, 14 }));
        Assert.That(
            await CountsAsync(await SearchAsync(Alice, "plums", (string)group["next_batch"]!, Asks)),
            Is.Not.Empty.And.All.EqualTo(7));

        void Less(JsonObject criteria)
        {
            Asks(criteria);
            criteria["filter"]!["not_senders"] = new JsonArray(Bob.UserId);
        }

        Assert.That(
            await CountsAsync(await SearchAsync(Alice, "plums", more: Less), Less),
            Is.EqualTo(new[] { 3, 6, 9, 12, 14 }));

        async Task<List<int>> CountsAsync(JsonNode page, Action<JsonObject>? asks = null)
        {
            var counts = new List<int>();
            for (var next = page; ; next = await SearchAsync(Alice, "plums", (string)next["next_batch"]!, asks ?? Asks))
            {
                counts.Add((int)next["count"]!);
                if (next["next_batch"] is null) return counts;
            }
        }
    }

    [TestCase("rank")]
    [TestCase("recent")]
    public async Task Pages_and_pages_of_groups_lose_and_double_no_hit(string order)
    {
        var rooms = new[] { await CreatesAsync(Alice), await CreatesAsync(Alice) };
        foreach (var room in rooms) await JoinsAsync(Bob, room);
        var said = new List<(string Room, string Sender, string Id)>();
        for (var i = 0; i < 12; i++)
        {
            var (room, user) = (rooms[i % 2], i % 3 == 0 ? Alice : Bob);
            said.Add((room, user.UserId, await SaysAsync(user, room, "word" + string.Concat(
                Enumerable.Range(0, i % 5).Select(n => " filler" + n)))));
        }

        void Asks(JsonObject criteria)
        {
            criteria["order_by"] = order;
            criteria["filter"] = new JsonObject { ["limit"] = 5 };
            criteria["groupings"] = new JsonObject
            {
                ["group_by"] = new JsonArray(
                    new JsonObject { ["key"] = "room_id" }, new JsonObject { ["key"] = "sender" }),
            };
        }

        var first = await SearchAsync(Alice, "word", more: Asks);
        Assert.That(
            await AllAsync(first, (string?)first["next_batch"], Asks), Is.EquivalentTo(said.Select(each => each.Id)));
        foreach (var (key, value, ids) in new[]
        {
            ("room_id", rooms[1], said.Where(each => each.Room == rooms[1]).Select(each => each.Id)),
            ("sender", Bob.UserId, said.Where(each => each.Sender == Bob.UserId).Select(each => each.Id)),
        })
        {
            var group = first["groups"]![key]![value]!.AsObject();
            var shown = group["results"]!.AsArray().Select(id => (string)id!);
            var rest = await AllAsync(null, (string?)group["next_batch"], Asks);
            Assert.That(shown.Concat(rest), Is.EquivalentTo(ids), key);
        }
    }

    [Test]
    public async Task Events_are_found_after_a_restart_once_each()
    {
        var room = await CreatesAsync(Alice);
        var before = await SaysAsync(Alice, room, "durable words");
        await Server.RestartAsync();
        var after = await SaysAsync(Alice, room, "durable words too");
        Assert.That(await FindsAsync(Alice, "durable"), Is.EqualTo(new[] { before, after }));
    }

    [Test]
    public async Task What_is_malformed_is_refused()
    {
        static JsonObject Body(JsonNode criteria) =>
            new() { ["search_categories"] = new JsonObject { ["room_events"] = criteria } };

        JsonObject Term(string name, JsonNode value) => new() { ["search_term"] = "x", [name] = value };

        (await Server.Anyone.PostAsync("search", Body(Term("keys", new JsonArray())))).Is(401, "M_MISSING_TOKEN");
        (await Alice.PostAsync("search")).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("search", Body(new JsonObject()))).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("search", Body(Term("search_term", 5)))).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("search", Body(Term("keys", "content.body")))).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("search", Body(Term("keys", new JsonArray("content.x"))))).Is(400, "M_INVALID_PARAM");
        (await Alice.PostAsync("search", Body(Term("order_by", "age")))).Is(400, "M_INVALID_PARAM");
        (await Alice.PostAsync("search", Body(Term("include_state", "yes")))).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("search", Body(Term("event_context", 1)))).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("search", Body(Term("filter", new JsonObject { ["rooms"] = 1 })))).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("search?next_batch=x", Body(Term("order_by", "rank")))).Is(400, "M_INVALID_PARAM");
        (await Alice.GetAsync("search")).Is(405, "M_UNRECOGNIZED");
        var none = await Alice.PostAsync("search", new JsonObject { ["search_categories"] = new JsonObject() });
        Assert.That(none.Is(200).Json["search_categories"]!.AsObject(), Is.Empty);
    }

    private async Task<List<string>> AllAsync(JsonObject? first, string? next, Action<JsonObject> asks)
    {
        var ids = first is null ? [] : IdsIn(first).ToList();
        for (var pages = 0; next is not null; pages++)
        {
            Assert.That(pages, Is.LessThan(20));
            var page = await SearchAsync(Alice, "word", next, asks);
            ids.AddRange(IdsIn(page));
            next = (string?)page["next_batch"];
        }

        return ids;
    }
}

/// <summary>The same, with words that count as frequent: they are searched room by room.</summary>
internal sealed class FrequentWordTests(string kind) : SearchWorld(kind)
{
    protected override (string Key, string Value)[] Settings => [("search.rare_hits", "1")];

    [Test]
    public async Task The_most_recent_hits_of_all_rooms_come_first_however_many_a_room_has()
    {
        var busy = await CreatesAsync(Alice);
        var quiet = await CreatesAsync(Alice);
        var said = new List<string> { await SaysAsync(Alice, quiet, "word first") };
        await LaterAsync();
        for (var i = 0; i < 45; i++) said.Add(await SaysAsync(Alice, busy, $"word {i}"));
        await LaterAsync();
        said.Add(await SaysAsync(Alice, quiet, "word last"));
        said.Reverse();

        var found = new List<string>();
        string? next = null;
        do
        {
            var page = await SearchAsync(Alice, "word", next, criteria =>
            {
                criteria["order_by"] = "recent";
                criteria["filter"] = new JsonObject { ["limit"] = 10 };
            });
            found.AddRange(IdsIn(page));
            next = (string?)page["next_batch"];
        }
        while (next is not null);
        Assert.That(found, Is.EqualTo(said));
    }

    [Test]
    public async Task A_word_that_became_frequent_is_found_and_one_that_became_rare_too()
    {
        var room = await CreatesAsync(Alice);
        var said = new List<string> { await SaysAsync(Alice, room, "word") };
        Assert.That(await FindsAsync(Alice, "word"), Is.EqualTo(said), "rare");
        for (var i = 0; i < 3; i++) said.Add(await SaysAsync(Alice, room, "word"));
        Assert.That(await FindsAsync(Alice, "word"), Is.EquivalentTo(said), "frequent");
        Assert.That(await FindsAsync(Bob, "word"), Is.Empty);

        foreach (var gone in said.Skip(1)) await RedactsAsync(Alice, room, gone);
        Assert.That(await FindsAsync(Alice, "word"), Is.EqualTo(said.Take(1)), "rare again");
        Assert.That(await FindsAsync(Alice, "word", criteria => criteria["keys"] = new JsonArray("content.name")),
            Is.Empty);
    }

    [Test]
    public async Task Rooms_of_others_are_not_searched()
    {
        var room = await CreatesAsync(Alice);
        for (var i = 0; i < 3; i++) await SaysAsync(Alice, room, "word");
        Assert.That(await FindsAsync(Bob, "word"), Is.Empty);
        Assert.That(await FindsAsync(Alice, "word"), Has.Length.EqualTo(3));
    }
}
