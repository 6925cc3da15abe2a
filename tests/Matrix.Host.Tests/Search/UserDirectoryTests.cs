using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Search;

internal sealed class UserDirectoryTests(string kind) : SearchWorld(kind)
{
    private static readonly JsonObject _private = new() { ["preset"] = "private_chat" };

    [Test]
    public async Task Users_in_a_public_room_are_found_by_their_ids_and_names()
    {
        await NamesAsync(Bob, "Robert von Bobenheim");
        Assert.That(await FindsUsersAsync(Alice, "bob"), Is.Empty);

        await CreatesAsync(Bob);
        Assert.Multiple(async () =>
        {
            foreach (var term in new[]
            {
                "bob", "BO", "robert", "heim rob bob von", "@bob", "@bob:test.example", Bob.UserId, "bob:test",
                "von robert",
            })
            {
                Assert.That(
                    await FindsUsersAsync(Alice, term),
                    term.StartsWith("heim", StringComparison.Ordinal) ? Is.Empty : Is.EqualTo(new[] { Bob.UserId }),
                    term);
            }

            foreach (var term in new[] { "obert", "robert bill", "test.example", "@bobby", "", "!" })
            {
                Assert.That(await FindsUsersAsync(Alice, term), Is.Empty, term);
            }

            Assert.That(await FindsUsersAsync(Bob, "bob"), Is.Empty, "the user who searches");
        });
    }

    [TestCase("Teamx: Support", "Teamx:", "teamx: s", "teamx:support", "@teamx", "@support:")]
    [TestCase("@home", "@home", "home", "@ho")]
    [TestCase("김철수", "김", "김철", "철수", "김철수")]
    [TestCase("Bob 🚀", "🚀", "bob 🚀")]
    public async Task A_name_is_found_by_its_words_also_if_it_looks_like_an_id(string name, params string[] terms)
    {
        await NamesAsync(Bob, name);
        await CreatesAsync(Bob);
        Assert.Multiple(async () =>
        {
            foreach (var term in terms)
            {
                Assert.That(await FindsUsersAsync(Alice, term), Is.EqualTo(new[] { Bob.UserId }), term);
            }
        });
    }

