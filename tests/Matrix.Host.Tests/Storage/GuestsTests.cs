using Matrix.Core.State;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Storage.Tables.Rooms;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

internal sealed class GuestsTests(string kind) : StorageTests(kind)
{
    private const string Phone = "PHONE";
    private static readonly byte[] _token = [7];

    private long Now => Time.GetUtcNow().ToUnixTimeMilliseconds();

    [Test]
    public async Task Guests_are_counted_and_not_the_first_user()
    {
        await Write(
            new RegistrationTokenIssued("first", 1, null, MakesAdmin: true),
            new UserCreated(Alice, UserKind.Guest, null, false),
            new UserCreated(Bob, UserKind.Guest, null, false),
            new UserDeactivated(Bob, false));

        Assert.That(await Store.Accounts.AnyUserAsync(Stop), Is.False);
        Assert.That(await Store.Accounts.FindRegistrationTokenAsync("first", Stop), Is.Not.Null);
        Assert.That(await Applies(new GuestsFewerThan(1)), Is.False);
        Assert.That(await Applies(new GuestsFewerThan(2)), Is.True);
        Assert.That(await Store.Guests.AmongAsync([Alice, Bob, Carol], Stop), Is.EqualTo(new[] { Alice }));
    }

    [Test]
    public async Task Guests_are_unused_from_the_time_on_at_which_they_were_last_seen()
    {
        await Write(
            new UserCreated(Alice, UserKind.Guest, null, false),
            new UserCreated(Bob, UserKind.Guest, null, false),
            new UserCreated(Carol, UserKind.User, null, false),
            new DeviceAdded(Alice, Phone, null));
        var created = Now;
        await Write(new DeviceSeen(Alice, Phone, created + 1000, "127.0.0.1"));

        Assert.That(await Store.Guests.UnusedAsync(created, 10, Stop), Is.Empty);
        Assert.That(await Store.Guests.UnusedAsync(created + 500, 10, Stop), Is.EqualTo(new[] { Bob }));
        Assert.That(
            await Store.Guests.UnusedAsync(created + 2000, 10, Stop), Is.EquivalentTo(new[] { Alice, Bob }));
        Assert.That(await Applies(new GuestIsUnused(Alice, created + 500)), Is.False);
        Assert.That(await Applies(new GuestIsUnused(Alice, created + 2000)), Is.True);
        Assert.That(await Applies(new GuestIsUnused(Carol, created + 2000)), Is.False);
    }

    [Test]
    public async Task Only_the_token_of_an_unlocked_guest_upgrades_them_and_once()
    {
        await Write(
            new UserCreated(Alice, UserKind.Guest, null, false),
            new UserCreated(Bob, UserKind.Guest, null, false),
            new DeviceAdded(Alice, Phone, null),
            new TokensIssued(Alice, Phone, _token, null, null, null),
            new AccountLockChanged(Alice, true, true));

        Assert.That(await Applies(new GuestUpgraded(Alice, _token, "hash", false)), Is.False);
        await Write(new AccountLockChanged(Alice, false, true));
        Assert.That(await Applies(new GuestUpgraded(Bob, _token, "hash", false)), Is.False);
        Assert.That(await Applies(new GuestUpgraded(Alice, new byte[] { 8 }, "hash", false)), Is.False);
        Assert.That(await Applies(new GuestUpgraded(Alice, _token, "hash", true)), Is.True);
        Assert.That(await Applies(new GuestUpgraded(Alice, _token, "other", false)), Is.False);

        var row = (await Store.Accounts.FindUserAsync(Alice, Stop))!;
        Assert.That((row.Kind, row.PasswordHash, row.IsAdmin), Is.EqualTo((UserKind.User, "hash", true)));
        Assert.That(await Store.Accounts.AnyUserAsync(Stop), Is.True);
    }

    [Test]
    public async Task A_change_of_guest_access_is_noted_until_it_is_handled_and_the_first_one_is_not()
    {
        StateTree Of(uint ordinal) =>
            StateTree.Empty.Set(StateEntry.Of("m.room.guest_access", "", EventId($"access {ordinal}"), ordinal));
        await Write(Room(Kitchen), Room(Garden));
        await Write(Changes(Garden, 1, after: Of(3)));
        var first = await Write(Changes(Kitchen, 1, Of(3), Of(4)));
        var second = await Write(Changes(Kitchen, 2, Of(4)));
        await Write(Changes(Kitchen, 3));

        var change = new GuestAccessChange(Kitchen, second);
        Assert.That(await Store.Guests.ChangedRoomsAsync(new(0), 10, Stop), Is.EqualTo(new[] { change }));
        await Write(new GuestAccessHandled(new GuestAccessChange(Kitchen, first)));
        Assert.That(await Store.Guests.ChangedRoomsAsync(new(0), 10, Stop), Is.EqualTo(new[] { change }));
        await Write(new GuestAccessHandled(change));
        Assert.That(await Store.Guests.ChangedRoomsAsync(new(0), 10, Stop), Is.Empty);
    }
}
