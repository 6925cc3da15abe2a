using Matrix.Host.Storage.Commits;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Sends that PostgreSQL committed, but whose response was lost with the connection.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class LostCommitTests
{
    private CuttingProxy _proxy = null!;
    private RoomsWorld _world = null!;
    private string _room = null!;

    [SetUp]
    public async Task Starts()
    {
        _proxy = new CuttingProxy((await PostgresServer.SharedAsync()).Address);
        _world = await RoomsWorld.StartsAsync(TestDatabase.Postgres, through: _proxy);
        _room = await _world.CreatesRoomAsync("alice");
    }

    [TearDown]
    public async Task Stops()
    {
        await _world.DisposeAsync();
        await _proxy.DisposeAsync();
    }

    [Test]
    public async Task A_send_is_answered_and_seen_although_the_answer_to_its_commit_was_lost()
    {
        _proxy.CutAtNextCommit();
        var sent = await _world.SaysAsync("alice", _room, "kept");

        Assert.That((sent.Failure, _proxy.HasCut), Is.EqualTo(((Matrix.Host.Rooms.RoomFailure?)null, true)));
        Assert.That((await _world.TimelineAsync(_room))[^1].EventId, Is.EqualTo(sent.Value));
        Assert.That(
            (await _world.Rooms.Rooms.FindAsync(_room, default))!.LastEvent,
            Is.EqualTo((await _world.TimelineAsync(_room))[^1].Nid));
    }

    [Test]
    public async Task A_send_of_which_nobody_knew_whether_it_was_kept_is_made_once_when_it_is_repeated()
    {
        _proxy.CutAtNextCommit(andStayAway: true);
        var failure = Assert.ThrowsAsync<StorageException>(() => _world.SaysAsync("alice", _room, "kept", "txn"))!;
        Assert.That(failure.Failure, Is.EqualTo(StorageFailure.Doubtful));
        _proxy.ComeBack();

        var again = await _world.SaysAsync("alice", _room, "kept", "txn");
        var next = await _world.SaysAsync("alice", _room, "the next");

        var messages = (await _world.TimelineAsync(_room))
            .Where(each => each.Pdu.Type == "m.room.message").Select(each => each.EventId);
        Assert.That(messages, Is.EqualTo(new[] { again.Value, next.Value }));
    }
}
