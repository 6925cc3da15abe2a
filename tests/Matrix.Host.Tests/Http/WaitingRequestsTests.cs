using System.Diagnostics;
using System.Text.Json.Nodes;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Tests.Moderation;
using Matrix.Host.Users.OpenId;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Http;

/// <summary>Requests that wait while their session ends.</summary>
internal sealed class WaitingRequestsTests : ModerationTests
{
    private const int Timeout = 25_000;

    private static readonly Dictionary<string, Func<WaitingRequestsTests, TestUser, string, Task<Task<Reply>>>> _waits =
        new()
        {
            ["sync"] = async static (_, user, _) =>
            {
                var since = (await user.GetAsync("sync")).Is(200).Member("next_batch");
                return user.GetAsync($"sync?since={since}&timeout={Timeout}");
            },
            ["v4 sync"] = async static (_, user, _) =>
            {
                const string path = "/_matrix/client/v4/sync";
                var pos = (await user.PostAsync(path, new JsonObject { ["lists"] = new JsonObject() })).Is(200)
                    .Member("pos");
                return user.PostAsync(path, new JsonObject { ["pos"] = pos, ["timeout"] = Timeout });
            },
            ["unstable sync"] = async static (_, user, _) =>
            {
                const string path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
                var pos = (await user.PostAsync(path)).Is(200).Member("pos");
                return user.PostAsync($"{path}?pos={pos}&timeout={Timeout}");
            },
            ["events"] = static (_, user, _) => Task.FromResult(user.GetAsync($"events?timeout={Timeout}")),
            ["events of a room"] = static (_, user, room) =>
                Task.FromResult(user.GetAsync($"events?timeout={Timeout}&room_id={Esc(room)}")),
        };

    /// <summary>By the user, or by another device of the user.</summary>
    private static readonly Dictionary<string, Func<WaitingRequestsTests, TestUser, TestUser, Task<Reply>>> _ends =
        new()
        {
            ["logout"] = static (_, user, _) => user.PostAsync("logout"),
            ["lock"] = static (it, user, _) => it.LocksAsync(user.UserId),
            ["password"] = static (_, user, other) => other.PostAsync(
                "account/password",
                new JsonObject { ["new_password"] = "another-password", ["auth"] = user.PasswordAuth() }),
            ["device"] = static (_, user, other) => other.DeleteAsync(
                $"devices/{user.DeviceId}", new JsonObject { ["auth"] = user.PasswordAuth() }),
            ["login"] = static async (_, user, _) =>
            {
                var again = await user.LogsInAsync(user.DeviceId);
                return await again.GetAsync("account/whoami");
            },
            ["account"] = static (_, user, _) =>
                user.PostAsync("account/deactivate", new JsonObject { ["auth"] = user.PasswordAuth() }),
        };

    private readonly Slow _slow = new();

    private static IEnumerable<string> Waits => _waits.Keys;

    private static IEnumerable<string> Ends => _ends.Keys;

    [Test]
    public async Task A_request_that_waits_ends_with_its_session(
        [ValueSource(nameof(Waits))] string wait, [ValueSource(nameof(Ends))] string end)
    {
        var user = await SomeoneAsync();
        var other = await user.LogsInAsync();
        var room = (await user.PostAsync("createRoom")).Is(200).Member("room_id");
        var waiting = await _waits[wait](this, user, room);
        await WaitsAsync();
        var watch = Stopwatch.StartNew();

        (await _ends[end](this, user, other)).Is(200);

        (await waiting).Is(401, end == "lock" ? "M_USER_LOCKED" : "M_UNKNOWN_TOKEN");
        Assert.That(watch.ElapsedMilliseconds, Is.LessThan(Timeout / 2));
    }

    [Test]
    public async Task A_body_that_arrives_after_its_session_ended_does_nothing(
        [Values("profile", "upload", "upload to a URI")] string what, [ValueSource(nameof(Ends))] string end)
    {
        var user = await SomeoneAsync();
        var other = await user.LogsInAsync();
        var uri = (await user.PostAsync("/_matrix/media/v1/create")).Is(200).Member("content_uri");
        var body = new JsonObject { ["displayname"] = "Late" }.ToJsonString();
        var first = what switch
        {
            "profile" => $"PUT /_matrix/client/v3/profile/{Esc(user.UserId)}/displayname",
            "upload" => "POST /_matrix/media/v3/upload",
            _ => $"PUT /_matrix/media/v3/upload/{uri["mxc://".Length..]}",
        };
        using var connection = await RawConnection.OpenAsync(Server.ClientAddress);
        await connection.SendAsync(
            $"{first} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {user.Token}\r\n"
                + $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body[..5]}");

        // The server has admitted it, and waits for the rest.
        await Task.Delay(300);

        (await _ends[end](this, user, other)).Is(200);
        await connection.SendAsync(body[5..]);

        var reply = await connection.ReadToEndAsync();
        Assert.That(reply.Status, Is.EqualTo(401), reply.Text);
        Assert.That(reply.Text, Does.Contain(end == "lock" ? "M_USER_LOCKED" : "M_UNKNOWN_TOKEN"));
    }

