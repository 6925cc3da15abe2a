using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Admin;

/// <summary>The base of tests of the administration API: a server with an administrator and a user.</summary>
public abstract class AdminTests
{
    protected const string V1 = "/_synapse/admin/v1/";
    protected const string V2 = "/_synapse/admin/v2/";

    protected TestServer Server { get; private set; } = null!;

    protected TestUser Root { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        Server = await TestServer.StartAsync();
        Root = await RegistersAdminAsync("root");
        Alice = await Server.RegistersAsync("alice");
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await Server.DisposeAsync();

    protected async Task<TestUser> RegistersAdminAsync(string name)
    {
        var user = await Server.RegistersAsync(name);
        var change = Batches.New(1).Add(new AdminChanged(user.UserId, true));
        await Server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(change, CancellationToken.None);
        return user;
    }

    /// <summary>The newest entries of the audit log that concern a target, as action and result.</summary>
    protected async Task<IReadOnlyList<string>> AuditOfAsync(string target)
    {
        var log = (await Root.GetAsync($"{V1}audit_log?target={Uri.EscapeDataString(target)}")).Is(200);
        return [.. log.Json["entries"]!.AsArray().Select(entry => $"{entry!["action"]}: {entry["result"]}")];
    }

    protected static async Task<string> CreatesRoomAsync(TestUser user, string name, string preset = "public_chat")
    {
        var made = await user.PostAsync("createRoom", new JsonObject { ["name"] = name, ["preset"] = preset });
        return made.Is(200).Member("room_id");
    }

    protected static async Task<string> UploadsAsync(TestUser user, string text)
    {
        using var body = new StringContent(text);
        var sent = await user.SendAsync(HttpMethod.Post, "/_matrix/media/v3/upload", body);
        return sent.Is(200).Member("content_uri")["mxc://".Length..];
    }

    protected static string[] Names(JsonNode? node) => [.. node!.AsObject().Select(member => member.Key)];
}
