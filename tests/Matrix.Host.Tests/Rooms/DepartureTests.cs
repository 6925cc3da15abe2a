using System.Text.RegularExpressions;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Leaving rooms after a deactivation, interrupted and resumed.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed partial class DepartureTests(string kind)
{
    private BreakingWriter _writer = null!;
    private RoomsWorld _world = null!;

    /// <summary>The rooms that could not be left, as they were logged.</summary>
    private IEnumerable<string> Failures =>
        Failed().Matches(_world.Log.Lines).Select(static failed => failed.Groups[1].Value);

    [GeneratedRegex("could not leave the room (\\S*);")]
    private static partial Regex Failed();

    [SetUp]
    public async Task StartAsync()
    {
        _world = await RoomsWorld.StartsAsync(kind, (storage, parts) =>
        {
            _writer = new BreakingWriter(storage.Writer);
            parts.AddSingleton<IStorageWriter>(_writer);
        });
    }

    [TearDown]
    public async Task StopAsync() => await _world.DisposeAsync();

    [Test]
    public async Task What_was_stopped_in_the_middle_goes_on_after_a_restart()
    {
        var rooms = await DeactivatedInRoomsAsync(5);
        _writer.EventsUntilItBreaks = 2;

        await _world.Rooms.Accounts.LeaveAllAsync(RoomsWorld.Id("alice"), default);
        Assert.That(await MembershipsAsync(rooms), Has.Exactly(2).EqualTo("leave"), "the test stops it in the middle");
        await _world.RestartsAsync();

        Assert.That(await RoundAsync(), Is.True);
        Assert.That(await MembershipsAsync(rooms), Is.All.EqualTo("leave"));
        Assert.That(Failures, Is.Empty);
        Assert.That(await _world.Storage.Accounts.ListDeparturesAsync("", 10, default), Is.Empty);
        foreach (var room in rooms)
        {
            Assert.That(
                (await _world.TimelineAsync(room)).Count(IsLeaveOfAlice),
                Is.EqualTo(1),
                "each room is left once");
        }
    }

    [Test]
    public async Task A_room_that_cannot_be_left_is_tried_again_and_keeps_nobody_in_the_others()
    {
        var rooms = await DeactivatedInRoomsAsync(3);
        _writer.FailsInRoom = rooms[1];

        await _world.Rooms.Accounts.LeaveAllAsync(RoomsWorld.Id("alice"), default);

        Assert.That(await MembershipsAsync(rooms), Is.EqualTo(new[] { "leave", "join", "leave" }));
        Assert.That(
            await _world.Storage.Accounts.ListDeparturesAsync("", 10, default),
            Is.EqualTo(new[] { RoomsWorld.Id("alice") }));
        Assert.That(await RoundAsync(), Is.False);
        Assert.That(Failures, Is.EqualTo(new[] { rooms[1] }));
        Assert.That(await MembershipsAsync(rooms), Is.EqualTo(new[] { "leave", "join", "leave" }));

        _writer.FailsInRoom = null;
        Assert.That(await RoundAsync(), Is.True);
        Assert.That(await MembershipsAsync(rooms), Is.All.EqualTo("leave"));
        foreach (var room in rooms)
        {
            Assert.That((await _world.TimelineAsync(room)).Count(IsLeaveOfAlice), Is.EqualTo(1));
        }

        Assert.That(await _world.Storage.Accounts.ListDeparturesAsync("", 10, default), Is.Empty);
    }

    [Test]
    public async Task The_job_retries_by_itself_and_reports_failures()
    {
        var rooms = await DeactivatedInRoomsAsync(1);
        _writer.FailsOnce = true;
        var departures = _world.Rooms.Departures;
        await departures.StartAsync(default);

        for (var i = 0; i < 500 && (await MembershipsAsync(rooms))[0] != "leave"; i++) await Task.Delay(20);
        await departures.StopAsync(default);

        Assert.That(await MembershipsAsync(rooms), Is.All.EqualTo("leave"));
        Assert.That(Failures, Is.EqualTo(rooms));
        Assert.That(departures.ExecuteTask!.IsCanceled);
    }

    /// <summary>Makes Alice join that many rooms, and deactivates her.</summary>
    private async Task<List<string>> DeactivatedInRoomsAsync(int count)
    {
        var rooms = new List<string>();
        for (var i = 0; i < count; i++)
        {
            rooms.Add(await _world.CreatesRoomAsync("bob"));
            Assert.That(await _world.JoinsAsync("alice", rooms[i]), Is.Null);
        }

        var deactivation = Batches.New().Require(new UserDeactivated(RoomsWorld.Id("alice"), Erase: false));
        Assert.That((await _world.Storage.Writer.WriteAsync(deactivation, default)).Refused, Is.False);
        return rooms;
    }

    private ValueTask<bool> RoundAsync() => _world.Rooms.Departures.RoundAsync(default);

    private async Task<List<string?>> MembershipsAsync(IEnumerable<string> rooms)
    {
        var memberships = new List<string?>();
        foreach (var room in rooms)
        {
            var last = (await _world.TimelineAsync(room)).Last(stored => stored.Pdu.StateKey == RoomsWorld.Id("alice"));
            memberships.Add(last.Pdu.Content.Text("membership"));
        }

        return memberships;
    }

    private static bool IsLeaveOfAlice(StoredEvent stored) =>
        stored.Pdu.StateKey == RoomsWorld.Id("alice") && stored.Pdu.Content.Text("membership") == "leave";

    /// <summary>A writer that fails after some events, refuses one, or those of a room.</summary>
    private sealed class BreakingWriter(IStorageWriter writer) : IStorageWriter
    {
        // Rooms are left side by side.
        private int _eventsUntilItBreaks = int.MaxValue;

        public int EventsUntilItBreaks { set => _eventsUntilItBreaks = value; }

        public bool FailsOnce { get; set; }

        public string? FailsInRoom { get; set; }

        public long PublishedPosition => writer.PublishedPosition;

        public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop)
        {
            if (batch.Changes.OfType<EventsAppended>().Any(appended => appended.Room.RoomId == FailsInRoom))
            {
                throw new StorageException(StorageFailure.Overloaded, "Too much of the room waits.");
            }

            if (batch.Changes.OfType<EventsAppended>().Any())
            {
                if (FailsOnce)
                {
                    FailsOnce = false;
                    throw new StorageException(StorageFailure.Overloaded, "Too much waits.");
                }

                if (Interlocked.Decrement(ref _eventsUntilItBreaks) < 0)
                    throw new StorageException(StorageFailure.Unavailable, "The database is gone.");
            }

            return writer.WriteAsync(batch, stop);
        }

        public void Post(WriteBatch batch) => writer.Post(batch);

        public void AddConsumer(IChangeConsumer consumer) => writer.AddConsumer(consumer);
    }
}
