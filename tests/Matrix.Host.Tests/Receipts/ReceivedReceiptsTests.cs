using System.Reflection;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Receipts;

/// <summary>Receipts that come before their events. Local users take the part of remote ones.</summary>
internal sealed class ReceivedReceiptsTests(string kind) : TwoInARoomTests(kind)
{
    private readonly ManualTime _time = new();
    private HiddenEvents _events = null!;
    private RefusedReceipts _writer = null!;
    private EarlyReceipts _early = null!;
    private ReceivedReceipts _receipts = null!;

    private OpenedStorage Store => Server.Services.GetRequiredService<OpenedStorage>();

    [SetUp]
    public void Prepare()
    {
        var (table, events) = HiddenEvents.Of(Store.Events);
        (var writer, _writer) = RefusedReceipts.Of(Store.Writer);
        var options = new ReadingOptions();
        _events = events;
        _early = new EarlyReceipts(options);
        _receipts = new ReceivedReceipts(
            Server.Services.GetRequiredService<ServerAccess>(),
            new EventStore(table, 0),
            _early,
            writer,
            options,
            _time,
            NullLogger<ReceivedReceipts>.Instance);
    }

    [TearDown]
    public void Dispose() => _receipts.Dispose();

    [Test]
    public async Task One_whose_event_came_while_it_was_kept_is_applied_and_kept_no_longer()
    {
        var said = await Alice.SaysAsync(Room, "x");
        _events.HiddenReads = 1;

        await ReceivesAsync(Bob.UserId, said);

        Assert.That(await ReadersAsync(), Is.EqualTo(new[] { Bob.UserId }));
        Assert.That(_early.Count, Is.Zero);
    }

    [Test]
    public async Task One_that_the_storage_refuses_is_tried_again_and_holds_up_no_other()
    {
        var carol = await Server.RegistersAsync("carol");
        await carol.JoinsAsync(Room);
        var said = await Alice.SaysAsync(Room, "x");
        _events.HiddenReads = 4;
        await ReceivesAsync(Bob.UserId, said);
        await ReceivesAsync(carol.UserId, said);
        Assert.That(_early.Count, Is.EqualTo(2));
        _writer.Refused = Bob.UserId;
        _early.Missed(0);

        await _receipts.StartAsync(CancellationToken.None);
        Assert.That(await ReadersAsync(TimeSpan.Zero, count: 1), Is.EqualTo(new[] { carol.UserId }));

        _writer.Refused = null;
        Assert.That(
            await ReadersAsync(TimeSpan.FromSeconds(5), count: 2),
            Is.EquivalentTo(new[] { Bob.UserId, carol.UserId }));
        await _receipts.StopAsync(CancellationToken.None);
        Assert.That(_receipts.ExecuteTask!.IsCanceled);
    }

    private async Task ReceivesAsync(string userId, string eventId) => Assert.That(
        await _receipts.ReceiveAsync(
            TestServer.ServerName, Room, [new RemoteReceipt(userId, eventId, "", 1)], default),
        Is.Zero);

    /// <summary>Those who have read, once they are so many; between two looks so much time passes.</summary>
    private async Task<List<string>> ReadersAsync(TimeSpan step, int count)
    {
        var until = DateTime.UtcNow.AddSeconds(10);
        while ((await ReadersAsync()).Count < count && DateTime.UtcNow < until)
        {
            _time.Advance(step);
            await Task.Delay(20);
        }

        return await ReadersAsync();
    }

    private async Task<List<string>> ReadersAsync()
    {
        var room = (await Store.Rooms.FindAsync(Room, default))!.Nid;
        var readers = new List<string>();
        foreach (var userId in new[] { "bob", "carol" }.Select(name => $"@{name}:{TestServer.ServerName}"))
        {
            if ((await Store.Receipts.OfUserAsync(room, userId, default)).Count > 0) readers.Add(userId);
        }

        return readers;
    }
}

/// <summary>A table of events that finds none by its id as often as a test wants.</summary>
public class HiddenEvents : DispatchProxy
{
    private IEventsTable _table = null!;

    internal int HiddenReads { get; set; }

    internal static (IEventsTable Table, HiddenEvents Hidden) Of(IEventsTable table)
    {
        var proxy = Create<IEventsTable, HiddenEvents>();
        var self = (HiddenEvents)(object)proxy;
        self._table = table;
        return (proxy, self);
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        args is [RoomNid, string, CancellationToken] && HiddenReads-- > 0
            ? new ValueTask<EventRow?>(default(EventRow?))
            : targetMethod!.Invoke(_table, args);
}

/// <summary>A writer that refuses the receipts of a user.</summary>
public class RefusedReceipts : DispatchProxy
{
    private IStorageWriter _writer = null!;

    internal string? Refused { get; set; }

    internal static (IStorageWriter Writer, RefusedReceipts Refused) Of(IStorageWriter writer)
    {
        var proxy = Create<IStorageWriter, RefusedReceipts>();
        var self = (RefusedReceipts)(object)proxy;
        self._writer = writer;
        return (proxy, self);
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        args is [WriteBatch batch, ..] && batch.Changes.OfType<ReceiptMoved>().Any(each => each.UserId == Refused)
            ? throw new StorageException(StorageFailure.Unavailable, "The test fails this write.")
            : targetMethod!.Invoke(_writer, args);
}
