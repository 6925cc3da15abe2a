using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Joining;

/// <summary>A user of one server joins rooms of another.</summary>
public sealed class TwoServersTests
{
    private static readonly string[] _versions = ["1", "2", "3", "6", "10", "11", "12"];

    [Test]
    public async Task Both_servers_have_the_same_state_after_a_join()
    {
        await using var resident = await TestServer.StartFederatingAsync();
        await using var joining = await TestServer.StartFederatingAsync();
        await JoinAllVersionsAsync(resident, joining);
    }

    [Test]
    [Category("PostgreSQL")]
    public async Task Both_servers_have_the_same_state_after_a_join_on_PostgreSQL()
    {
        await using var residentDatabase = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var joiningDatabase = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var resident = await TestServer.StartFederatingAsync(residentDatabase.Url);
        await using var joining = await TestServer.StartFederatingAsync(joiningDatabase.Url);
        await JoinAllVersionsAsync(resident, joining);
    }

    [Test]
    public async Task Members_of_an_allowed_room_join_a_restricted_one_and_others_do_not()
    {
        await using var resident = await TestServer.StartFederatingAsync();
        await using var joining = await TestServer.StartFederatingAsync();
        var alice = await resident.RegistersAsync("alice");
        var bob = await joining.RegistersAsync("bob");
        var carol = await joining.RegistersAsync("carol");
        var stranger = await joining.RegistersAsync("dave");
        foreach (var (version, rule) in ((string, string)[])
            [("8", "restricted"), ("9", "restricted"), ("10", "knock_restricted"), ("12", "restricted")])
        {
            var club = await alice.CreatesRoomAsync(version: version);
            var roomId = await alice.CreatesRestrictedRoomAsync(version, rule, club);
            var via = $"?via={resident.Name}";
            await bob.JoinsAsync(club, resident.Name);
            await carol.JoinsAsync(club, resident.Name);

            (await stranger.PostAsync($"join/{Uri.EscapeDataString(roomId)}{via}")).Is(403, "M_FORBIDDEN");
            await bob.JoinsAsync(roomId, resident.Name);

            // Carol joined the club through Bob's server, and Alice's learns of it by a transaction.
            var carolInClub = $"rooms/{Uri.EscapeDataString(club)}/state/m.room.member/{carol.UserId}";
            for (var n = 0; n < 200 && (await alice.GetAsync(carolInClub)).Status != 200; n++) await Task.Delay(50);

            // Bob has no power to invite: his server asks Alice's to authorise Carol.
            await carol.JoinsAsync(roomId);
            (await stranger.PostAsync($"join/{Uri.EscapeDataString(roomId)}")).Is(403, "M_FORBIDDEN");

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

    private static async Task JoinAllVersionsAsync(TestServer resident, TestServer joining)
    {
        var alice = await resident.RegistersAsync("alice");
        var bob = await joining.RegistersAsync("bob");
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
            await alice.SaysAsync(roomId, "Hello");

            await bob.JoinsAsync($"#kitchen{version}:{resident.Name}");

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
            await bob.SaysAsync(roomId, "Hello from there");
        }
    }
}