    [Test]
    public async Task A_body_that_arrives_late_is_taken_while_its_session_goes_on()
    {
        var user = await SomeoneAsync();
        using var connection = await RawConnection.OpenAsync(Server.ClientAddress);
        await connection.SendAsync(
            $"PUT /_matrix/client/v3/profile/{Esc(user.UserId)}/displayname HTTP/1.1\r\nHost: localhost\r\n"
                + $"Connection: close\r\nAuthorization: Bearer {user.Token}\r\nContent-Length: 22\r\n\r\n{{\"dis");
        await Task.Delay(100);
        await connection.SendAsync("playname\":\"Late\"}");

        Assert.That((await connection.ReadToEndAsync()).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task Only_the_requests_of_the_session_end()
    {
        var user = await SomeoneAsync();
        var tablet = await user.LogsInAsync();
        var waiting = await _waits["sync"](this, user, "");
        await WaitsAsync();

        (await tablet.PostAsync("logout")).Is(200);

        (await waiting).Is(200);
    }

    [Test]
    public async Task A_request_goes_on_when_its_token_is_refreshed()
    {
        var user = await SomeoneAsync();
        var login = (await Server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = user.UserId },
            ["password"] = user.Password,
            ["refresh_token"] = true,
        })).Is(200);
        var phone = new TestUser(
            Server, user.UserId, login.Member("device_id"), login.Member("access_token"), user.Password);
        var waiting = await _waits["sync"](this, phone, "");
        await WaitsAsync();

        var fresh = (await Server.Anyone.PostAsync(
            "refresh", new JsonObject { ["refresh_token"] = login.Member("refresh_token") })).Is(200);
        var refreshed = new TestClient(Server, fresh.Member("access_token"));
        await refreshed.PutAsync($"user/{user.UserId}/account_data/com.example.a", new JsonObject { ["a"] = 1 });

        (await phone.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        Assert.That((await waiting).Is(200).Text, Does.Contain("com.example.a"));
    }

    [TestCase("GET", 401)]
    [TestCase("POST", 200)]
    public async Task What_was_read_is_not_shown_to_a_session_that_ended_meanwhile(string method, int status)
    {
        Server.Replaces = parts => parts.AddSingleton<IEndpoints>(_slow);
        await Server.RestartAsync();
        var user = await SomeoneAsync();
        var reply = user.SendAsync(new HttpMethod(method), "/_matrix/client/v3/slow", body: null);
        await _slow.Began.WaitAsync();

        (await user.PostAsync("logout")).Is(200);
        _slow.Ends.Release();

        // What was done is answered in any case.
        Assert.That((await reply).Status, Is.EqualTo(status));
    }

    [TestCase("logout")]
    [TestCase("lock")]
    [TestCase("password")]
    [TestCase("device")]
    [TestCase("login")]
    [TestCase("account")]
    public async Task A_token_for_another_service_ends_with_its_session(string end)
    {
        var user = await SomeoneAsync();
        var other = await user.LogsInAsync();
        var token = (await user.PostAsync($"user/{user.UserId}/openid/request_token")).Is(200).Member("access_token");
        var tokens = Server.Services.GetRequiredService<OpenIdTokens>();
        Assert.That(await tokens.FindAsync(token, CancellationToken.None), Is.EqualTo(user.UserId));

        (await _ends[end](this, user, other)).Is(200);

        Assert.That(await tokens.FindAsync(token, CancellationToken.None), Is.Null);
    }

    [Test]
    public async Task A_token_for_another_service_goes_on_with_the_session_when_others_end()
    {
        var user = await SomeoneAsync();
        var tablet = await user.LogsInAsync();
        var token = (await user.PostAsync($"user/{user.UserId}/openid/request_token")).Is(200).Member("access_token");

        (await tablet.PostAsync("logout")).Is(200);

        Assert.That(
            await Server.Services.GetRequiredService<OpenIdTokens>().FindAsync(token, CancellationToken.None),
            Is.EqualTo(user.UserId));
    }

    private async Task WaitsAsync()
    {
        var notifier = Server.Services.GetRequiredService<Notifier>();
        var watches = Server.Services.GetRequiredService<RoomWatches>();
        while (notifier.Waiting + watches.Count == 0) await Task.Delay(10);
    }

    /// <summary>An endpoint that answers when the test says so.</summary>
    private sealed class Slow : IEndpoints
    {
        public SemaphoreSlim Began { get; } = new(0);

        public SemaphoreSlim Ends { get; } = new(0);

        public void Map(ClientRoutes routes)
        {
            routes.Of(RouteOwner.Nobody).Get("slow", AnswerAsync);
            routes.Of(RouteOwner.Nobody).Post("slow", AnswerAsync);
        }

        private async ValueTask<Answer> AnswerAsync(Call call, CancellationToken stop)
        {
            Began.Release();
            await Ends.WaitAsync(stop);
            return Answer.Empty;
        }
    }
}
