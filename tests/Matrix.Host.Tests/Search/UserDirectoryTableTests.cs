using Matrix.Core.State;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.UserDirectory;
using Matrix.Host.Tests.Storage;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Search;

/// <summary>The user directory's rows, of users of other servers too.</summary>
internal sealed class UserDirectoryTableTests(string kind) : StorageTests(kind)
{
    private static readonly DirectoryQuery _re = new("re", "", "", AllLocal: false);

    [SetUp]
    public async Task Rooms()
    {
        await Write(Room(Kitchen), Room(Garden));
        await Write(
            Sets(Kitchen, Alice, Membership.Join, Live(Kitchen, 1)),
            Sets(Kitchen, Remote, Membership.Join, Live(Kitchen, 2), isLocal: false),
            Sets(Garden, Bob, Membership.Join, Live(Garden, 1)));
    }

    [Test]
    public async Task A_user_of_another_server_is_found_by_those_who_share_a_room()
    {
        await Puts(Remote, "Remi", isOpen: false, isLocal: false);

        Assert.That(await Store.UserDirectory.OpenAsync(_re, 10, Stop), Is.Empty);
        var closed = await Store.UserDirectory.ClosedAsync(_re, 10, Stop);
        Assert.That(closed.Select(row => row.UserId), Does.Contain(Remote));
        Assert.That(await Store.UserDirectory.SharingAsync(Alice, [Remote, Bob], Stop), Is.EqualTo(new[] { Remote }));
        Assert.That(await Store.UserDirectory.SharingAsync(Bob, [Remote, Alice], Stop), Is.Empty);
        Assert.That(
            (await Store.UserDirectory.SharingAsync(Alice, _re, 10, Stop)).Select(row => row.UserId).Distinct(),
            Is.EqualTo(new[] { Remote }));
        Assert.That(await Store.UserDirectory.SharingAsync(Bob, _re, 10, Stop), Is.Empty);
        Assert.That(
            (await Store.UserDirectory.RoomsAsync(Remote, 10, Stop)).Select(row => row.Room),
            Is.EqualTo(new[] { Kitchen }));
    }

    [Test]
    public async Task A_user_who_changes_while_an_entry_is_made_is_still_noted()
    {
        var before = (await Store.UserDirectory.PendingAsync(long.MaxValue, 10, Stop))
            .Single(user => user.UserId == Alice);
        await Write(new ProfileFieldChanged(Alice, "displayname", Json("\"Al\"")));
        await Write(new DirectoryEntryPut(before, null, null, IsOpen: true, IsLocal: true, ["alice"]));
        var after = (await Store.UserDirectory.PendingAsync(long.MaxValue, 10, Stop))
            .Single(user => user.UserId == Alice);
        Assert.That(after.Position, Is.GreaterThan(before.Position));

        await Write(new DirectoryEntryPut(after, "Al", null, IsOpen: true, IsLocal: true, ["al", "alice"]));
        var left = await Store.UserDirectory.PendingAsync(long.MaxValue, 10, Stop);
        Assert.That(left.Select(user => user.UserId), Does.Not.Contain(Alice));
        var row = (await Store.UserDirectory.OpenAsync(_re with { First = "al" }, 1, Stop)).Single();
        Assert.That(row, Is.EqualTo(new DirectoryRow(Alice, "Al", null, "al")));

        await Write(new DirectoryEntryDeleted(after));
        Assert.That(await Store.UserDirectory.OpenAsync(_re with { First = "al" }, 1, Stop), Is.Empty);
    }

    [Test]
    public async Task The_members_of_a_room_that_may_have_opened_are_noted_in_parts()
    {
        var noted = (await Store.UserDirectory.PendingAsync(long.MaxValue, 10, Stop)).ToList();
        foreach (var each in noted) await Write(new DirectoryEntryDeleted(each));
        var rules = StateEntry.Of("m.room.join_rules", "", EventId("rules"), Live(Kitchen, 3).Ordinal);
        var position = await Write(Changes(Kitchen, 2, after: StateTree.Empty.Set(rules)));
        Assert.That(await Store.UserDirectory.PendingAsync(long.MaxValue, 10, Stop), Is.Empty);
        Assert.That(await Store.UserDirectory.PendingEntryAsync(position - 1, Stop), Is.Null, "not read by all yet");
        var room = (await Store.UserDirectory.PendingEntryAsync(position, Stop))!.Value;
        Assert.That(room, Is.EqualTo(new PendingEntry(Kitchen, position, "")));

        await Write(new DirectoryMembersNoted(room, [Alice], IsEnd: false));
        room = (await Store.UserDirectory.PendingEntryAsync(position, Stop))!.Value;
        Assert.That(room.AfterUser, Is.EqualTo(Alice));
        await Write(new DirectoryMembersNoted(room, [Remote], IsEnd: true));
        Assert.That(await Store.UserDirectory.PendingEntryAsync(long.MaxValue, Stop), Is.Null);
        Assert.That(
            (await Store.UserDirectory.PendingAsync(long.MaxValue, 10, Stop)).Select(user => user.UserId),
            Is.EquivalentTo(new[] { Alice, Remote }));
        Assert.That(await Store.UserDirectory.PendingAsync(position, 10, Stop), Is.Empty, "not read by all yet");
    }