    [Test]
    public async Task Users_of_private_rooms_are_found_by_those_who_share_them_until_they_leave()
    {
        var carol = await Server.RegistersAsync("carol");
        var room = await CreatesAsync(Alice, _private.DeepClone().AsObject());
        (await Alice.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = Bob.UserId })).Is(200);
        Assert.That(await FindsUsersAsync(Alice, "bob"), Is.Empty, "invited");

        await JoinsAsync(Bob, room);
        Assert.That(await FindsUsersAsync(Alice, "bob"), Is.EqualTo(new[] { Bob.UserId }));
        Assert.That(await FindsUsersAsync(carol, "bob"), Is.Empty);

        (await Bob.PostAsync($"rooms/{room}/leave")).Is(200);
        Assert.That(await FindsUsersAsync(Alice, "bob"), Is.Empty);
    }

    [Test]
    public async Task Users_are_found_while_their_room_is_public_or_world_readable()
    {
        var room = await CreatesAsync(Bob, _private.DeepClone().AsObject());
        async Task SetsAsync(string type, string member, string value) => (await Bob.PutAsync(
            $"rooms/{room}/state/{type}", new JsonObject { [member] = value })).Is(200);

        Assert.That(await FindsUsersAsync(Alice, "bob"), Is.Empty);
        await SetsAsync("m.room.join_rules", "join_rule", "public");
        Assert.That(await FindsUsersAsync(Alice, "bob"), Has.Length.EqualTo(1));
        await SetsAsync("m.room.join_rules", "join_rule", "invite");
        Assert.That(await FindsUsersAsync(Alice, "bob"), Is.Empty);
        await SetsAsync("m.room.history_visibility", "history_visibility", "world_readable");
        Assert.That(await FindsUsersAsync(Alice, "bob"), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task A_new_profile_is_found_and_the_old_one_no_more()
    {
        await CreatesAsync(Bob);
        await NamesAsync(Bob, "Robert");
        (await Bob.PutAsync(
            $"profile/{Bob.UserId}/avatar_url", new JsonObject { ["avatar_url"] = "mxc://test.example/face" })).Is(200);
        var found = (await SearchUsersAsync(Alice, "robert"))["results"]![0]!;
        Assert.That((string)found["display_name"]!, Is.EqualTo("Robert"));
        Assert.That((string)found["avatar_url"]!, Is.EqualTo("mxc://test.example/face"));

        await NamesAsync(Bob, "田中太郎");
        Assert.That(await FindsUsersAsync(Alice, "robert"), Is.Empty);
        Assert.That(await FindsUsersAsync(Alice, "太郎"), Has.Length.EqualTo(1));
        (await Bob.DeleteAsync($"profile/{Bob.UserId}/displayname")).Is(200);
        Assert.That(await FindsUsersAsync(Alice, "太郎"), Is.Empty);
    }

    [Test]
    public async Task A_deactivated_user_is_not_found()
    {
        await CreatesAsync(Bob);
        Assert.That(await FindsUsersAsync(Alice, "bob"), Has.Length.EqualTo(1));
        (await Bob.PostAsync("account/deactivate", new JsonObject { ["auth"] = Bob.PasswordAuth() })).Is(200);
        Assert.That(await FindsUsersAsync(Alice, "bob"), Is.Empty);
    }

    [Test]
    public async Task The_setting_lets_everyone_find_all_local_users()
    {
        Assert.That(await FindsUsersAsync(Alice, "bob"), Is.Empty);
        await Server.RestartAsync(("user_directory.all_local_users", "true"));
        Assert.That(await FindsUsersAsync(Alice, "bob"), Is.EqualTo(new[] { Bob.UserId }));
    }

    [Test]
    public async Task The_best_matches_come_first_and_limited_says_that_there_are_more()
    {
        var room = await CreatesAsync(Alice);
        foreach (var name in new[] { "danny", "dan", "dana" })
        {
            var user = await Server.RegistersAsync(name);
            await JoinsAsync(user, room);
            if (name == "danny") await NamesAsync(user, "Danny");
        }

        var two = await SearchUsersAsync(Bob, "dan", limit: 2);
        Assert.That(IdsOf(two), Is.EqualTo(new[] { "@dan:test.example", "@danny:test.example" }));
        Assert.That((bool)two["limited"]!, Is.True);
        var all = await SearchUsersAsync(Bob, "dan", limit: 3);
        Assert.That(IdsOf(all), Has.Length.EqualTo(3));
        Assert.That((bool)all["limited"]!, Is.False);
        Assert.That((bool)(await SearchUsersAsync(Bob, "dan", limit: 0))["limited"]!, Is.True);
    }

    [Test]
    public async Task Malformed_searches_are_refused()
    {
        (await Server.Anyone.PostAsync("user_directory/search", new JsonObject { ["search_term"] = "x" }))
            .Is(401, "M_MISSING_TOKEN");
        (await Alice.PostAsync("user_directory/search")).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("user_directory/search", new JsonObject { ["search_term"] = 1 })).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("user_directory/search", new JsonObject { ["search_term"] = "x", ["limit"] = "1" }))
            .Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("user_directory/search", new JsonObject { ["search_term"] = "x", ["limit"] = -1 }))
            .Is(400, "M_INVALID_PARAM");
        Assert.That(await FindsUsersAsync(Alice, "\0 \ud83d\ude00"), Is.Empty);
    }

    private static async Task NamesAsync(TestUser user, string name) =>
        (await user.PutAsync($"profile/{user.UserId}/displayname", new JsonObject { ["displayname"] = name })).Is(200);

    private static async Task<JsonObject> SearchUsersAsync(TestUser user, string term, int? limit = null)
    {
        var body = new JsonObject { ["search_term"] = term };
        if (limit is { } most) body["limit"] = most;
        return (await user.PostAsync("user_directory/search", body)).Is(200).Json;
    }

    private static async Task<string[]> FindsUsersAsync(TestUser user, string term) =>
        IdsOf(await SearchUsersAsync(user, term));

    private static string[] IdsOf(JsonObject found) =>
        [.. found["results"]!.AsArray().Select(user => (string)user!["user_id"]!)];
}

/// <summary>The same, where the members of the searching user's rooms are read.</summary>
internal sealed class ManyMatchesTests(string kind) : SearchWorld(kind)
{
    protected override (string Key, string Value)[] Settings => [("user_directory.checked", "1")];

    [Test]
    public async Task Users_who_share_a_room_are_found_among_many_who_do_not()
    {
        var shared = await CreatesAsync(Alice, new JsonObject { ["preset"] = "private_chat" });
        for (var i = 0; i < 5; i++)
        {
            var user = await Server.RegistersAsync($"dora{i}");
            if (i is 1 or 2)
            {
                (await Alice.PostAsync($"rooms/{shared}/invite", new JsonObject { ["user_id"] = user.UserId }))
                    .Is(200);
                await JoinsAsync(user, shared);
            }
        }

        var found = (await Alice.PostAsync("user_directory/search", new JsonObject { ["search_term"] = "dora" }))
            .Is(200).Json;
        Assert.That(
            found["results"]!.AsArray().Select(user => (string)user!["user_id"]!),
            Is.EqualTo(new[] { "@dora1:test.example", "@dora2:test.example" }));
    }
}
