using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Reading;

/// <summary>Users with more membership changes in a room than the server reads event by event.</summary>
internal sealed class LongHistoryTests
{
    private const int Often = 80;

    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    [SetUp]
    public async Task Starts()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
        _room = await _alice.CreatesRoomAsync();
        await _alice.SaysAsync(_room, "before bob");
        await _bob.JoinsAsync(_room);
        await _alice.SaysAsync(_room, "to bob");
    }

    [TearDown]
    public async Task Stops() => await _server.DisposeAsync();

    [Test]
    public async Task A_user_who_was_banned_and_unbanned_many_times_reads_what_they_could_read_when_they_left()
    {
        await _bob.PostAsync($"rooms/{_room}/leave");
        for (var i = 0; i < Often; i++)
        {
            (await _alice.PostAsync($"rooms/{_room}/ban", Bob())).Is(200);
            (await _alice.PostAsync($"rooms/{_room}/unban", Bob())).Is(200);
        }

        await _alice.SaysAsync(_room, "without bob");
        var page = (await _bob.GetAsync($"rooms/{_room}/messages?dir=b&limit=20")).Is(200);
        Assert.That(page.Text, Does.Contain("to bob").And.Not.Contain("without bob"));

        var filter = Uri.EscapeDataString("""{"room":{"include_leave":true}}""");
        var left = (await _bob.GetAsync($"sync?filter={filter}"))
            .Is(200).Json["rooms"]!["leave"]![_room]!.ToJsonString();
        Assert.That(left, Does.Contain("to bob").And.Not.Contain("without bob"));
    }

    [Test]
    public async Task A_user_who_changed_their_name_many_times_was_a_member_all_along()
    {
        for (var i = 0; i < Often; i++)
        {
            (await _bob.PutAsync($"profile/{_bob.UserId}/displayname", new JsonObject { ["displayname"] = $"Bob {i}" }))
                .Is(200);
        }

        var said = await _alice.SaysAsync(_room, "to Bob");
        var page = (await _bob.GetAsync($"rooms/{_room}/messages?dir=b&limit=200")).Is(200).Json["chunk"]!.AsArray();
        string Membership(string body) =>
            (string)page.Single(each => (string?)each!["content"]!["body"] == body)!["unsigned"]!["membership"]!;

        Assert.Multiple(() =>
        {
            Assert.That(page, Has.Count.GreaterThan(Often));
            Assert.That(Membership("to Bob"), Is.EqualTo("join"));
            Assert.That(Membership("to bob"), Is.EqualTo("join"));
            Assert.That(Membership("before bob"), Is.EqualTo("leave"));
        });
    }

    private JsonObject Bob() => new() { ["user_id"] = _bob.UserId };
}
