using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Joining;

/// <summary>A user of one server process joins rooms of another.</summary>
public sealed class TwoServersTests
{
    private static readonly string[] _versions = ["1", "2", "3", "6", "10", "11", "12"];

    [Test]
    public async Task Both_servers_have_the_same_state_after_a_join()
    {
        await using var resident = await ServerProcess.StartAsync();
        await using var joining = await ServerProcess.StartAsync();
        await JoinAllVersionsAsync(resident, joining);
    }

    [Test]
    [Category("PostgreSQL")]
    public async Task Both_servers_have_the_same_state_after_a_join_on_PostgreSQL()
    {
        using var postgres = new PostgresProcess(inMemory: true);
        await using var resident = await ServerProcess.StartAsync(postgres.NewDatabase("resident"));
        await using var joining = await ServerProcess.StartAsync(postgres.NewDatabase("joining"));
        await JoinAllVersionsAsync(resident, joining);
    }

    private static async Task JoinAllVersionsAsync(ServerProcess resident, ServerProcess joining)
    {
        var alice = await LocalUser.RegisterAsync(resident, "alice");
        var bob = await LocalUser.RegisterAsync(joining, "bob");
        foreach (var version in _versions)
        {
            var created = await alice.PostAsync("createRoom", new JsonObject
            {
                ["room_version"] = version,
                ["preset"] = "public_chat",
                ["room_alias_name"] = "kitchen" + version,
                ["name"] = "The kitchen",
            });
            var roomId = (string)created.Is(200).Json["room_id"]!;
            var path = $"rooms/{Uri.EscapeDataString(roomId)}";
            await alice.SayAsync(roomId, "Hello");

            var alias = Uri.EscapeDataString($"#kitchen{version}:{resident.Name}");
            (await bob.PostAsync($"join/{alias}", [])).Is(200);

            var state = await bob.StateIdsAsync(roomId);
            Assert.That(state, Is.EquivalentTo(await alice.StateIdsAsync(roomId)), version);
            foreach (var user in new[] { alice, bob })
            {
                var members = (await user.GetAsync($"{path}/joined_members")).Is(200).Json["joined"]!.AsObject();
                Assert.That(
                    members.Select(member => member.Key), Is.EquivalentTo(new[] { alice.UserId, bob.UserId }), version);
            }

            Assert.That((string?)(await alice.TimelineAsync(roomId))[^1]["state_key"], Is.EqualTo(bob.UserId));
            Assert.That((await bob.TimelineAsync(roomId)).Select(each => (string?)each["state_key"]),
                Is.EqualTo(new[] { bob.UserId }));
            await bob.SayAsync(roomId, "Hello from there");
        }
    }
}
