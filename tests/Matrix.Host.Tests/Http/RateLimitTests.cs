using System.Text.Json.Nodes;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms;
using Matrix.Host.Users;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Tests.Http;

public sealed class RateLimitTests
{
    private static readonly RateLimitOptions _options = new()
    {
        Login = new Rate(1, 3),
        Password = new Rate(1, 3),
        KnownLogin = new Rate(1, 3),
        Registration = new Rate(1, 3),
        Send = new Rate(1, 3),
        Membership = new Rate(1, 3),
        Other = new Rate(1, 3),
        Tracked = 100,
    };

    [Test]
    public void After_a_burst_one_waits_as_long_as_it_says()
    {
        var time = new ManualTime();
        var limiter = new RateLimiter(_options, time);

        for (var i = 0; i < 3; i++) Assert.That(limiter.Take(RateClass.Login, "a"), Is.EqualTo(TimeSpan.Zero));
        var wait = limiter.Take(RateClass.Login, "a");

        Assert.That(wait.TotalSeconds, Is.EqualTo(1).Within(0.01));
        Assert.That(
            limiter.Take(RateClass.Login, "b"),
            Is.EqualTo(TimeSpan.Zero),
            "another has an allowance of their own");
        Assert.That(limiter.Take(RateClass.Send, "a"), Is.EqualTo(TimeSpan.Zero), "and so has another kind of request");
        time.Advance(wait);
        Assert.That(limiter.Take(RateClass.Login, "a"), Is.EqualTo(TimeSpan.Zero));
    }

    [Test]
    public void What_is_tracked_is_bounded_and_the_busy_are_kept()
    {
        var limiter = new RateLimiter(_options, new ManualTime());
        for (var i = 0; i < 4; i++) limiter.Take(RateClass.Login, "busy");

        for (var i = 0; i < 1000; i++) limiter.Take(RateClass.Login, $"passer-by {i}");

        Assert.That(limiter.Tracked, Is.LessThanOrEqualTo(101));
        Assert.That(limiter.Take(RateClass.Login, "busy"), Is.GreaterThan(TimeSpan.Zero));
    }

    [Test]
    public async Task A_client_gets_the_time_to_wait()
    {
        await using var server = await TestServer.StartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.registration_burst", "2"),
            ("rate_limits.registration_per_second", "0.01"));

        (await server.Anyone.GetAsync("register/available?username=a")).Is(200);
        (await server.Anyone.GetAsync("register/available?username=b")).Is(200);
        var limited = (await server.Anyone.GetAsync("register/available?username=c")).Is(429, "M_LIMIT_EXCEEDED");

