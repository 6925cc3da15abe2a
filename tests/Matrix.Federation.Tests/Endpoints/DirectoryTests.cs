using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Endpoints;

/// <summary>The servers that come with an alias.</summary>
public sealed class DirectoryTests
{
    [TestCase("1000", "1000", new[] { "SELF", "b.example", "a.example:8448" })]
    [TestCase("1000", "2", new[] { "SELF", "b.example" })]
    [TestCase("2", "1000", new[] { "SELF", "b.example" })]
    public async Task They_are_the_joined_ones_this_one_first_within_the_limits(
        string members, string servers, string[] expected)
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(
            ("limits.directory_members", members), ("limits.directory_servers", servers));
        var peer = new Peer("peer.example");
        server.Knows(peer);
        var alice = await server.RegistersAsync("zoe");
        (await alice.PostAsync("createRoom", new JsonObject { ["room_alias_name"] = "kitchen" })).Is(200);
        await JoinAsync(
            server,
            ("@a1:b.example", true), ("@a2:b.example", true), ("@b:a.example:8448", true), ("@c:gone.example", false));

        var alias = Uri.EscapeDataString($"#kitchen:{server.Name}");
        var reply = await peer.SendAsync(server, "GET", $"/_matrix/federation/v1/query/directory?room_alias={alias}");

        Assert.That(
            reply.Is(200).Json["servers"]!.AsArray().Select(name => (string?)name),
            Is.EqualTo(expected.Select(name => name == "SELF" ? server.Name : name)));
    }

    /// <summary>Gives the room members of other servers, as their events would.</summary>
    private static async Task JoinAsync(TestServer server, params (string UserId, bool IsJoined)[] users)
    {
        var storage = server.Services.GetRequiredService<OpenedStorage>();
        var alias = await storage.Aliases.FindAsync($"#kitchen:{server.Name}", CancellationToken.None);
        var batch = Batches.New(users.Length);
        foreach (var (userId, isJoined) in users)
        {
            var membership = isJoined ? Membership.Join : Membership.Leave;
            batch.Add(new MembershipChanged(
                alias!.Room, userId, null, membership, EventNid.Of(alias.Room, 1), IsLocal: false));
        }

        await storage.Writer.WriteAsync(batch, CancellationToken.None);
    }
}
