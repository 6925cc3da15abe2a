using System.Reflection;
using System.Text.Json.Nodes;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Guests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Tests.Guests;

/// <summary>Guests leave rooms while other rooms cannot be read.</summary>
internal sealed class GuestDepartureTests
{
    [Test]
    public async Task A_room_that_cannot_be_read_does_not_keep_guests_in_others()
    {
        await using var server = await TestServer.StartAsync(("registration.guests", "true"));
        var alice = await server.RegistersAsync("alice");
        var guests = new List<(TestUser Guest, string Room)>();
        for (var i = 0; i < 2; i++)
        {
            var reply = (await server.Anyone.PostAsync("register?kind=guest")).Is(200);
            var guest = new TestUser(
                server, reply.Member("user_id"), reply.Member("device_id"), reply.Member("access_token"), "");
            var room = await alice.CreatesRoomAsync();
            await alice.SetsAsync(room, "m.room.guest_access", new JsonObject { ["guest_access"] = "can_join" });
            await guest.JoinsAsync(room);
            guests.Add((guest, room));
        }

        server.Replaces = parts =>
        {
            parts.DoesNotRun<GuestDepartures>();
            parts.AddSingleton(services =>
            {
                var table = services.GetRequiredService<IGuestsTable>();
                return new GuestDepartures(
                    services.GetRequiredService<RoomMemberships>(),
                    services.GetRequiredService<RoomSnapshots>(),
                    services.GetRequiredService<StateReader>(),
                    UnreadableRoom.Of(table, guests[0].Guest.UserId),
                    services.GetRequiredService<IStorageWriter>(),
                    services.GetRequiredService<ShardGates>(),
                    services.GetRequiredService<RoomsOptions>(),
                    services.GetRequiredService<TimeProvider>(),
                    services.GetRequiredService<ILogger<GuestDepartures>>());
            });
        };
        await server.RestartAsync();
        foreach (var (_, room) in guests)
        {
            await alice.SetsAsync(room, "m.room.guest_access", new JsonObject { ["guest_access"] = "forbidden" });
        }

        var isFinished = await server.Services.GetRequiredService<GuestDepartures>().RoundAsync(CancellationToken.None);

        Assert.That(isFinished, Is.False);
        Assert.That(server.Log.Split("could not leave the room"), Has.Length.EqualTo(2), "one failure");
        Assert.That(await MembershipAsync(guests[0]), Is.EqualTo("join"));
        Assert.That(await MembershipAsync(guests[1]), Is.EqualTo("leave"));

        async Task<string> MembershipAsync((TestUser Guest, string Room) of) => (await alice.GetAsync(
            $"rooms/{Uri.EscapeDataString(of.Room)}/state/m.room.member/{Uri.EscapeDataString(of.Guest.UserId)}"))
            .Is(200).Member("membership");
    }
}

/// <summary>The table of guests, of which those in the room of one of them cannot be read.</summary>
public class UnreadableRoom : DispatchProxy
{
    private IGuestsTable _guests = null!;
    private string _member = "";

    internal static IGuestsTable Of(IGuestsTable guests, string member)
    {
        var table = Create<IGuestsTable, UnreadableRoom>();
        (((UnreadableRoom)(object)table)._guests, ((UnreadableRoom)(object)table)._member) = (guests, member);
        return table;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        args?.FirstOrDefault() is IEnumerable<string> members && members.Contains(_member)
            ? throw new StorageException(StorageFailure.Unavailable, "The room cannot be read.")
            : targetMethod!.Invoke(_guests, args);
}
