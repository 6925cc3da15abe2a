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

    [Test]
    public async Task Members_of_an_allowed_room_join_a_restricted_one_and_others_do_not()
    {
        await using var resident = await ServerProcess.StartAsync();
        await using var joining = await ServerProcess.StartAsync();
        var alice = await LocalUser.RegisterAsync(resident, "alice");
        var bob = await LocalUser.RegisterAsync(joining, "bob");
        var carol = await LocalUser.RegisterAsync(joining, "carol");
        var stranger = await LocalUser.RegisterAsync(joining, "dave");
        foreach (var (version, rule) in ((string, string)[])
            [("8", "restricted"), ("9", "restricted"), ("10", "knock_restricted"), ("12", "restricted")])
        {
            var club = await alice.CreateRoomAsync(version);
            var roomId = await alice.CreateRestrictedRoomAsync(version, rule, club);
            var via = $"?via={resident.Name}";
            (await bob.PostAsync($"join/{Uri.EscapeDataString(club)}{via}", [])).Is(200);
            (await carol.PostAsync($"join/{Uri.EscapeDataString(club)}{via}", [])).Is(200);

            (await stranger.PostAsync($"join/{Uri.EscapeDataString(roomId)}{via}", [])).Is(403, "M_FORBIDDEN");
            (await bob.PostAsync($"join/{Uri.EscapeDataString(roomId)}{via}", [])).Is(200);

            // Carol joined the club through Bob's server, and Alice's learns of it by a transaction.
            var carolInClub = $"rooms/{Uri.EscapeDataString(club)}/state/m.room.member/{carol.UserId}";
            for (var n = 0; n < 200 && (await alice.GetAsync(carolInClub)).Status != 200; n++) await Task.Delay(50);

            // Bob has no power to invite: his server asks Alice's to authorise Carol.
            (await carol.PostAsync($"join/{Uri.EscapeDataString(roomId)}", [])).Is(200);
            (await stranger.PostAsync($"join/{Uri.EscapeDataString(roomId)}", [])).Is(403, "M_FORBIDDEN");

            var state = await alice.StateIdsAsync(roomId);
            Assert.That(await bob.StateIdsAsync(roomId), Is.EquivalentTo(state), version);
            var path = $"rooms/{Uri.EscapeDataString(roomId)}/state/m.room.member/";
            foreach (var user in new[] { bob, carol })
            {
                var member = (await alice.GetAsync(path + user.UserId)).Is(200).Json;
                Assert.That(
                    (string?)member["join_authorised_via_users_server"], Is.EqualTo(alice.UserId), version);
            }
        }
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
