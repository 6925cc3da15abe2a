using Matrix.Core.State;
using Matrix.Host.Rooms.Servers;

namespace Matrix.Host.Tests.Rooms;

/// <summary>How members of a server are found in the states of a room.</summary>
internal sealed class ServerMembersTests
{
    private const string MemberType = "m.room.member";

    private readonly Dictionary<uint, ServerMember> _events = [];
    private readonly List<uint> _loaded = [];
    private uint _last;

    [SetUp]
    public void Clear()
    {
        _events.Clear();
        _loaded.Clear();
        _last = 0;
    }

    [Test]
    public async Task Each_membership_event_of_the_server_is_looked_up_once_in_all_states()
    {
        var state = StateTree.Empty;
        for (var n = 0; n < 500; n++) state = Sets(state, $"@u{n}:other.example", "join");
        for (var n = 0; n < 150; n++) state = Sets(state, $"@u{n}:us.example", "leave");
        var members = Members(most: 1000);
        for (var n = 0; n < 50; n++)
        {
            state = Sets(state, "@u1:other.example", "leave");
            Assert.That(await members.AnyAsync(state, IsJoined), Is.False);
        }

        Assert.That(_loaded, Has.Count.EqualTo(150));

        var joined = Sets(state, "@new:us.example", "join");
        Assert.That(await members.AnyAsync(joined, IsJoined), Is.True);
        Assert.That(await members.AnyAsync(state, IsJoined), Is.False, "the state before");
        Assert.That(await members.AnyAsync(joined, IsJoined), Is.True);
        Assert.That(await members.AnyAsync(Sets(joined, "@new:us.example", "leave"), IsJoined), Is.False);
        Assert.That(await members.AnyAsync(joined.Remove(MemberType, "@new:us.example"), IsJoined), Is.False);
        Assert.That(_loaded, Has.Count.EqualTo(152));
        Assert.That(_loaded, Is.Unique);
    }

    [Test]
    public async Task A_page_of_them_is_enough_where_most_are_joined()
    {
        var state = StateTree.Empty;
        for (var n = 0; n < 1000; n++) state = Sets(state, $"@u{n}:us.example", "join");

        Assert.That(await Members(most: 1000).AnyAsync(state, IsJoined), Is.True);

        Assert.That(_loaded, Has.Count.EqualTo(100));
    }

    [Test]
    public async Task Beyond_the_bound_none_are_looked_up()
    {
        var state = StateTree.Empty;
        for (var n = 0; n < 1000; n++) state = Sets(state, $"@u{n}:us.example", "leave");
        var members = Members(most: 130);

        Assert.That(await members.AnyAsync(state, IsJoined), Is.False);
        Assert.That(await members.AnyAsync(Sets(state, "@new:us.example", "join"), IsJoined), Is.False);

        Assert.That(_loaded, Has.Count.EqualTo(130));
    }

    [Test]
    public async Task An_event_that_is_not_here_is_no_member()
    {
        var state = StateTree.Empty.Set(StateEntry.Of(MemberType, "@a:us.example", "$absent", 7));

        Assert.That(await Members(most: 10).AnyAsync(state, IsJoined), Is.False);
    }

    private static bool IsJoined(ServerMember member) => member.Membership == "join";

    private ServerMembers Members(int most) => new("us.example", most, ordinals =>
    {
        _loaded.AddRange(ordinals);
        return ValueTask.FromResult<IReadOnlyDictionary<uint, ServerMember>>(
            ordinals.Where(_events.ContainsKey).ToDictionary(ordinal => ordinal, ordinal => _events[ordinal]));
    });

    private StateTree Sets(StateTree state, string userId, string membership)
    {
        _events[++_last] = new ServerMember(membership, 0, 0);
        return state.Set(StateEntry.Of(MemberType, userId, $"$event{_last}", _last));
    }
}
