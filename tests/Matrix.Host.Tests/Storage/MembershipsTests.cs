using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

internal sealed class MembershipsTests(string kind) : StorageTests(kind)
{
    [SetUp]
    public async Task Rooms() => await Write(Room(Kitchen), Room(Garden));

    [Test]
    public async Task The_rooms_of_another_server_are_those_that_its_users_have_joined()
    {
        await Write(
            new RoomFederated(Kitchen),
            new RoomFederated(Garden),
            new MembershipChanged(Kitchen, "@a:peer.example:8448", null, Membership.Join, EventNid.None, false),
            new MembershipChanged(Garden, "@a:peer.example:8448", null, Membership.Leave, EventNid.None, false),
            new MembershipChanged(Garden, "@b:peer.example", null, Membership.Join, EventNid.None, false));

        var rooms = await Store.Rooms.OfServerAsync("peer.example:8448", 10, Stop);

        Assert.That(rooms.Select(room => room.RoomId), Is.EqualTo(new[] { RoomIdOf(Kitchen) }));
        Assert.That(rooms[0].LastPosition, Is.Positive);
        Assert.That(await Store.Rooms.OfServerAsync("example", 10, Stop), Is.Empty);
    }

    [Test]
    public async Task A_users_rooms_are_those_with_the_memberships_asked_for()
    {
        await Write(Sets(Kitchen, Alice, Membership.Join));
        var position = await Write(Sets(Garden, Alice, Membership.Invite), Sets(Garden, Bob, Membership.Join));

        var all = await Store.Memberships.RoomsOfAsync(Alice, MembershipSet.Any, Stop);
        var invited = await Store.Memberships.RoomsOfAsync(Alice, MembershipSet.Invite | MembershipSet.Knock, Stop);

        Assert.That(all.Select(row => row.Room), Is.EquivalentTo(new[] { Kitchen, Garden }));
        Assert.That(invited, Is.EqualTo(new[]
        {
            new UserRoomRow(Garden, RoomIdOf(Garden), Membership.Invite, EventOf(Garden, Alice), position, false),
        }));
    }

    [Test]
    public async Task A_membership_changes_in_place_with_its_event_and_position()
    {
        await Write(Sets(Kitchen, Bob, Membership.Invite));
        var position = await Write(Samples.Sets(Kitchen, Bob, Membership.Ban, Live(Kitchen, 99)));

        Assert.That(
            await Store.Memberships.FindAsync(Kitchen, Bob, Stop),
            Is.EqualTo(new MemberRow(Bob, Membership.Ban, Live(Kitchen, 99), position)));
        Assert.That(await Store.Memberships.FindAsync(Kitchen, Carol, Stop), Is.Null);
    }

    [Test]
    public async Task A_new_event_of_a_joined_user_does_not_begin_the_membership_again()
    {
        var joined = await Write(Sets(Kitchen, Bob, Membership.Join));
        await Write(Samples.Sets(Kitchen, Bob, Membership.Join, Live(Kitchen, 99)));

        Assert.That(
            await Store.Memberships.FindAsync(Kitchen, Bob, Stop),
            Is.EqualTo(new MemberRow(Bob, Membership.Join, Live(Kitchen, 99), joined)));

        await Write(Sets(Kitchen, Bob, Membership.Leave));
        var again = await Write(Sets(Kitchen, Bob, Membership.Join));
        Assert.That((await Store.Memberships.FindAsync(Kitchen, Bob, Stop))!.Position, Is.EqualTo(again));
        var invited = await Write(Sets(Garden, Bob, Membership.Invite));
        var invitedAgain = await Write(Samples.Sets(Garden, Bob, Membership.Invite, Live(Garden, 99)));
        Assert.That(invitedAgain, Is.GreaterThan(invited));
        Assert.That((await Store.Memberships.FindAsync(Garden, Bob, Stop))!.Position, Is.EqualTo(invitedAgain));
    }

