using System.Text.Json.Nodes;
using Matrix.Host.Crypto;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Invites;

/// <summary>A server whose user alice is invited to rooms of another server.</summary>
public abstract class InvitedUserTests
{
    protected static string[] Versions => ["1", "2", "6", "10", "11", "12"];

    protected TestServer Server { get; private set; } = null!;

    protected AnsweringPeer Peer { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        Server = await TestServer.StartWithKnownKeysAsync(
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"),
            ("federation.handshake_time", "5s"));
        Peer = await AnsweringPeer.StartAsync();
        Server.Knows(Peer.Peer);
        Alice = await Server.RegistersAsync("alice");
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await Peer.DisposeAsync();
        await Server.DisposeAsync();
    }

    protected static async Task DeactivateAsync(TestUser user, string name)
    {
        var password = new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = name },
            ["password"] = name + "-password",
        };
        (await user.PostAsync("account/deactivate", new JsonObject { ["auth"] = password })).Is(200);
    }

    protected void AssertSignedByServer(PeerRoom room, JsonObject invite)
    {
        var key = Server.Services.GetRequiredService<SigningKeyRing>().InUse;
        var signature = (string)invite["signatures"]![Server.Name]![key.Id]!;
        Assert.That(room.IsSigned(invite, key.Key.PublicKey, signature), invite.ToJsonString());
    }
}
