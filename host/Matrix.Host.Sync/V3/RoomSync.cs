using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Unread;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Writing;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Sync, put together, with what stands beside it: receipts, typing, unread counts. Made once, after the rooms and before anything is written,
/// for it hears of every commit after they did.
/// </summary>
public sealed class RoomSync : IAsyncDisposable
{
    private readonly Notifier _notifier;
    private readonly ErasedUsers _erased;

    /// <summary>Puts the parts together and starts to hear of commits.</summary>
    public RoomSync(
        IStorage storage, RoomEngine rooms, PushRuleCache rules, SyncOptions options, ReadingOptions reading, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(storage);
        ArgumentNullException.ThrowIfNull(rooms);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(reading);
        _notifier = new Notifier(new StreamSource(storage.Memberships), time, options, storage.Writer.PublishedPosition);
        var typing = new TypingBoard(_notifier, time, options);
        var unread = new UnreadCounter(storage, _notifier, options.UnreadCacheBytes);
        Replaced = new ReplacedState(storage.State);
        History = new MembershipHistory(rooms.Events, rooms.States, Replaced);
        _erased = new ErasedUsers(History, time);
        Visibility = new Visibility(rooms.Events, rooms.States, Replaced, History, _erased);
        ClientEvents = new ClientEvents(rooms.Events, Replaced, History, Visibility, time);
        Ignored = new IgnoredUsers(storage.AccountData);
        Aggregations = new Aggregations(storage.Relations, rooms.Events, Ignored, Visibility, reading);
        Typing = typing;
        Receipts = new ReceiptWriter(rooms.Rooms, rooms.Events, storage, reading, time);
        Sync = new SyncEngine(
            new RoomServices
            {
                Storage = storage,
                Rooms = rooms.Rooms,
                Events = rooms.Events,
                States = rooms.States,
                Notifier = _notifier,
                Typing = typing,
                Unread = unread,
                DeviceLists = new DeviceListChanges(storage, rooms.Rooms, rooms.States, rooms.Events),
                ClientEvents = ClientEvents,
                Ignored = Ignored,
                Invites = new InvitePermission(storage.AccountData),
                Replaced = Replaced,
                History = History,
                Aggregations = Aggregations,
                Visibility = Visibility,
                Options = options,
                Reading = reading,
            },
            time);
        _notifier.DeviceLists.Start();
        storage.Writer.AddConsumer(_erased);
        foreach (var stream in AllStreams.Of(_notifier, typing, unread, rules)) storage.Writer.AddConsumer(stream);
    }

    /// <summary>Answers sync.</summary>
    public ISync Sync { get; }

    /// <summary>Who types.</summary>
    public ITypingBoard Typing { get; }

    /// <summary>Sets receipts and read markers.</summary>
    public ReceiptWriter Receipts { get; }

    /// <summary>Events in client form.</summary>
    public ClientEvents ClientEvents { get; }

    /// <summary>Who may see which event.</summary>
    public Visibility Visibility { get; }

    /// <summary>What state events took the place of.</summary>
    public ReplacedState Replaced { get; }

    /// <summary>Users' memberships, followed back.</summary>
    public MembershipHistory History { get; }

    /// <summary>What is bundled with events.</summary>
    public Aggregations Aggregations { get; }

    /// <summary>Whom users ignore.</summary>
    public IgnoredUsers Ignored { get; }

    /// <summary>How many users are followed in memory because they sync.</summary>
    public int ActiveUsers => _notifier.ActiveUsers;

    /// <summary>Reads what must be known before anyone is served.</summary>
    public ValueTask LoadAsync(IStorage storage, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(storage);
        return _erased.LoadAsync(storage.Accounts, stop);
    }

    /// <summary>The server stops: every long-poll is answered now.</summary>
    public void Drain() => _notifier.Drain();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _notifier.Drain();
        await _notifier.DeviceLists.DisposeAsync().ConfigureAwait(false);
        _notifier.Dispose();
    }
}