    [Test]
    public async Task Servers_of_rooms_that_a_user_joined_before_a_position_are_found()
    {
        await Write(Sets(Kitchen, "@c:two.org", Membership.Join), Sets(Garden, "@d:three.org", Membership.Join));
        var first = await Write(Sets(Kitchen, Alice, Membership.Join));
        var second = await Write(Sets(Garden, Alice, Membership.Join));

        Assert.That(await Store.Memberships.ServersSharingBeforeAsync(Alice, first, Stop), Is.Empty);
        Assert.That(
            await Store.Memberships.ServersSharingBeforeAsync(Alice, second, Stop),
            Is.EquivalentTo(new[] { "two.org" }));
        Assert.That(
            await Store.Memberships.ServersSharingBeforeAsync(Alice, second + 1, Stop),
            Is.EquivalentTo(new[] { "two.org", "three.org" }));
    }

    [Test]
    public async Task Members_are_paged_by_user_id()
    {
        await Write([.. Enumerable.Range(1, 7)
            .Select(n => Sets(Kitchen, $"@u{n}:example.org", n == 4 ? Membership.Leave : Membership.Join))]);

        var first = await Store.Memberships.MembersAsync(Kitchen, MembershipSet.Join, "", 4, Stop);
        var second = await Store.Memberships.MembersAsync(Kitchen, MembershipSet.Join, first[^1].UserId, 4, Stop);

        Assert.That(first.Select(row => row.UserId[2]), Is.EqualTo("1235"));
        Assert.That(second.Select(row => row.UserId[2]), Is.EqualTo("67"));
    }

    [Test]
    public async Task Joined_members_of_other_servers_are_counted_by_server()
    {
        await Write(
            Sets(Kitchen, Alice, Membership.Join),
            Sets(Kitchen, "@a:one.org:8448", Membership.Join),
            Sets(Kitchen, "@b:one.org:8448", Membership.Join),
            Sets(Kitchen, "@c:two.org", Membership.Join),
            Sets(Kitchen, "@d:two.org", Membership.Invite),
            Sets(Kitchen, "@e:three.org", Membership.Leave),
            Sets(Garden, "@f:four.org", Membership.Join));

        Assert.That(
            await Store.Memberships.RemoteMembersAsync(Kitchen, Stop),
            Is.EquivalentTo(new Dictionary<string, int> { ["one.org:8448"] = 2, ["two.org"] = 1 }));
    }

    [Test]
    public async Task Local_and_remote_members_are_distinguished()
    {
        await Write(
            Sets(Kitchen, Alice, Membership.Join),
            Sets(Kitchen, Remote, Membership.Join),
            Sets(Kitchen, Bob, Membership.Leave));

        var local = await Store.Memberships.LocalMembersAsync(Kitchen, MembershipSet.Join, Stop);
        var some = await Store.Memberships.FindManyAsync(Kitchen, [Remote, Bob, Carol], Stop);

        Assert.That(local.Select(row => row.UserId), Is.EqualTo(new[] { Alice }));
        Assert.That(some.Select(row => row.UserId), Is.EquivalentTo(new[] { Remote, Bob }));
        Assert.That(await Store.Memberships.CountAsync(Kitchen, Stop), Is.EqualTo(new MembershipCounts(2, 0, 0, 1, 0)));
    }

    [Test]
    public async Task Only_a_room_that_was_left_can_be_forgotten_and_coming_back_remembers_it()
    {
        await Write(Sets(Kitchen, Alice, Membership.Join));
        Assert.That(await Applies(new RoomForgotten(Kitchen, Alice)), Is.False);
        Assert.That(await Applies(new RoomForgotten(Garden, Alice)), Is.False);

        await Write(Sets(Kitchen, Alice, Membership.Leave));
        Assert.That(await Applies(new RoomForgotten(Kitchen, Alice)), Is.True);
        Assert.That((await Store.Memberships.RoomsOfAsync(Alice, MembershipSet.Any, Stop)).Single().Forgotten);

        await Write(Sets(Kitchen, Alice, Membership.Invite));
        Assert.That(
            (await Store.Memberships.RoomsOfAsync(Alice, MembershipSet.Any, Stop)).Single().Forgotten,
            Is.False);
    }