        Assert.That((long?)limited.Json["retry_after_ms"], Is.InRange(90_000, 100_000));
        Assert.That(limited.Headers.RetryAfter!.Delta!.Value.TotalSeconds, Is.InRange(90, 100));
    }

    [Test]
    public async Task Checks_of_a_balancer_are_not_limited()
    {
        await using var server = await TestServer.StartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.other_burst", "1"),
            ("rate_limits.other_per_second", "0.01"));

        for (var i = 0; i < 3; i++)
        {
            (await server.Anyone.GetAsync("/health")).HasStatus(200);
            (await server.Anyone.GetAsync("/health/ready")).HasStatus(200);
        }
    }

    [Test]
    public void A_room_that_is_busy_says_when_to_come_back()
    {
        var answer = RoomAnswers.Of(new RoomFailure(RoomFailureKind.Busy, "Too many requests wait for this room."));

        Assert.That((answer.Status, answer.Code), Is.EqualTo((429, "M_LIMIT_EXCEEDED")));
        Assert.That(answer.Header, Is.EqualTo(new KeyValuePair<string, string>("Retry-After", "1")));
    }

    [Test]
    public async Task Relations_of_relations_have_a_rate_of_their_own()
    {
        await using var server = await TestServer.StartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.recursion_per_second", "0.01"),
            ("rate_limits.recursion_burst", "2"));
        var alice = await server.RegistersAsync("alice");
        var room = (await alice.PostAsync("createRoom", new JsonObject())).Member("room_id");
        var said = (await alice.PutAsync(
            $"rooms/{room}/send/m.room.message/1",
            new JsonObject { ["body"] = "x", ["msgtype"] = "m.text" })).Member("event_id");
        var path = $"/_matrix/client/v1/rooms/{room}/relations/{Uri.EscapeDataString(said)}";

        for (var i = 0; i < 2; i++) (await alice.GetAsync(path + "?recurse=true")).Is(200);
        (await alice.GetAsync(path + "?recurse=true")).Is(429, "M_LIMIT_EXCEEDED");
        (await alice.GetAsync(path + "/m.thread?recurse=true")).Is(429, "M_LIMIT_EXCEEDED");
        for (var i = 0; i < 5; i++) (await alice.GetAsync(path)).Is(200);
    }

    [Test]
    public async Task Guesses_at_one_users_password_are_limited_wherever_they_come_from()
    {
        await using var server = await TestServer.StartAsync();
        var alice = await server.RegistersAsync("alice");
        await LimitPasswordsAsync(server);

        var replies = new List<int>();
        for (var i = 0; i < 4; i++)
            replies.Add((await LogInAsync(server, alice.UserId, "a guess", $"192.0.2.{i}")).Status);

        Assert.That(replies, Is.EqualTo(new[] { 403, 403, 403, 429 }));
    }

    [TestCase("alice", "@alice:test.example", "ALICE", "@Alice:test.example")]
    [TestCase("nobody", "@nobody:test.example", "NOBODY", "@NoBody:test.example")]
    public async Task Guesses_are_counted_for_the_user_and_not_for_a_spelling_of_the_name(params string[] spellings)
    {
        await using var server = await TestServer.StartAsync();
        await server.RegistersAsync("alice");
        await LimitPasswordsAsync(server);

        var replies = new List<int>();
        foreach (var name in spellings)
            replies.Add((await LogInAsync(server, name, "a guess", $"192.0.2.{replies.Count}")).Status);

        Assert.That(replies, Is.EqualTo(new[] { 403, 403, 403, 429 }));
    }

    [Test]
    public async Task Guesses_do_not_lock_out_a_user_at_an_address_where_they_logged_in_lately()
    {
        await using var server = await TestServer.StartAsync();
        var alice = await server.RegistersAsync("alice");
        await LimitPasswordsAsync(server);
        (await LogInAsync(server, "alice", alice.Password, "198.51.100.1")).Is(200);

        for (var i = 0; i < 10; i++) await LogInAsync(server, "alice", "a guess", $"192.0.2.{i}");

        (await LogInAsync(server, "alice", alice.Password, "192.0.2.99")).Is(429, "M_LIMIT_EXCEEDED");
        (await LogInAsync(server, "alice", alice.Password, "198.51.100.1")).Is(200);

        // That address has a limit too.
        for (var i = 0; i < 10; i++) await LogInAsync(server, "alice", "a guess", "198.51.100.1");
        (await LogInAsync(server, "alice", alice.Password, "198.51.100.1")).Is(429, "M_LIMIT_EXCEEDED");
    }

    [Test]
    public void Addresses_where_a_user_logged_in_are_remembered_for_a_while_and_not_without_bound()
    {
        var time = new ManualTime();
        var options =
            new UsersOptions { ServerName = "test.example", KnownLogins = 2, KnownLoginsKept = TimeSpan.FromDays(1) };
        var known = new KnownLogins(options, time);
        known.Remember("@a:x", "192.0.2.1");
        known.Remember("@a:x", "192.0.2.2");
        known.Remember("@a:x", "192.0.2.1");
        known.Remember("@b:x", "192.0.2.1");

        Assert.That(known.Knows("@a:x", "192.0.2.2"), Is.False, "the oldest goes first");
        Assert.That(known.Knows("@a:x", "192.0.2.1") && known.Knows("@b:x", "192.0.2.1"), Is.True);
        time.Advance(TimeSpan.FromHours(23));
        known.Remember("@a:x", "192.0.2.1");
        time.Advance(TimeSpan.FromHours(2));
        Assert.That((known.Knows("@a:x", "192.0.2.1"), known.Knows("@b:x", "192.0.2.1")), Is.EqualTo((true, false)));
    }

    private static Task LimitPasswordsAsync(TestServer server) => server.RestartAsync(
        ("rate_limits.enabled", "true"),
        ("rate_limits.login_burst", "100"),
        ("rate_limits.password_burst", "3"),
        ("rate_limits.password_per_second", "0.01"),
        ("rate_limits.known_login_burst", "5"),
        ("rate_limits.known_login_per_second", "0.01"),
        ("listeners.trust_forwarded_for", "true"));

    private static Task<Reply> LogInAsync(TestServer server, string user, string password, string address) =>
        server.Anyone.SendAsync(
            HttpMethod.Post,
            "login",
            TestClient.Raw(new JsonObject
            {
                ["type"] = "m.login.password",
                ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = user },
                ["password"] = password,
            }.ToJsonString()),
            ("X-Forwarded-For", $"6.6.6.6, {address}"));
}
