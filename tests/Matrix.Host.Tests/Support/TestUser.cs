using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Support;

/// <summary>A user who is logged in on one device.</summary>
public sealed class TestUser(
    HomeserverFixture server, string userId, string deviceId, string token, string password) : TestClient(server, token)
{
    /// <summary>The user's id.</summary>
    public string UserId { get; } = userId;

    /// <summary>The device's id.</summary>
    public string DeviceId { get; } = deviceId;

    /// <summary>The user's password.</summary>
    public string Password { get; } = password;

    /// <summary>`auth` with the user's password.</summary>
    public JsonObject PasswordAuth(string? session = null)
    {
        var auth = new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = UserId },
            ["password"] = Password,
        };
        if (session is not null) auth["session"] = session;
        return auth;
    }

    /// <summary>Logs the same user in on another device.</summary>
    public async Task<TestUser> LogsInAsync(string? deviceId = null)
    {
        var body = new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = UserId },
            ["password"] = Password,
        };
        if (deviceId is not null) body["device_id"] = deviceId;
        var reply = await Server.Anyone.PostAsync("login", body);
        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        return new TestUser(Server, UserId, reply.Member("device_id"), reply.Member("access_token"), Password);
    }
}