    [Test]
    public async Task The_room_that_a_user_of_another_server_shares_is_the_one_joined_last()
    {
        await Write(Sets(Garden, Alice, Membership.Join, Live(Garden, 2)));
        await Write(Sets(Garden, Remote, Membership.Join, Live(Garden, 3), isLocal: false));
        var shared = await Store.UserDirectory.SharedRoomsAsync(Alice, [Remote, Bob], Stop);
        Assert.That(shared.Keys, Is.EqualTo(new[] { Remote }));
        Assert.That(shared[Remote], Is.EqualTo(new JoinedRoomRow(Garden, Live(Garden, 3))));
        await Write(Sets(Garden, Alice, Membership.Leave, Live(Garden, 4)));
        shared = await Store.UserDirectory.SharedRoomsAsync(Alice, [Remote], Stop);
        Assert.That(shared[Remote].Room, Is.EqualTo(Kitchen));
    }

    [Test]
    public async Task A_room_is_noted_when_the_last_local_user_leaves_and_when_one_joins_again()
    {
        await ForgetsAsync();
        await Write(Sets(Kitchen, Bob, Membership.Join, Live(Kitchen, 3)));
        Assert.That(await Store.UserDirectory.PendingEntryAsync(long.MaxValue, Stop), Is.Null, "alice is there");
        await Write(Leaves(Bob, 4));
        Assert.That(await Store.UserDirectory.PendingEntryAsync(long.MaxValue, Stop), Is.Null, "alice is still there");

        var position = await Write(Leaves(Alice, 5));
        var room = await Store.UserDirectory.PendingEntryAsync(long.MaxValue, Stop);
        Assert.That(room, Is.EqualTo(new PendingEntry(Kitchen, position, "")));
        Assert.That(await Store.UserDirectory.RoomsAsync(Remote, 10, Stop), Is.Empty);

        await ForgetsAsync();
        await Write(Sets(Kitchen, "@other:b.org", Membership.Join, Live(Kitchen, 6), isLocal: false));
        Assert.That(await Store.UserDirectory.PendingEntryAsync(long.MaxValue, Stop), Is.Null, "not a local user");
        position = await Write(Sets(Kitchen, Alice, Membership.Join, Live(Kitchen, 7)));
        room = await Store.UserDirectory.PendingEntryAsync(long.MaxValue, Stop);
        Assert.That(room, Is.EqualTo(new PendingEntry(Kitchen, position, "")));
    }

    [Test]
    public async Task A_room_is_noted_when_its_local_users_leave_at_once()
    {
        await Write(Sets(Kitchen, Bob, Membership.Join, Live(Kitchen, 3)));
        await ForgetsAsync();
        await Write(Leaves(Bob, 4), Leaves(Alice, 5));
        Assert.That((await Store.UserDirectory.PendingEntryAsync(long.MaxValue, Stop))?.Room, Is.EqualTo(Kitchen));
    }

    private static MembershipChanged Leaves(string userId, uint ordinal) =>
        new(Kitchen, userId, Membership.Join, Membership.Leave, Live(Kitchen, ordinal), IsLocal: true);

    /// <summary>Ends what was noted so far.</summary>
    private async Task ForgetsAsync()
    {
        while (await Store.UserDirectory.PendingEntryAsync(long.MaxValue, Stop) is { } room)
        {
            await Write(new DirectoryMembersNoted(room, [], IsEnd: true));
        }
    }

    private async Task Puts(string userId, string name, bool isOpen, bool isLocal) => await Write(new DirectoryEntryPut(
        new PendingUser(userId, 0), name, null, isOpen, isLocal, [userId, "remote", name.ToLowerInvariant()]));
}
