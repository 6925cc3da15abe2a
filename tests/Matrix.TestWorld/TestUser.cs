using System.Text.Json.Nodes;

namespace Matrix.TestWorld;

/// <summary>A user who is logged in on one device.</summary>
public sealed class TestUser(
    ServerUnderTest server, string userId, string deviceId, string token, string password) : TestClient(server, token)
{
    /// <summary>The user's id.</summary>
    public string UserId { get; } = userId;

    /// <summary>The device's id.</summary>
    public string DeviceId { get; } = deviceId;

    /// <summary>The user's password.</summary>
    public string Password { get; } = password;

    /// <summary>The key that signs the device's keys.</summary>
    public ClientKey DeviceKey { get; } = new();

    /// <summary>`auth` with the user's password.</summary>
    public JsonObject PasswordAuth(string? session = null)
    {
        var auth = PasswordLogin();
        if (session is not null) auth["session"] = session;
        return auth;
    }

    /// <summary>Logs the same user in on another device.</summary>
    public async Task<TestUser> LogsInAsync(string? deviceId = null, string? deviceName = null)
    {
        var body = PasswordLogin();
        if (deviceId is not null) body["device_id"] = deviceId;
        if (deviceName is not null) body["initial_device_display_name"] = deviceName;
        return Of(Server, await Server.Anyone.PostAsync("login", body), Password);
    }

    /// <summary>The user of a response to a registration or a login.</summary>
    internal static TestUser Of(ServerUnderTest server, Reply reply, string password) => new(
        server, reply.Is(200).Member("user_id"), reply.Member("device_id"), reply.Member("access_token"), password);

    private JsonObject PasswordLogin() => new()
    {
        ["type"] = "m.login.password",
        ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = UserId },
        ["password"] = Password,
    };
}