    [Test]
    public async Task Users_share_a_room_if_both_are_joined()
    {
        await Write(
            Sets(Kitchen, Alice, Membership.Join),
            Sets(Kitchen, Bob, Membership.Join),
            Sets(Kitchen, Remote, Membership.Join),
            Sets(Garden, Alice, Membership.Leave),
            Sets(Garden, Carol, Membership.Join));

        Assert.That(await Store.Memberships.ShareRoomAsync(Alice, Bob, Stop), Is.True);
        Assert.That(await Store.Memberships.ShareRoomAsync(Alice, Remote, Stop), Is.True);
        Assert.That(await Store.Memberships.ShareRoomAsync(Alice, Carol, Stop), Is.False);
        Assert.That(await Store.Memberships.LocalUsersSharingWithAsync(Alice, Stop), Is.EqualTo(new[] { Bob }));
        Assert.That(
            await Store.Memberships.SharingAmongAsync(Alice, [Bob, Carol, Remote, "@nobody:example.org"], Stop),
            Is.EquivalentTo(new[] { Bob, Remote }));
    }

    [Test]
    public async Task A_membership_that_changed_after_a_position_leaves_open_who_shared_a_room_there()
    {
        var at = await Write(
            Sets(Kitchen, Alice, Membership.Join),
            Sets(Kitchen, Bob, Membership.Join),
            Sets(Kitchen, Remote, Membership.Join),
            Sets(Kitchen, Carol, Membership.Leave));
        Assert.That(await SharedAt(), Is.EquivalentTo(new[] { (Bob, true), (Remote, true) }));

        await Write(
            Sets(Kitchen, Bob, Membership.Leave),
            new MembershipChanged(
                Kitchen, Remote, Membership.Join, Membership.Join, Live(Kitchen, 9), IsLocal: false),
            Sets(Kitchen, Carol, Membership.Join));
        Assert.That(await SharedAt(), Is.EquivalentTo(new[] { (Bob, false), (Remote, true), (Carol, false) }));
        Assert.That(await Joined(at), Is.EquivalentTo(new[] { Alice, Bob, Remote, Carol }));
        Assert.That(await Joined(Store.Writer.PublishedPosition), Is.EquivalentTo(new[] { Alice, Remote, Carol }));

        await Write(Sets(Kitchen, Alice, Membership.Ban));
        Assert.That(await SharedAt(), Is.EquivalentTo(new[] { (Bob, false), (Remote, false), (Carol, false) }));

        async Task<(string, bool)[]> SharedAt() =>
        [
            .. (await Store.Memberships.SharedAtAsync(Alice, [Bob, Carol, Remote, "@nobody:example.org"], at, Stop))
                .Select(row => (row.UserId, row.IsSure)),
        ];
        async Task<string[]> Joined(long position) =>
        [
            .. (await Store.Memberships.JoinedOrChangedAsync(Kitchen, position, "", 9, Stop)).Select(row => row.UserId),
        ];
    }

    [Test]
    public async Task A_user_whom_the_state_no_longer_mentions_is_no_member()
    {
        await Write(Sets(Kitchen, Alice, Membership.Join));

        await Write(new MembershipChanged(Kitchen, Alice, Membership.Join, null, EventNid.None, true));

        Assert.That(await Store.Memberships.FindAsync(Kitchen, Alice, Stop), Is.Null);
    }

    private static EventNid EventOf(RoomNid room, string user) => Live(room, (uint)user[1]);

    private static MembershipChanged Sets(RoomNid room, string user, Membership membership) =>
        Samples.Sets(
            room, user, membership, EventOf(room, user), user.EndsWith(":example.org", StringComparison.Ordinal));
}
