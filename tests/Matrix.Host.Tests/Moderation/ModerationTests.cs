using System.Text.Json.Nodes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Moderation;

/// <summary>A server with an administrator, for all tests of a class.</summary>
internal abstract class ModerationTests
{
    private int _made;

    protected TestServer Server { get; private set; } = null!;

    protected TestUser Admin { get; private set; } = null!;

    protected virtual (string, string)[] Settings => [];

    [OneTimeSetUp]
    public async Task StartServer()
    {
        Server = await TestServer.StartAsync(Settings);
        Admin = await Server.RegistersAsync("admin");
        await MakesAdminAsync(Admin);
    }

    [OneTimeTearDown]
    public async Task StopServer() => await Server.DisposeAsync();

    protected static string Esc(string text) => Uri.EscapeDataString(text);

    protected static string LockPath(string userId) => $"/_matrix/client/v1/admin/lock/{Esc(userId)}";

    protected static string SuspendPath(string userId) => $"/_matrix/client/v1/admin/suspend/{Esc(userId)}";

    /// <summary>A user whom no other test knows.</summary>
    protected Task<TestUser> SomeoneAsync() => Server.RegistersAsync($"someone{Interlocked.Increment(ref _made)}");

    protected async Task MakesAdminAsync(TestUser user) => await Server.Services.GetRequiredService<IStorageWriter>()
        .WriteAsync(Batches.New(1).Add(new AdminChanged(user.UserId, true)), CancellationToken.None);

    protected Task<Reply> LocksAsync(string userId, bool locked = true) =>
        Admin.PutAsync(LockPath(userId), new JsonObject { ["locked"] = locked });

    protected Task<Reply> SuspendsAsync(string userId, bool suspended = true) =>
        Admin.PutAsync(SuspendPath(userId), new JsonObject { ["suspended"] = suspended });
}
